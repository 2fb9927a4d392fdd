public import NIOCore
import WeirPostgresWire

// The first columns of a row, each as its Swift type. One function for each number of them up to eight: of a parameter pack the compiler
// makes calls through tables, which take three times as long as the code of these.

extension PostgresRow {
    /// The first columns, each as its Swift type: `let (id, name) = try row.decode(Int.self, String?.self)`. Further ones are passed over.
    ///
    /// - Throws: ``PostgresDecodingError``: a type does not fit, a NULL that is not decoded as an Optional, too few columns.
    /// - Complexity: linear in the bytes of these columns, without an allocation but those of the values.
    @inlinable
    public func decode<each Value: PostgresDecodable>(
        _ types: repeat (each Value).Type
    ) throws(PostgresDecodingError) -> (repeat each Value) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        var index = 0
        return (repeat try self.following((each Value).self, bytes, &offset, &index))
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<A: PostgresDecodable>(_: A.Type) throws(PostgresDecodingError) -> A {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        return try self.next(A.self, bytes, &offset, 0)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<A: PostgresDecodable, B: PostgresDecodable>(_: A.Type, _: B.Type) throws(PostgresDecodingError) -> (A, B) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        return (a, b)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<A: PostgresDecodable, B: PostgresDecodable, C: PostgresDecodable>(_: A.Type, _: B.Type, _: C.Type)
        throws(PostgresDecodingError) -> (A, B, C)
    {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        let c = try self.next(C.self, bytes, &offset, 2)
        return (a, b, c)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<A: PostgresDecodable, B: PostgresDecodable, C: PostgresDecodable, D: PostgresDecodable>(
        _: A.Type, _: B.Type, _: C.Type, _: D.Type
    ) throws(PostgresDecodingError) -> (A, B, C, D) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        let c = try self.next(C.self, bytes, &offset, 2)
        let d = try self.next(D.self, bytes, &offset, 3)
        return (a, b, c, d)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<A: PostgresDecodable, B: PostgresDecodable, C: PostgresDecodable, D: PostgresDecodable, E: PostgresDecodable>(
        _: A.Type, _: B.Type, _: C.Type, _: D.Type, _: E.Type
    ) throws(PostgresDecodingError) -> (A, B, C, D, E) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        let c = try self.next(C.self, bytes, &offset, 2)
        let d = try self.next(D.self, bytes, &offset, 3)
        let e = try self.next(E.self, bytes, &offset, 4)
        return (a, b, c, d, e)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<
        A: PostgresDecodable, B: PostgresDecodable, C: PostgresDecodable, D: PostgresDecodable, E: PostgresDecodable, F: PostgresDecodable
    >(_: A.Type, _: B.Type, _: C.Type, _: D.Type, _: E.Type, _: F.Type) throws(PostgresDecodingError) -> (A, B, C, D, E, F) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        let c = try self.next(C.self, bytes, &offset, 2)
        let d = try self.next(D.self, bytes, &offset, 3)
        let e = try self.next(E.self, bytes, &offset, 4)
        let f = try self.next(F.self, bytes, &offset, 5)
        return (a, b, c, d, e, f)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<
        A: PostgresDecodable, B: PostgresDecodable, C: PostgresDecodable, D: PostgresDecodable, E: PostgresDecodable, F: PostgresDecodable,
        G: PostgresDecodable
    >(_: A.Type, _: B.Type, _: C.Type, _: D.Type, _: E.Type, _: F.Type, _: G.Type) throws(PostgresDecodingError) -> (A, B, C, D, E, F, G) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        let c = try self.next(C.self, bytes, &offset, 2)
        let d = try self.next(D.self, bytes, &offset, 3)
        let e = try self.next(E.self, bytes, &offset, 4)
        let f = try self.next(F.self, bytes, &offset, 5)
        let g = try self.next(G.self, bytes, &offset, 6)
        return (a, b, c, d, e, f, g)
    }

    /// As ``decode(_:)`` of any number of columns.
    @inlinable
    public func decode<
        A: PostgresDecodable, B: PostgresDecodable, C: PostgresDecodable, D: PostgresDecodable, E: PostgresDecodable, F: PostgresDecodable,
        G: PostgresDecodable, H: PostgresDecodable
    >(_: A.Type, _: B.Type, _: C.Type, _: D.Type, _: E.Type, _: F.Type, _: G.Type, _: H.Type) throws(PostgresDecodingError) -> (
        A, B, C, D, E, F, G, H
    ) {
        let bytes = self.bytes.readableBytesSpan
        var offset = 0
        let a = try self.next(A.self, bytes, &offset, 0)
        let b = try self.next(B.self, bytes, &offset, 1)
        let c = try self.next(C.self, bytes, &offset, 2)
        let d = try self.next(D.self, bytes, &offset, 3)
        let e = try self.next(E.self, bytes, &offset, 4)
        let f = try self.next(F.self, bytes, &offset, 5)
        let g = try self.next(G.self, bytes, &offset, 6)
        let h = try self.next(H.self, bytes, &offset, 7)
        return (a, b, c, d, e, f, g, h)
    }

    /// The column of this place, which begins at the offset, and which must be no further than the one behind the last.
    @inlinable @inline(__always)
    func next<Value: PostgresDecodable>(
        _: Value.Type, _ bytes: RawSpan, _ offset: inout Int, _ index: Int
    ) throws(PostgresDecodingError) -> Value {
        guard index < self.columns.count else { throw Self.noSuchColumn() }
        let kind = self.columns.kinds[index]
        let length = Self.length(bytes, offset)
        let start = offset &+ 4
        offset = start &+ max(length, 0)
        guard length >= 0 else { return try Value(postgresNullOf: kind.type) }
        return try Value(postgresBytes: bytes.extracting(start..<offset), type: kind.type, format: kind.format)
    }

    @inlinable @inline(__always)
    func following<Value: PostgresDecodable>(
        _: Value.Type, _ bytes: RawSpan, _ offset: inout Int, _ index: inout Int
    ) throws(PostgresDecodingError) -> Value {
        defer { index &+= 1 }
        return try self.next(Value.self, bytes, &offset, index)
    }

    /// Of the column that begins here; negative for NULL.
    @inlinable @inline(__always)
    static func length(_ bytes: RawSpan, _ offset: Int) -> Int {
        Int(Int32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int32.self)))
    }

    @inline(never)
    @usableFromInline
    static func noSuchColumn() -> PostgresDecodingError { PostgresDecodingError(.noSuchColumn, type: .unspecified) }
}
