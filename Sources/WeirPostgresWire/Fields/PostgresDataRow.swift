/// A row's columns where they lie in the bytes that were read: checked once, then walked without a check, a retain or an allocation.
///
/// For a client that decodes values as it finds them. It points into memory that it does not keep: use it only where the pointer it was made
/// of is valid. ``PostgresBackend/DataRow`` is the same row to keep.
///
/// ```swift
/// let header = try scanner.next(bytes, at: offset)
/// var row = try PostgresDataRow(bytes, payload: (offset + header.payloadOffset)..<(offset + header.length))
/// while let column = row.next() { … }
/// ```
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>, DataRow.
public struct PostgresDataRow: Sequence, IteratorProtocol {
    /// Where a value is.
    @frozen
    public struct Column: Hashable, Sendable {
        /// Where it begins, from the start of the bytes that the row was made of.
        public let offset: Int
        /// How many bytes it has, -1 if it is NULL.
        public let length: Int

        /// Whether it is NULL.
        @inlinable public var isNull: Bool { self.length < 0 }

        @inlinable @inline(__always)
        init(offset: Int, length: Int) {
            self.offset = offset
            self.length = length
        }
    }

    /// How many columns the row has.
    public let count: Int
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline var offset: Int
    @usableFromInline let end: Int

    /// Checks the count and every length, and that the last column ends where the row does.
    ///
    /// - Parameters:
    ///   - bytes: what was read.
    ///   - payload: where in them a DataRow is, without its tag and length.
    ///   - maximumColumns: how many columns it may have, 1,664 unless set.
    /// - Throws: ``PostgresWireError``.
    /// - Complexity: linear in the columns.
    @inlinable @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer, payload: Range<Int>, maximumColumns: Int = 1664) throws(PostgresWireError) {
        precondition(payload.lowerBound >= 0 && payload.upperBound <= bytes.count, "a row outside of the bytes")
        guard payload.count >= 2 else { throw PostgresValues.beyondTheEnd() }
        let start = payload.lowerBound &+ 2
        self.bytes = UnsafeRawBufferPointer(start: bytes.baseAddress, count: payload.upperBound)
        self.count = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: payload.lowerBound, as: UInt16.self)))
        self.offset = start
        self.end = payload.upperBound
        guard self.count <= maximumColumns else { throw Self.tooMany() }
        guard try PostgresValues.end(of: self.count, self.bytes, from: start) == self.end else { throw Self.trailing() }
    }

    /// The next column; nil after the last.
    @inlinable @inline(__always)
    public mutating func next() -> Column? {
        guard self.offset < self.end else { return nil }
        let length = Int(Int32(bigEndian: self.bytes.loadUnaligned(fromByteOffset: self.offset, as: Int32.self)))
        let start = self.offset &+ 4
        self.offset = start &+ Swift.max(length, 0)
        return Column(offset: start, length: length)
    }

    @inline(never)
    @usableFromInline
    static func tooMany() -> PostgresWireError { PostgresWireError(.tooManyColumns, "more columns than the limit") }

    @inline(never)
    @usableFromInline
    static func trailing() -> PostgresWireError { PostgresWireError(.trailingBytes, "bytes behind the end of a message") }
}
