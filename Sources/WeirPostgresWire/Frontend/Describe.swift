public import NIOCore

extension PostgresFrontend {
    /// Asks what a statement or portal takes and returns.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Describe.
    public struct Describe: PostgresMessage {
        /// Which.
        public let target: PostgresTarget

        /// A message to send.
        public init(target: PostgresTarget) {
            self.target = target
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.describe)
            self.target = try PostgresTarget(&reader)
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresTarget(Kind.describe, self.target, maximumLength)
        }
    }
}
