public import NIOCore

/// Writes the parts of one message behind what a buffer holds, none of them beyond the message's limit.
@usableFromInline
struct PostgresMessageWriter: ~Copyable {
    /// The buffer of a caller that waits: it outlives this.
    @usableFromInline let buffer: UnsafeMutablePointer<ByteBuffer>
    /// Where the message has to end.
    @usableFromInline let limit: Int

    @inlinable @inline(__always)
    init(_ buffer: UnsafeMutablePointer<ByteBuffer>, limit: Int) {
        self.buffer = buffer
        self.limit = limit
    }

    /// Refuses what would not fit. Before it is written: a buffer traps when it grows too large.
    @inlinable @inline(__always)
    func checkSpace(_ count: Int) throws(PostgresWireError) {
        guard count <= self.limit &- self.buffer.pointee.writerIndex else {
            throw PostgresWireError(.messageTooLong, "a message longer than the limit, or a buffer of 2 GiB")
        }
    }

    @inlinable @inline(__always)
    func integer<Integer: FixedWidthInteger>(_ integer: Integer) throws(PostgresWireError) {
        try self.checkSpace(MemoryLayout<Integer>.size)
        self.buffer.pointee.writeInteger(integer)
    }

    @inlinable @inline(__always)
    func bytes(_ bytes: ByteBuffer) throws(PostgresWireError) {
        try self.checkSpace(bytes.readableBytes)
        self.buffer.pointee.writeImmutableBuffer(bytes)
    }

    /// A length of four and the bytes, or -1 for nil.
    @inlinable
    func value(_ bytes: ByteBuffer?) throws(PostgresWireError) {
        guard let bytes else { return try self.integer(-1 as Int32) }
        try self.checkSpace(bytes.readableBytes + 4)
        self.buffer.pointee.writeInteger(Int32(bytes.readableBytes))
        self.buffer.pointee.writeImmutableBuffer(bytes)
    }

    /// A string and its terminator.
    @inlinable
    func string(_ text: some PostgresText) throws(PostgresWireError) {
        try self.checkSpace(text.postgresByteCount + 1)
        let start = self.buffer.pointee.writerIndex
        text.writePostgresBytes(into: &self.buffer.pointee)
        let zero = self.buffer.pointee.withUnsafeReadableBytes { bytes in
            PostgresBytes.firstZero(bytes, from: start &- self.buffer.pointee.readerIndex)
        }
        guard zero == nil else { throw PostgresWireError(.nulInString, "a string that contains NUL") }
        self.buffer.pointee.writeInteger(0 as UInt8)
    }

    /// A count of two bytes.
    @inlinable
    func count(_ count: Int) throws(PostgresWireError) {
        guard let count = UInt16(exactly: count) else {
            throw PostgresWireError(.tooManyParameters, "more parts than the 65,535 that can be counted")
        }
        try self.integer(count)
    }

    /// A count of two bytes and so many numbers.
    @inlinable
    func list<Element: RawRepresentable>(_ elements: some Collection<Element>) throws(PostgresWireError)
    where Element.RawValue: FixedWidthInteger {
        let count = elements.count
        try self.count(count)
        var written = 0
        for element in elements {
            try self.integer(element.rawValue)
            written += 1
        }
        precondition(written == count, "a collection of another count than it says")
    }

    /// A count of two bytes and so many values, each with a length of four. The closure writes them.
    @inlinable @inline(__always)
    func values(_ body: (inout PostgresValueWriter) throws(PostgresWireError) -> Void) throws(PostgresWireError) -> Int {
        let place = self.buffer.pointee.writerIndex
        try self.integer(0 as UInt16)
        var writer = PostgresValueWriter(self.buffer, limit: self.limit)
        try body(&writer)
        let count = writer.count
        self.buffer.pointee.setInteger(UInt16(truncatingIfNeeded: count), at: place)
        return count
    }
}

extension ByteBuffer {
    /// Appends a message: tag, length and what the closure writes. On an error the buffer is as it was.
    ///
    /// - Parameter tag: 0 for a packet without one.
    @inlinable @inline(__always)
    mutating func writePostgresMessage(
        _ tag: UInt8, maximumLength: Int, _ body: (inout PostgresMessageWriter) throws(PostgresWireError) -> Void
    ) throws(PostgresWireError) {
        let start = self.writerIndex
        let place = tag == 0 ? start : start &+ 1
        // A buffer holds 4 GiB and traps beyond; nobody needs more than 2 of them.
        let limit = min(place &+ min(maximumLength, Int(Int32.max)), Int(Int32.max))
        do throws(PostgresWireError) {
            try withUnsafeMutablePointer(to: &self) { buffer throws(PostgresWireError) in
                var writer = PostgresMessageWriter(buffer, limit: limit)
                try writer.checkSpace(5)
                if tag != 0 { buffer.pointee.writeInteger(tag) }
                buffer.pointee.writeInteger(0 as UInt32)
                try body(&writer)
            }
        } catch {
            self.moveWriterIndex(to: start)
            throw error
        }
        self.setInteger(UInt32(truncatingIfNeeded: self.writerIndex &- place), at: place)
    }

    /// Appends a message of a tag and nothing else.
    @inlinable
    mutating func writePostgresEmptyMessage(_ tag: UInt8) throws(PostgresWireError) {
        guard self.writerIndex <= Int(Int32.max) - 5 else { throw PostgresWireError(.messageTooLong, "a buffer of 2 GiB") }
        self.writeMultipleIntegers(tag, 4 as UInt32)
    }
}
