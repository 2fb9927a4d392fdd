public import NIOCore

extension PostgresFrontend {
    /// The client gives up a copy that it has begun to send.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CopyFail.
    public struct CopyFail: PostgresMessage {
        /// Why, for the server's error.
        public let reason: PostgresString

        /// A message to send.
        public init(reason: PostgresString) {
            self.reason = reason
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.copyFail)
            self.reason = try reader.string()
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresCopyFail(self.reason, maximumLength: maximumLength)
        }
    }
}
