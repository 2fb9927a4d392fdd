public import NIOCore

/// Writes the parts of one message behind what a buffer holds, none of them beyond the message's limit.
///
/// It writes to the buffer's memory, and tells the buffer when it has to grow or the message is whole: as the buffer's own methods check each
/// time whether somebody shares it, that is most of what a short message would cost.
@usableFromInline
struct PostgresMessageWriter: ~Copyable {
    /// The buffer of a caller that waits: it outlives this, and nobody else reaches it.
    @usableFromInline let buffer: UnsafeMutablePointer<ByteBuffer>
    /// Where the message has to end.
    @usableFromInline let limit: Int
    /// Where index 0 of the buffer is.
    @usableFromInline var memory: UnsafeMutableRawPointer
    /// The index behind the last byte of memory.
    @usableFromInline var end: Int
    /// The index of the next byte.
    @usableFromInline var next: Int

    /// - Parameter buffer: has room for a byte.
    @inlinable @inline(__always)
    init(_ buffer: UnsafeMutablePointer<ByteBuffer>, limit: Int) {
        self.buffer = buffer
        self.limit = limit
        self.next = buffer.pointee.writerIndex
        // The memory is the buffer's alone from here on, as this copies what is shared.
        (self.memory, self.end) = buffer.pointee.withVeryUnsafeMutableBytes { ($0.baseAddress!, $0.count) }
    }

    /// Tells the buffer what was written.
    @inlinable @inline(__always)
    func commit() { self.buffer.pointee.moveWriterIndex(to: self.next) }

    /// Goes on where the buffer is, which somebody else has written to.
    @inlinable
    mutating func attach() {
        self.next = self.buffer.pointee.writerIndex
        (self.memory, self.end) = self.buffer.pointee.withVeryUnsafeMutableBytes { ($0.baseAddress!, $0.count) }
    }

    /// Makes room, or refuses what would not fit. Before it is written: a buffer traps when it grows too large.
    @inlinable @inline(__always)
    mutating func reserve(_ count: Int) throws(PostgresWireError) {
        guard count <= self.limit &- self.next else { throw Self.tooLong() }
        if count > self.end &- self.next { self.grow(count) }
    }

    @inline(never)
    @usableFromInline
    mutating func grow(_ count: Int) {
        self.commit()
        self.buffer.pointee.reserveCapacity(minimumWritableBytes: count)
        self.attach()
    }

    @inline(never)
    @usableFromInline
    static func tooLong() -> PostgresWireError {
        PostgresWireError(.messageTooLong, "a message longer than the limit, or a buffer of 2 GiB")
    }

    // MARK: What there is room for

    @inlinable @inline(__always)
    mutating func store<Integer: FixedWidthInteger>(_ integer: Integer) {
        (self.memory + self.next).storeBytes(of: integer.bigEndian, as: Integer.self)
        self.next &+= MemoryLayout<Integer>.size
    }

    @inlinable @inline(__always)
    mutating func store(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        (self.memory + self.next).copyMemory(from: start, byteCount: bytes.count)
        self.next &+= bytes.count
    }

    /// Writes to a place that was left for it.
    @inlinable @inline(__always)
    func set<Integer: FixedWidthInteger>(_ integer: Integer, at index: Int) {
        (self.memory + index).storeBytes(of: integer.bigEndian, as: Integer.self)
    }

    // MARK: Parts

    @inlinable @inline(__always)
    mutating func integer<Integer: FixedWidthInteger>(_ integer: Integer) throws(PostgresWireError) {
        try self.reserve(MemoryLayout<Integer>.size)
        self.store(integer)
    }

    @inlinable
    mutating func bytes(_ bytes: ByteBuffer) throws(PostgresWireError) {
        try self.reserve(bytes.readableBytes)
        bytes.withUnsafeReadableBytes { self.store($0) }
    }

    /// A length of four and the bytes, or -1 for nil.
    @inlinable
    mutating func value(_ bytes: ByteBuffer?) throws(PostgresWireError) {
        guard let bytes else { return try self.integer(-1 as Int32) }
        try self.reserve(bytes.readableBytes &+ 4)
        self.store(Int32(truncatingIfNeeded: bytes.readableBytes))
        bytes.withUnsafeReadableBytes { self.store($0) }
    }

    /// A string and its terminator.
    @inlinable
    mutating func string(_ text: some PostgresText) throws(PostgresWireError) {
        try self.reserve(text.postgresByteCount &+ 1)
        let start = self.next
        text.withPostgresBytes { bytes in
            // As many as were announced: there is room for those.
            precondition(bytes.count < self.end &- self.next, "a text longer than it says")
            self.store(bytes)
        }
        let written = UnsafeRawBufferPointer(start: self.memory + start, count: self.next &- start)
        guard PostgresBytes.firstZero(written, from: 0) == nil else {
            throw PostgresWireError(.nulInString, "a string that contains NUL")
        }
        self.store(0 as UInt8)
    }

    /// A count of two bytes.
    @inlinable
    mutating func count(_ count: Int) throws(PostgresWireError) {
        guard let count = UInt16(exactly: count) else {
            throw PostgresWireError(.tooManyParameters, "more parts than the 65,535 that can be counted")
        }
        try self.integer(count)
    }

    /// A count of two bytes and so many numbers.
    @inlinable
    mutating func list<Element: RawRepresentable>(_ elements: some Collection<Element>) throws(PostgresWireError)
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
    mutating func values(
        _ body: (inout PostgresValueWriter) throws(PostgresWireError) -> Void
    ) throws(PostgresWireError) -> Int {
        let place = self.next
        try self.integer(0 as UInt16)
        let count = try withUnsafeMutablePointer(to: &self) { message throws(PostgresWireError) in
            var writer = PostgresValueWriter(message)
            try body(&writer)
            return writer.count
        }
        self.set(UInt16(truncatingIfNeeded: count), at: place)
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
        guard place &+ 4 <= limit else { throw PostgresMessageWriter.tooLong() }
        if self.writableBytes < 64 { self.reserveCapacity(minimumWritableBytes: 64) }
        do throws(PostgresWireError) {
            try withUnsafeMutablePointer(to: &self) { buffer throws(PostgresWireError) in
                var message = PostgresMessageWriter(buffer, limit: limit)
                if tag != 0 { message.store(tag) }
                message.store(0 as UInt32)
                try body(&message)
                message.set(UInt32(truncatingIfNeeded: message.next &- place), at: place)
                message.commit()
            }
        } catch {
            self.moveWriterIndex(to: start)
            throw error
        }
    }

    /// Appends a message of a tag and nothing else.
    @inlinable
    mutating func writePostgresEmptyMessage(_ tag: UInt8) throws(PostgresWireError) {
        try self.writePostgresMessage(tag, maximumLength: 4) { _ in }
    }
}
