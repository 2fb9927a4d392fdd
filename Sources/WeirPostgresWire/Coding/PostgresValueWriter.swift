public import NIOCore

/// Writes values one behind the other, each with its length: the parameters of Bind, the columns of DataRow, the arguments of FunctionCall.
///
/// It counts them and lets none pass the message's limit. After an error the whole message is taken back, so the error is to be thrown on.
public struct PostgresValueWriter: ~Copyable {
    /// The buffer of a caller that waits: it outlives this, as this is only lent to a closure.
    @usableFromInline let buffer: UnsafeMutablePointer<ByteBuffer>
    @usableFromInline let limit: Int
    @usableFromInline var written = 0
    /// How many values were written.
    @inlinable public var count: Int { self.written }

    @inlinable @inline(__always)
    init(_ buffer: UnsafeMutablePointer<ByteBuffer>, limit: Int) {
        self.buffer = buffer
        self.limit = limit
    }

    /// Writes NULL.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func writeNull() throws(PostgresWireError) {
        try self.begin(0)
        self.buffer.pointee.writeInteger(-1 as Int32)
    }

    /// Writes a value of these bytes, or NULL. Copies them.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long; nothing of it is written then.
    @inlinable
    public mutating func write(_ bytes: ByteBuffer?) throws(PostgresWireError) {
        guard let bytes else { return try self.writeNull() }
        try self.begin(bytes.readableBytes)
        self.buffer.pointee.writeInteger(Int32(truncatingIfNeeded: bytes.readableBytes))
        self.buffer.pointee.writeImmutableBuffer(bytes)
    }

    /// Writes a value of the string's UTF-8. As a value, it may contain NUL; the server takes it for text or does not.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long; nothing of it is written then.
    @inlinable
    public mutating func write(_ string: String) throws(PostgresWireError) {
        let count = string.utf8.count
        try self.begin(count)
        self.buffer.pointee.writeInteger(Int32(truncatingIfNeeded: count))
        self.buffer.pointee.writeString(string)
    }

    /// Writes a value of an integer's bytes, most significant first: in binary format `int2`, `int4`, `int8`, and what is made like them.
    ///
    /// - Throws: ``PostgresWireError`` if there are 65,535 values or the message becomes too long.
    @inlinable
    public mutating func write<Integer: FixedWidthInteger>(integer: Integer) throws(PostgresWireError) {
        let size = MemoryLayout<Integer>.size
        try self.begin(size)
        self.buffer.pointee.writeMultipleIntegers(Int32(truncatingIfNeeded: size), integer)
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
        try self.begin(estimate)
        let place = self.buffer.pointee.writerIndex
        self.buffer.pointee.writeInteger(0 as Int32)
        try body(&self.buffer.pointee)
        let end = self.buffer.pointee.writerIndex
        precondition(end >= place &+ 4, "a closure that took back what was written before it")
        guard end <= self.limit else { throw Self.tooLong() }
        self.buffer.pointee.setInteger(Int32(truncatingIfNeeded: end &- place &- 4), at: place)
    }

    /// Counts a value of so many bytes, if there is room for it.
    @inlinable @inline(__always)
    mutating func begin(_ length: Int) throws(PostgresWireError) {
        guard self.written < 65_535 else { throw Self.tooMany() }
        guard length <= self.limit &- self.buffer.pointee.writerIndex &- 4 else { throw Self.tooLong() }
        self.written &+= 1
    }

    @inline(never)
    @usableFromInline
    static func tooMany() -> PostgresWireError { PostgresWireError(.tooManyParameters, "more than 65,535 values in a message") }

    @inline(never)
    @usableFromInline
    static func tooLong() -> PostgresWireError {
        PostgresWireError(.messageTooLong, "a message longer than the limit, or a buffer of 2 GiB")
    }
}
