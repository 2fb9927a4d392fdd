public import NIOCore

/// A client's messages, straight into a buffer that may hold others: no arrays, no allocation but for the buffer's growth.
///
/// Each is appended whole or not at all: when one throws ``PostgresWireError``, the buffer is as it was. What is too long is refused before it
/// is copied, so that no length is ever cut off to 31 bits.
extension ByteBuffer {
    /// Appends ``PostgresFrontend/Query``.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in it.
    @inlinable
    public mutating func writePostgresQuery(
        _ query: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.query.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(query)
        }
    }

    /// Appends ``PostgresFrontend/Parse``.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, has over 65,535 types, or NUL in a string.
    @inlinable
    public mutating func writePostgresParse(
        statement: some PostgresText, query: some PostgresText, parameterTypes: some Collection<PostgresType> = EmptyCollection(),
        maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.parse.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(statement)
            try message.string(query)
            try message.list(parameterTypes)
        }
    }

    /// Appends ``PostgresFrontend/Bind``.
    ///
    /// - Parameters:
    ///   - portal: the portal to make; empty is the unnamed one.
    ///   - statement: the statement.
    ///   - parameterFormats: how the values are written: none for text, one for all, or as many as values.
    ///   - resultFormats: how the columns shall be written: none for text, one for all, or one for each.
    ///   - maximumLength: what the message's length may be at most.
    ///   - parameters: writes the values.
    /// - Throws: ``PostgresWireError`` if it is too long, has over 65,535 parameters, not as many formats, or NUL in a name; what the
    ///   closure throws.
    @inlinable
    public mutating func writePostgresBind(
        portal: some PostgresText = "", statement: some PostgresText, parameterFormats: some Collection<PostgresFormat>,
        resultFormats: some Collection<PostgresFormat>, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength,
        _ parameters: (inout PostgresValueWriter) throws(PostgresWireError) -> Void
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.bind.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(portal)
            try message.string(statement)
            try message.list(parameterFormats)
            let count = try message.values(parameters)
            guard PostgresList<PostgresFormat>.fits(parameterFormats.count, values: count) else {
                throw PostgresWireError(.malformedMessage, "neither one format nor one for each parameter")
            }
            try message.list(resultFormats)
        }
    }

    /// Appends ``PostgresFrontend/Describe`` of a statement.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in the name.
    @inlinable
    public mutating func writePostgresDescribe(
        statement: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresTarget(PostgresFrontend.Kind.describe, UInt8(ascii: "S"), statement, maximumLength)
    }

    /// Appends ``PostgresFrontend/Describe`` of a portal.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in the name.
    @inlinable
    public mutating func writePostgresDescribe(
        portal: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresTarget(PostgresFrontend.Kind.describe, UInt8(ascii: "P"), portal, maximumLength)
    }

    /// Appends ``PostgresFrontend/Close`` of a statement.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in the name.
    @inlinable
    public mutating func writePostgresClose(
        statement: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresTarget(PostgresFrontend.Kind.close, UInt8(ascii: "S"), statement, maximumLength)
    }

    /// Appends ``PostgresFrontend/Close`` of a portal.
    ///
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in the name.
    @inlinable
    public mutating func writePostgresClose(
        portal: some PostgresText, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresTarget(PostgresFrontend.Kind.close, UInt8(ascii: "P"), portal, maximumLength)
    }

    /// Appends ``PostgresFrontend/Execute``.
    ///
    /// - Parameters:
    ///   - portal: which; empty is the unnamed one.
    ///   - maximumRows: how many rows to return at most; 0 is all.
    ///   - maximumLength: what the message's length may be at most.
    /// - Throws: ``PostgresWireError`` if it is too long, or has NUL in the name.
    @inlinable
    public mutating func writePostgresExecute(
        portal: some PostgresText = "", maximumRows: Int32 = 0, maximumLength: Int = PostgresWireLimits.defaultMaximumMessageLength
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(PostgresFrontend.Kind.execute.rawValue, maximumLength: maximumLength) {
            message throws(PostgresWireError) in
            try message.string(portal)
            try message.integer(maximumRows)
        }
    }

    /// Appends ``PostgresFrontend/Sync``.
    ///
    /// - Throws: ``PostgresWireError/Code/messageTooLong`` if the buffer has grown to 2 GiB.
    @inlinable
    public mutating func writePostgresSync() throws(PostgresWireError) {
        try self.writePostgresEmptyMessage(PostgresFrontend.Kind.sync.rawValue)
    }

    /// Appends ``PostgresFrontend/Flush``.
    ///
    /// - Throws: ``PostgresWireError/Code/messageTooLong`` if the buffer has grown to 2 GiB.
    @inlinable
    public mutating func writePostgresFlush() throws(PostgresWireError) {
        try self.writePostgresEmptyMessage(PostgresFrontend.Kind.flush.rawValue)
    }

    /// Appends ``PostgresFrontend/Terminate``.
    ///
    /// - Throws: ``PostgresWireError/Code/messageTooLong`` if the buffer has grown to 2 GiB.
    @inlinable
    public mutating func writePostgresTerminate() throws(PostgresWireError) {
        try self.writePostgresEmptyMessage(PostgresFrontend.Kind.terminate.rawValue)
    }

    @inlinable
    mutating func writePostgresTarget(
        _ kind: PostgresFrontend.Kind, _ what: UInt8, _ name: some PostgresText, _ maximumLength: Int
    ) throws(PostgresWireError) {
        try self.writePostgresMessage(kind.rawValue, maximumLength: maximumLength) { message throws(PostgresWireError) in
            try message.integer(what)
            try message.string(name)
        }
    }

    mutating func writePostgresTarget(
        _ kind: PostgresFrontend.Kind, _ target: PostgresTarget, _ maximumLength: Int
    ) throws(PostgresWireError) {
        switch target {
        case .statement(let name): try self.writePostgresTarget(kind, UInt8(ascii: "S"), name, maximumLength)
        case .portal(let name): try self.writePostgresTarget(kind, UInt8(ascii: "P"), name, maximumLength)
        }
    }
}
