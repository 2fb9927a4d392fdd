public import NIOCore

extension PostgresBackend {
    /// SASL is asked for, by one of these mechanisms.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, AuthenticationSASL.
    public struct AuthenticationSASL: PostgresMessage {
        /// The mechanisms, the server's favourite first. None of them is empty.
        public let mechanisms: PostgresNames

        /// A message to send.
        public init(mechanisms: PostgresNames) { self.mechanisms = mechanisms }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, authentication: AuthenticationCode.sasl)
            self.mechanisms = try reader.names(limits: limits)
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresAuthentication(AuthenticationCode.sasl, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try self.mechanisms.writeTerminated(&message)
            }
        }
    }
}
