public import NIOCore

extension PostgresFrontend {
    /// What answers a request for authentication, when it is not known which it was: PasswordMessage, ``SASLInitialResponse``,
    /// ``SASLResponse`` or ``GSSResponse``, which nothing on the wire tells apart.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, PasswordMessage and others.
    public struct AuthenticationResponse: PostgresMessage {
        /// All of it.
        public let data: ByteBuffer

        /// A message to send.
        public init(data: ByteBuffer) {
            self.data = data
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.authenticationResponse)
            self.data = reader.allBytes()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresAuthenticationResponse(self.data, maximumLength: maximumLength)
        }
    }
}
