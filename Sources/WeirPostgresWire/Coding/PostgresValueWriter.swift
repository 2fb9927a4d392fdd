public import NIOCore

/// Writes values one behind the other, each with its length: the parameters of Bind, the columns of DataRow, the arguments of FunctionCall.
///
/// It counts them and lets none pass the message's limit. After an error the whole message is taken back, so the error is to be thrown on.
public struct PostgresValueWriter: ~Copyable {
    /// The message of a caller that waits: it outlives this, as this is only lent to a closure.
    @usableFromInline let message: UnsafeMutablePointer<PostgresMessageWriter>
    @usableFromInline var written = 0

    @inlinable @inline(__always)
    init(_ message: UnsafeMutablePointer<PostgresMessageWriter>) { self.message = message }

    /// How many values were written.
    @inlinable public var count: Int { self.written }

    /// Writes NULL.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func writeNull() throws(PostgresWireError) {
        try self.begin()
        try self.message.pointee.integer(-1 as Int32)
    }

    /// Writes a value of these bytes, or NULL. Copies them.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func write(_ bytes: ByteBuffer?) throws(PostgresWireError) {
        try self.begin()
        try self.message.pointee.value(bytes)
    }

    /// Writes a value of the string's UTF-8. As a value, it may contain NUL; the server takes it for text or does not.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func write(_ string: String) throws(PostgresWireError) {
        try self.begin()
        let count = string.utf8.count
        try self.message.pointee.reserve(count &+ 4)
        self.message.pointee.store(Int32(truncatingIfNeeded: count))
        string.withPostgresBytes { self.message.pointee.store($0) }
    }

    /// Writes a value of an integer's bytes, most significant first: in binary format `int2`, `int4`, `int8`, and what is made like them.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func write<Integer: FixedWidthInteger>(integer: Integer) throws(PostgresWireError) {
        try self.begin()
        let size = MemoryLayout<Integer>.size
        try self.message.pointee.reserve(size &+ 4)
        self.message.pointee.store(Int32(truncatingIfNeeded: size))
        self.message.pointee.store(integer)
    }

    /// Writes a value of what the closure appends.
    ///
    /// - Parameters:
    ///   - estimate: how many bytes that will be; it is refused by it before it is written.
    ///   - body: appends to the buffer, and leaves alone what is in it.
    /// - Throws: what the closure throws, ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func write(
        estimate: Int = 0, _ body: (inout ByteBuffer) throws(PostgresWireError) -> Void
    ) throws(PostgresWireError) {
        precondition(estimate >= 0, "an estimate under 0")
        try self.begin()
        // Nothing that size fits, and the sum would not overflow.
        guard estimate <= self.message.pointee.limit else { throw PostgresMessageWriter.tooLong() }
        try self.message.pointee.reserve(estimate &+ 4)
        let place = self.message.pointee.next
        self.message.pointee.store(0 as Int32)
        self.message.pointee.commit()
        try body(&self.message.pointee.buffer.pointee)
        self.message.pointee.attach()
        let length = self.message.pointee.next &- place &- 4
        precondition(length >= 0, "a closure that took back what was written before it")
        try self.message.pointee.reserve(0)
        self.message.pointee.set(Int32(truncatingIfNeeded: length), at: place)
    }

    /// Counts a value.
    @inlinable @inline(__always)
    mutating func begin() throws(PostgresWireError) {
        guard self.written < 65_535 else { throw Self.tooMany() }
        self.written &+= 1
    }

    @inline(never)
    @usableFromInline
    static func tooMany() -> PostgresWireError { PostgresWireError(.tooManyParameters, "more than 65,535 values in a message") }
}
