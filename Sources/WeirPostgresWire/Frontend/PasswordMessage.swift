public import NIOCore

extension PostgresFrontend {
    /// A password, as it is or as the MD5 hash that was asked for.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, PasswordMessage.
    public struct PasswordMessage: PostgresMessage {
        /// The password or hash.
        public let password: PostgresString

        /// A message to send.
        public init(password: PostgresString) {
            self.password = password
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.authenticationResponse)
            self.password = try reader.string()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresPasswordMessage(self.password, maximumLength: maximumLength)
        }
    }
}
