public import NIOCore

extension PostgresFrontend {
    /// A piece of a copy, cut where the client likes.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CopyData.
    public struct CopyData: PostgresMessage {
        /// The piece.
        public let data: ByteBuffer

        /// A piece to send.
        public init(data: ByteBuffer) { self.data = data }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.copyData)
            self.data = reader.allBytes()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresCopyData(self.data, maximumLength: maximumLength)
        }
    }
}
