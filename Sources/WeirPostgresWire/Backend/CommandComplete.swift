public import NIOCore

extension PostgresBackend {
    /// A command has succeeded.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CommandComplete.
    public struct CommandComplete: PostgresMessage {
        /// What it has done.
        public let tag: PostgresCommandTag

        /// A message to send.
        public init(tag: PostgresCommandTag) {
            self.tag = tag
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.commandComplete)
            self.tag = PostgresCommandTag(try reader.string())
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresCommandComplete(self.tag.text, maximumLength: maximumLength)
        }
    }
}
