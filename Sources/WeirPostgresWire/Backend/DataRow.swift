public import NIOCore

extension PostgresBackend {
    /// A row. Whoever decodes many at once reads them by ``PostgresDataRow``.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, DataRow.
    public struct DataRow: PostgresMessage {
        /// Its columns.
        public let values: PostgresValues

        /// A message to send.
        public init(values: PostgresValues) {
            self.values = values
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.dataRow)
            self.values = try reader.values(reader.columnCount(limits))
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.dataRow.rawValue, maximumLength: maximumLength) { message throws(PostgresWireError) in
                try self.values.write(&message)
            }
        }
    }
}
