public import NIOCore

extension PostgresBackend {
    /// The server's next message of the SASL mechanism.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationSASLContinue.
    public struct AuthenticationSASLContinue: PostgresMessage {
        /// The message.
        public let data: ByteBuffer

        /// A message to send.
        public init(data: ByteBuffer) { self.data = data }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, authentication: AuthenticationCode.saslContinue)
            self.data = reader.allBytes()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresAuthentication(AuthenticationCode.saslContinue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.bytes(self.data)
            }
        }
    }
}
