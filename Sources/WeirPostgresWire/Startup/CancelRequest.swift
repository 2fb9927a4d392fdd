public import NIOCore

extension PostgresFrontend {
    /// Asks a server to end the query of another session; the only message of its connection. Has no tag.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CancelRequest.
    public struct CancelRequest: PostgresMessage {
        /// The process id of the session, of its BackendKeyData.
        public let processID: Int32
        /// The secret of the session, of its BackendKeyData: 4 bytes in protocol 3.0, up to 256 since 3.2.
        public let secretKey: ByteBuffer

        /// A message to send.
        public init(processID: Int32, secretKey: ByteBuffer) {
            self.processID = processID
            self.secretKey = secretKey
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, request: PostgresRequestCode.cancel)
            self.processID = try reader.integer()
            self.secretKey = reader.allBytes()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(0, maximumLength: maximumLength) { message throws(PostgresWireError) in
                try message.integer(PostgresRequestCode.cancel)
                try message.integer(self.processID)
                try message.secretKey(self.secretKey)
            }
        }
    }
}

extension PostgresReader {
    /// - Throws: ``PostgresWireError/Code/unexpectedKind`` if the frame is another message.
    init(_ frame: PostgresFrame, request code: UInt32) throws(PostgresWireError) {
        try self.init(frame, PostgresFrontend.Kind.startupPacket)
        guard try self.integer(UInt32.self) == code else {
            throw PostgresWireError(.unexpectedKind, "another start-up packet")
        }
    }
}
