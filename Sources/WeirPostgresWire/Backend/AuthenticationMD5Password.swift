public import NIOCore

extension PostgresBackend {
    /// The password is asked for hashed by MD5 with this salt.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationMD5Password.
    public struct AuthenticationMD5Password: PostgresMessage {
        /// The salt, of four bytes.
        public let salt: UInt32

        /// A message to send.
        public init(salt: UInt32) { self.salt = salt }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, authentication: AuthenticationCode.md5Password)
            self.salt = try reader.integer()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresAuthentication(AuthenticationCode.md5Password, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.integer(self.salt)
            }
        }
    }
}
