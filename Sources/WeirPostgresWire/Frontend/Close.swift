public import NIOCore

extension PostgresFrontend {
    /// Forgets a statement or a portal.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Close.
    public struct Close: PostgresMessage {
        /// Which.
        public let target: PostgresTarget

        /// A message to send.
        public init(target: PostgresTarget) {
            self.target = target
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.close)
            self.target = try PostgresTarget(&reader)
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresTarget(Kind.close, self.target, maximumLength)
        }
    }
}
