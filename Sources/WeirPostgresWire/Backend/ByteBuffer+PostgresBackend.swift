public import NIOCore

/// A server's most frequent messages, straight into a buffer that may hold others. When one throws ``PostgresWireError``, the buffer is as it
/// was.
extension ByteBuffer {
    /// Appends ``PostgresBackend/DataRow`` of the columns that the closure writes.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long or has over 65,535 columns; what the closure throws.
    @inlinable
    public mutating func writePostgresDataRow(
        maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength,
        _ columns: (inout PostgresValueWriter) throws(PostgresWireError) -> Void
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresBackend.Kind.dataRow.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            _ = try message.values(columns)
        }
    }

    /// Appends ``PostgresBackend/CommandComplete``.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in it.
    @inlinable
    public mutating func writePostgresCommandComplete(
        _ tag: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresBackend.Kind.commandComplete.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(tag)
        }
    }

    /// Appends ``PostgresBackend/ReadyForQuery``.
    ///
    /// - Throws: ``PostgresWireError/Code/messageTooLong`` if the buffer has grown to 2 GiB.
    @inlinable
    public mutating func writePostgresReadyForQuery(_ status: PostgresTransactionStatus) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresBackend.Kind.readyForQuery.rawValue, maximumLength: 5) { message throws(PostgresWireError) in
            try message.integer(status.rawValue)
        }
    }
}
