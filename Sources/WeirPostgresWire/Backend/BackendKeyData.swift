public import NIOCore

extension PostgresBackend {
    /// What a CancelRequest has to name to end this session's query.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, BackendKeyData.
    public struct BackendKeyData: PostgresMessage {
        /// The process id of the session.
        public let processID: Int32
        /// The secret: 4 bytes in protocol 3.0, up to 256 since 3.2.
        public let secretKey: ByteBuffer

        /// A message to send.
        public init(processID: Int32, secretKey: ByteBuffer) {
            self.processID = processID
            self.secretKey = secretKey
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.backendKeyData)
            self.processID = try reader.integer()
            self.secretKey = reader.allBytes()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.backendKeyData.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.integer(self.processID)
                try message.secretKey(self.secretKey)
            }
        }

        /// Bytes of a secret key, since protocol 3.2.
        static var maximumSecretKeyLength: Int { 256 }
    }
}
