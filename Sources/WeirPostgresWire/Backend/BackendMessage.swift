public import NIOCore

extension PostgresBackend {
    /// Any message that a server sends.
    public enum Message: PostgresMessage {
        /// ``AuthenticationOk``.
        case authenticationOk(AuthenticationOk)
        /// ``AuthenticationKerberosV5``.
        case authenticationKerberosV5(AuthenticationKerberosV5)
        /// ``AuthenticationCleartextPassword``.
        case authenticationCleartextPassword(AuthenticationCleartextPassword)
        /// ``AuthenticationMD5Password``.
        case authenticationMD5Password(AuthenticationMD5Password)
        /// ``AuthenticationGSS``.
        case authenticationGSS(AuthenticationGSS)
        /// ``AuthenticationGSSContinue``.
        case authenticationGSSContinue(AuthenticationGSSContinue)
        /// ``AuthenticationSSPI``.
        case authenticationSSPI(AuthenticationSSPI)
        /// ``AuthenticationSASL``.
        case authenticationSASL(AuthenticationSASL)
        /// ``AuthenticationSASLContinue``.
        case authenticationSASLContinue(AuthenticationSASLContinue)
        /// ``AuthenticationSASLFinal``.
        case authenticationSASLFinal(AuthenticationSASLFinal)
        /// ``BackendKeyData``.
        case backendKeyData(BackendKeyData)
        /// ``BindComplete``.
        case bindComplete(BindComplete)
        /// ``CloseComplete``.
        case closeComplete(CloseComplete)
        /// ``CommandComplete``.
        case commandComplete(CommandComplete)
        /// ``CopyInResponse``.
        case copyInResponse(CopyInResponse)
        /// ``CopyOutResponse``.
        case copyOutResponse(CopyOutResponse)
        /// ``CopyBothResponse``.
        case copyBothResponse(CopyBothResponse)
        /// ``CopyData``.
        case copyData(CopyData)
        /// ``CopyDone``.
        case copyDone(CopyDone)
        /// ``DataRow``.
        case dataRow(DataRow)
        /// ``EmptyQueryResponse``.
        case emptyQueryResponse(EmptyQueryResponse)
        /// ``ErrorResponse``.
        case errorResponse(ErrorResponse)
        /// ``FunctionCallResponse``.
        case functionCallResponse(FunctionCallResponse)
        /// ``NegotiateProtocolVersion``.
        case negotiateProtocolVersion(NegotiateProtocolVersion)
        /// ``NoData``.
        case noData(NoData)
        /// ``NoticeResponse``.
        case noticeResponse(NoticeResponse)
        /// ``NotificationResponse``.
        case notificationResponse(NotificationResponse)
        /// ``ParameterDescription``.
        case parameterDescription(ParameterDescription)
        /// ``ParameterStatus``.
        case parameterStatus(ParameterStatus)
        /// ``ParseComplete``.
        case parseComplete(ParseComplete)
        /// ``PortalSuspended``.
        case portalSuspended(PortalSuspended)
        /// ``ReadyForQuery``.
        case readyForQuery(ReadyForQuery)
        /// ``RowDescription``.
        case rowDescription(RowDescription)
        /// ``EncryptionResponse``.
        case encryptionResponse(EncryptionResponse)

        /// Reads a frame that a server sent, whatever it is.
        ///
        /// - Throws: ``PostgresWireError``; ``PostgresWireError/Code/unknownKind`` if it is none of these.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            guard !frame.isEncryptionResponse else {
                self = .encryptionResponse(try EncryptionResponse(frame, limits: limits))
                return
            }
            guard let kind = frame.backendKind else { throw PostgresWireError(.unknownKind, "a first byte that names no message") }
            switch kind {
            case .authentication: self = try Message(authentication: frame, limits: limits)
            case .backendKeyData: self = .backendKeyData(try BackendKeyData(frame, limits: limits))
            case .bindComplete: self = .bindComplete(try BindComplete(frame, limits: limits))
            case .closeComplete: self = .closeComplete(try CloseComplete(frame, limits: limits))
            case .commandComplete: self = .commandComplete(try CommandComplete(frame, limits: limits))
            case .copyInResponse: self = .copyInResponse(try CopyInResponse(frame, limits: limits))
            case .copyOutResponse: self = .copyOutResponse(try CopyOutResponse(frame, limits: limits))
            case .copyBothResponse: self = .copyBothResponse(try CopyBothResponse(frame, limits: limits))
            case .copyData: self = .copyData(try CopyData(frame, limits: limits))
            case .copyDone: self = .copyDone(try CopyDone(frame, limits: limits))
            case .dataRow: self = .dataRow(try DataRow(frame, limits: limits))
            case .emptyQueryResponse: self = .emptyQueryResponse(try EmptyQueryResponse(frame, limits: limits))
            case .errorResponse: self = .errorResponse(try ErrorResponse(frame, limits: limits))
            case .functionCallResponse: self = .functionCallResponse(try FunctionCallResponse(frame, limits: limits))
            case .negotiateProtocolVersion: self = .negotiateProtocolVersion(try NegotiateProtocolVersion(frame, limits: limits))
            case .noData: self = .noData(try NoData(frame, limits: limits))
            case .noticeResponse: self = .noticeResponse(try NoticeResponse(frame, limits: limits))
            case .notificationResponse: self = .notificationResponse(try NotificationResponse(frame, limits: limits))
            case .parameterDescription: self = .parameterDescription(try ParameterDescription(frame, limits: limits))
            case .parameterStatus: self = .parameterStatus(try ParameterStatus(frame, limits: limits))
            case .parseComplete: self = .parseComplete(try ParseComplete(frame, limits: limits))
            case .portalSuspended: self = .portalSuspended(try PortalSuspended(frame, limits: limits))
            case .readyForQuery: self = .readyForQuery(try ReadyForQuery(frame, limits: limits))
            case .rowDescription: self = .rowDescription(try RowDescription(frame, limits: limits))
            }
        }

        private init(authentication frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.authentication)
            switch try reader.integer(Int32.self) {
            case AuthenticationCode.ok: self = .authenticationOk(try AuthenticationOk(frame, limits: limits))
            case AuthenticationCode.kerberosV5: self = .authenticationKerberosV5(try AuthenticationKerberosV5(frame, limits: limits))
            case AuthenticationCode.cleartextPassword:
                self = .authenticationCleartextPassword(try AuthenticationCleartextPassword(frame, limits: limits))
            case AuthenticationCode.md5Password: self = .authenticationMD5Password(try AuthenticationMD5Password(frame, limits: limits))
            case AuthenticationCode.gss: self = .authenticationGSS(try AuthenticationGSS(frame, limits: limits))
            case AuthenticationCode.gssContinue: self = .authenticationGSSContinue(try AuthenticationGSSContinue(frame, limits: limits))
            case AuthenticationCode.sspi: self = .authenticationSSPI(try AuthenticationSSPI(frame, limits: limits))
            case AuthenticationCode.sasl: self = .authenticationSASL(try AuthenticationSASL(frame, limits: limits))
            case AuthenticationCode.saslContinue: self = .authenticationSASLContinue(try AuthenticationSASLContinue(frame, limits: limits))
            case AuthenticationCode.saslFinal: self = .authenticationSASLFinal(try AuthenticationSASLFinal(frame, limits: limits))
            default: throw PostgresWireError(.unknownKind, "a request for an unknown kind of authentication")
            }
        }

        /// What the message that it is says of itself.
        public var description: String { Mirror(reflecting: self).children.first.map { "\($0.value)" } ?? "Message" }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            switch self {
            case .authenticationOk(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationKerberosV5(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationCleartextPassword(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationMD5Password(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationGSS(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationGSSContinue(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationSSPI(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationSASL(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationSASLContinue(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .authenticationSASLFinal(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .backendKeyData(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .bindComplete(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .closeComplete(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .commandComplete(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyInResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyOutResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyBothResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyData(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .copyDone(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .dataRow(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .emptyQueryResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .errorResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .functionCallResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .negotiateProtocolVersion(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .noData(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .noticeResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .notificationResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .parameterDescription(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .parameterStatus(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .parseComplete(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .portalSuspended(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .readyForQuery(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .rowDescription(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            case .encryptionResponse(let message): try message.write(into: &buffer, maximumLength: maximumLength)
            }
        }
    }
}
