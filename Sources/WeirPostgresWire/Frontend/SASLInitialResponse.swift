public import NIOCore

extension PostgresFrontend {
    /// The mechanism that the client has chosen, and its first message.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, SASLInitialResponse.
    public struct SASLInitialResponse: PostgresMessage {
        /// The mechanism.
        public let mechanism: PostgresString
        /// The mechanism's first message, if it has one.
        public let response: ByteBuffer?

        /// A message to send.
        public init(mechanism: PostgresString, response: ByteBuffer?) {
            self.mechanism = mechanism
            self.response = response
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.authenticationResponse)
            self.mechanism = try reader.string()
            self.response = try reader.value()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresSASLInitialResponse(mechanism: self.mechanism, response: self.response, maximumLength: maximumLength)
        }
    }
}
