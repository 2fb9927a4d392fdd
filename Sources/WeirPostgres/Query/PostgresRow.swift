public import NIOCore
public import WeirPostgresWire

/// One row of a result: a slice of what was read, checked once and decoded where it lies.
///
/// It may be kept and sent anywhere; keeping it keeps the memory that was read with it.
public struct PostgresRow: Sendable {
    /// The columns' lengths and values, without their count.
    @usableFromInline let bytes: ByteBuffer
    /// What its columns are.
    public let columns: PostgresRowColumns

    /// - Parameter bytes: checked: as many values as there are columns, and nothing else.
    @inlinable @inline(__always)
    init(checked bytes: ByteBuffer, columns: PostgresRowColumns) {
        self.bytes = bytes
        self.columns = columns
    }

    /// How many columns it has.
    public var count: Int { self.columns.count }

    /// Bytes of its values and their lengths.
    public var byteCount: Int { self.bytes.readableBytes }

    /// The first columns, each as its Swift type: `let (id, name) = try row.decode(Int.self, String?.self)`. Further ones are passed over.
    ///
    /// - Throws: ``PostgresDecodingError``: a type does not fit, a NULL that is not decoded as an Optional, too few columns.
    /// - Complexity: linear in the bytes of these columns, without an allocation but those of the values.
    @inlinable
    public func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresDecodingError) -> (repeat each Value) {
        var cursor = PostgresRowCursor(self)
        return (repeat try cursor.next(as: (each Value).self))
    }

    /// One column by its place, from 0.
    ///
    /// - Throws: ``PostgresDecodingError``.
    /// - Complexity: linear in the place.
    @inlinable
    public func decode<Value: PostgresDecodable>(column index: Int, as: Value.Type = Value.self) throws(PostgresDecodingError) -> Value {
        var cursor = PostgresRowCursor(self)
        for _ in 0..<max(index, 0) { try cursor.skip() }
        return try cursor.next(as: Value.self)
    }

    /// One column by its name.
    ///
    /// - Throws: ``PostgresDecodingError``.
    /// - Complexity: linear in the columns.
    @inlinable
    public func decode<Value: PostgresDecodable>(column name: String, as: Value.Type = Value.self) throws(PostgresDecodingError) -> Value {
        guard let index = self.columns.index(of: name) else { throw PostgresDecodingError(.noSuchColumn, type: .unspecified) }
        return try self.decode(column: index, as: Value.self)
    }

    /// The bytes of each column, nil for NULL.
    public var values: [ByteBuffer?] {
        var rest = self.bytes
        return (0..<self.count).map { _ in
            guard let length = rest.readInteger(as: Int32.self), length >= 0 else { return nil }
            return rest.readSlice(length: Int(length))
        }
    }
}

/// Goes through a row's columns.
@usableFromInline
struct PostgresRowCursor: ~Copyable {
    @usableFromInline let row: PostgresRow
    @usableFromInline var offset = 0
    @usableFromInline var index = 0

    @inlinable @inline(__always)
    init(_ row: PostgresRow) { self.row = row }

    @inlinable @inline(__always)
    mutating func next<Value: PostgresDecodable>(as: Value.Type) throws(PostgresDecodingError) -> Value {
        guard let (type, format) = self.row.columns.type(at: self.index) else { throw Self.missing() }
        let length = self.length()
        self.index &+= 1
        let start = self.offset &+ 4
        self.offset = start &+ max(length, 0)
        guard length >= 0 else { return try Value(postgresNullOf: type) }
        let span = self.row.bytes.readableBytesSpan.extracting(start..<(start &+ length))
        return try Value(postgresBytes: span, type: type, format: format)
    }

    @inlinable
    mutating func skip() throws(PostgresDecodingError) {
        guard self.index < self.row.columns.count else { throw Self.missing() }
        self.offset &+= 4 &+ max(self.length(), 0)
        self.index &+= 1
    }

    /// Of the column that begins here; negative for NULL.
    @inlinable @inline(__always)
    func length() -> Int {
        Int(Int32(bigEndian: self.row.bytes.readableBytesSpan.unsafeLoadUnaligned(fromByteOffset: self.offset, as: Int32.self)))
    }

    @inline(never)
    @usableFromInline
    static func missing() -> PostgresDecodingError { PostgresDecodingError(.noSuchColumn, type: .unspecified) }
}
