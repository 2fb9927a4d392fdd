import NIOCore
import WeirPostgresWire
import WeirSockets

/// What belongs to no statement: the login, what may come at any time, and what nobody asked for.
extension PostgresConnection {
    /// - Returns: false for a message that may not come now.
    @inline(never)
    func receivedAside(_ header: PostgresFrameHeader, _ at: Int, _ bytes: ByteBuffer) throws(PostgresWireError) -> Bool {
        if header.length == 1 {
            // A byte that answers the request for TLS.
            guard let login, let byte = bytes.getInteger(at: bytes.readerIndex + at, as: UInt8.self) else { return false }
            login.encryptionAnswered(byte)
            return true
        }
        let frame = try Self.frame(header, at, bytes)
        let limits = self.configuration.wireLimits
        switch frame.backendKind {
        case .parameterStatus:
            let status = try PostgresBackend.ParameterStatus(frame, limits: limits)
            return self.received(status)
        case .noticeResponse:
            let notice = PostgresServerError(try PostgresBackend.NoticeResponse(frame, limits: limits).fields)
            self.configuration.onNotice?(notice)
            return true
        case .notificationResponse:
            let notification = try PostgresBackend.NotificationResponse(frame, limits: limits)
            self.onNotification?(PostgresNotification(notification))
            return true
        case .errorResponse where self.login == nil:
            // Before the connection is closed it is said why.
            let farewell = PostgresServerError(try PostgresBackend.ErrorResponse(frame, limits: limits).fields)
            self.farewell = farewell
            guard farewell.isFatal else { return false }
            self.end(.connectionLost, "the server ended the session")
            return true
        default:
            guard let login else { return false }
            return try login.received(frame)
        }
    }

    /// What a session tells of itself: a few dozen settings.
    func received(_ status: PostgresBackend.ParameterStatus) -> Bool {
        let name = status.name.string
        guard self.parameters.count < 256 || self.parameters[name] != nil else { return false }
        let value = status.value.string
        // Text would be read as what it is not.
        if name == "client_encoding", self.login == nil, self.proxyBackend == nil, value != "UTF8" { return false }
        if self.login == nil, self.parameters[name] != value { self.isAltered = true }
        self.parameters[name] = value
        return true
    }

    /// Statements may be sent.
    func loginDone() {
        // All that was said has been answered, so that nothing is with the channel.
        if let login, !login.usesTLS, let context { self.socket = DirectSocket(context) }
        self.login = nil
        self.state.pointee.status = .idle
    }
}

extension PostgresBackend.Kind {
    /// Whether it may come at any time, for no statement.
    @inline(__always)
    var isAsynchronous: Bool { self == .parameterStatus || self == .noticeResponse || self == .notificationResponse }
}
