public import NIOCore

extension PostgresBackend {
    /// What the columns of the rows are that follow, or that a statement or portal returns: a slice of the message, checked, and read when
    /// asked.
    ///
    /// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, RowDescription.
    public struct RowDescription: PostgresMessage, Sequence {
        private let bytes: ByteBuffer
        /// How many columns there are.
        public let count: Int

        /// A description to send of these columns.
        ///
        /// - Throws: ``PostgresWireError`` if they are more than 65,535, or have NUL in a name.
        public init(_ columns: some Collection<PostgresColumn>) throws(PostgresWireError) {
            var message = ByteBuffer()
            try message.writePostgresMessage(Kind.rowDescription.rawValue, maximumLength: .max) { message throws(PostgresWireError) in
                try message.count(columns.count)
                for column in columns { try column.write(&message) }
            }
            message.moveReaderIndex(forwardBy: 7)
            self.bytes = message
            self.count = columns.count
        }

        /// Reads the message.
        public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
            var reader = try PostgresReader(frame, Kind.rowDescription)
            self.count = try reader.columnCount(limits)
            var columns = reader
            self.bytes = columns.allBytes()
            for _ in 0..<self.count { _ = try PostgresColumn(&reader) }
            try reader.end()
        }

        /// Appends the message.
        public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
            try buffer.writePostgresMessage(Kind.rowDescription.rawValue, maximumLength: maximumLength) {
                message throws(PostgresWireError) in
                try message.count(self.count)
                try message.bytes(self.bytes)
            }
        }

        /// How many columns there are.
        public var underestimatedCount: Int { self.count }

        /// Reads the columns one after another.
        public func makeIterator() -> Iterator { Iterator(reader: PostgresReader(self.bytes), missing: self.count) }

        /// Reads columns one after another.
        public struct Iterator: IteratorProtocol, Sendable {
            fileprivate var reader: PostgresReader
            fileprivate var missing: Int

            /// The next column; nil after the last.
            public mutating func next() -> PostgresColumn? {
                guard self.missing > 0 else { return nil }
                self.missing -= 1
                guard let column = try? PostgresColumn(&self.reader) else { preconditionFailure("checked and not there") }
                return column
            }
        }
    }
}
