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

    /// One column by its place, from 0.
    ///
    /// - Throws: ``PostgresDecodingError``.
    /// - Complexity: linear in the place.
    @inlinable
    public func decode<Value: PostgresDecodable>(column index: Int, as: Value.Type = Value.self) throws(PostgresDecodingError) -> Value {
        let bytes = self.bytes.readableBytesSpan
        guard index >= 0, index < self.columns.count else { throw Self.noSuchColumn() }
        var offset = 0
        for _ in 0..<index { offset &+= 4 &+ max(Self.length(bytes, offset), 0) }
        return try self.next(Value.self, bytes, &offset, index)
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

/// Shows how many columns and bytes there are only: values are secret.
extension PostgresRow: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "PostgresRow(\(self.count) columns, \(self.byteCount) bytes)" }
    public var debugDescription: String { self.description }
    public var customMirror: Mirror { Mirror(self, children: ["columns": self.count, "bytes": self.byteCount]) }
}
