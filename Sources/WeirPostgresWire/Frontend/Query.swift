public import NIOCore

extension PostgresFrontend {
    /// Statements to run at once, without parameters; text comes back.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Query.
    public struct Query: PostgresMessage {
        /// The statements.
        public let query: PostgresString

        /// A message to send.
        public init(query: PostgresString) {
            self.query = query
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.query)
            self.query = try reader.string()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresQuery(self.query, maximumLength: maximumLength)
        }
    }
}
