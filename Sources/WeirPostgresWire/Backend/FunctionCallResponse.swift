public import NIOCore

extension PostgresBackend {
    /// What a function has returned.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, FunctionCallResponse.
    public struct FunctionCallResponse: PostgresMessage {
        /// The value; nil for NULL.
        public let result: ByteBuffer?

        /// A message to send.
        public init(result: ByteBuffer?) {
            self.result = result
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.functionCallResponse)
            self.result = try reader.value()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.functionCallResponse.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.value(self.result)
            }
        }
    }
}
