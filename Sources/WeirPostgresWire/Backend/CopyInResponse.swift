public import NIOCore

extension PostgresBackend {
    /// The server is ready for a copy from the client.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, CopyInResponse.
    public struct CopyInResponse: PostgresMessage {
        /// How the whole is written: text is lines.
        public let format: PostgresFormat
        /// How each column is written.
        public let columnFormats: PostgresList<PostgresFormat>

        /// A message to send.
        public init(format: PostgresFormat, columnFormats: PostgresList<PostgresFormat>) {
            self.format = format
            self.columnFormats = columnFormats
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.copyInResponse)
            (self.format, self.columnFormats) = try reader.copyFormats(limits)
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.copyInResponse.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.copyFormats(self.format, self.columnFormats)
            }
        }
    }
}
