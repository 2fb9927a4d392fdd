public import NIOCore

/// The values of a row, a Bind or a FunctionCall: a slice of the message whose lengths have been checked, and read when asked.
///
/// A value is its bytes, a slice too, or nil for NULL. A client's rows are read faster by ``PostgresDataRow``.
public struct PostgresValues: Hashable, Sendable, Sequence {
    private let bytes: ByteBuffer
    /// How many there are.
    public let count: Int

    init(checked bytes: ByteBuffer, count: Int) {
        self.bytes = bytes
        self.count = count
    }

    /// These values, copied.
    ///
    /// - Throws: ``PostgresWireError`` if they are more than 65,535, or do not fit a message.
    /// - Complexity: linear: they are written as they are on the wire.
    public init(_ values: some Sequence<ByteBuffer?>) throws(PostgresWireError) {
        var message = ByteBuffer()
        try message.writePostgresMessage(0, maximumLength: .max) { message throws(PostgresWireError) in
            _ = try message.values { writer throws(PostgresWireError) in
                for value in values { try writer.write(value) }
            }
        }
        message.moveReaderIndex(forwardBy: 4)
        self.count = Int(message.readInteger(as: UInt16.self) ?? 0)
        self.bytes = message
    }

    /// Whether there are none.
    public var isEmpty: Bool { self.count == 0 }

    /// The value at a place: outer nil if there is none, inner nil for NULL.
    ///
    /// - Complexity: linear in the place.
    public subscript(index: Int) -> ByteBuffer?? {
        var iterator = self.makeIterator()
        for _ in 0..<Swift.max(index, 0) { guard iterator.next() != nil else { return nil } }
        return index < 0 ? nil : iterator.next()
    }

    /// Reads them one after another.
    public func makeIterator() -> Iterator { Iterator(rest: self.bytes) }

    /// How many there are.
    public var underestimatedCount: Int { self.count }

    /// Reads values one after another.
    public struct Iterator: IteratorProtocol, Sendable {
        fileprivate var rest: ByteBuffer

        /// The next value, whose nil is NULL; nil after the last.
        public mutating func next() -> ByteBuffer?? {
            guard let length = self.rest.readInteger(as: Int32.self) else { return nil }
            if length < 0 { return .some(nil) }
            guard let value = self.rest.readSlice(length: Int(length)) else { preconditionFailure("checked and not there") }
            return value
        }
    }

    /// Appends them to a message, their count first.
    func write(_ message: inout PostgresMessageWriter) throws(PostgresWireError) {
        try message.count(self.count)
        try message.bytes(self.bytes)
    }

    /// Where so many values end that begin at `start`.
    ///
    /// One comparison for each: a length that is negative, as one without a sign, leads as far beyond the end as one that lies.
    ///
    /// - Throws: ``PostgresWireError`` if a length is under -1 or reaches beyond the bytes.
    @inlinable @inline(__always)
    static func end(of count: Int, _ bytes: UnsafeRawBufferPointer, from start: Int) throws(PostgresWireError) -> Int {
        let lastStart = bytes.count &- 4
        var at = start
        var missing = count
        while missing > 0 {
            guard at <= lastStart else { throw Self.refusal(count, bytes, from: start) }
            let length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            at &+= 4 &+ (length == .max ? 0 : Int(length))
            missing &-= 1
        }
        guard at <= bytes.count else { throw Self.refusal(count, bytes, from: start) }
        return at
    }

    /// What is wrong with so many values.
    @inline(never)
    @usableFromInline
    static func refusal(_ count: Int, _ bytes: UnsafeRawBufferPointer, from start: Int) -> PostgresWireError {
        var at = start
        for _ in 0..<count where at <= bytes.count - 4 {
            let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: Int32.self)))
            guard length >= -1 else { return PostgresWireError(.negativeLength, "the length of a value is negative") }
            at += 4 + Swift.max(length, 0)
        }
        return Self.beyondTheEnd()
    }

    @inline(never)
    @usableFromInline
    static func beyondTheEnd() -> PostgresWireError { PostgresWireError(.lengthMismatch, "values reach beyond their message") }
}

/// Shows how many there are only.
extension PostgresValues: CustomStringConvertible {
    /// How many there are.
    public var description: String { "PostgresValues(\(self.count))" }
}
