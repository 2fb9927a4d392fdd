public import NIOCore

extension PostgresFrontend {
    /// A message of the SASL mechanism.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, SASLResponse.
    public struct SASLResponse: PostgresMessage {
        /// The message.
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
