public import NIOCore

/// The messages of a copy; both directions write the same bytes. When one throws ``PostgresWireError``, the buffer is as it was.
extension ByteBuffer {
    /// Appends CopyData of these bytes, copied.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long.
    @inlinable
    public mutating func writePostgresCopyData(
        _ data: ByteBuffer, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.copyData.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.bytes(data)
        }
    }

    /// Appends CopyDone.
    ///
    /// - Throws: ``PostgresWireError/Code/messageTooLong`` if the buffer has grown to 2 GiB.
    @inlinable
    public mutating func writePostgresCopyDone() throws(PostgresWireError) {
        try self.writePostgresEmptyMessage(PostgresFrontend.Kind.copyDone.rawValue)
    }

    /// Appends ``PostgresFrontend/CopyFail``.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in it.
    @inlinable
    public mutating func writePostgresCopyFail(
        _ reason: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.copyFail.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(reason)
        }
    }
}
