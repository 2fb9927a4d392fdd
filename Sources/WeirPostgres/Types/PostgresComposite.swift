public import NIOCore
public import WeirPostgresWire

/// A composite (a row type, `record`): fields, each of a type of its own, taken apart but not decoded.
///
/// A type of one's own reads its fields from it:
/// ```swift
/// struct Address: PostgresDecodable {
///     var street: String
///     var number: Int?
///
///     init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
///         let fields = try PostgresComposite(postgresBytes: bytes, type: type, format: format)
///         self.street = try fields.decode(at: 0)
///         self.number = try fields.decode(at: 1)
///     }
/// }
/// ```
/// Source: `record_send` and `record_out` in `src/backend/utils/adt/rowtypes.c` of PostgreSQL 15.
public struct PostgresComposite: Hashable, Sendable {
    /// The server has no rows of more columns.
    public static var maximumFields: Int { 1664 }

    /// A field: its type, its form, and its bytes if it is not NULL.
    public struct Field: Hashable, Sendable {
        /// ``PostgresType/unspecified`` for what was read as text.
        public var type: PostgresType
        /// The form of the bytes.
        public var format: PostgresFormat
        /// Nil for NULL.
        public var bytes: ByteBuffer?

        /// A field of these bytes.
        @inlinable
        public init(bytes: ByteBuffer?, type: PostgresType, format: PostgresFormat) {
            self.bytes = bytes
            self.type = type
            self.format = format
        }

        /// A field that holds this value. Throws what its encoding throws.
        @inlinable
        public init(_ value: some PostgresEncodable) throws(PostgresEncodingError) {
            self.init(bytes: nil, type: value.postgresType, format: value.postgresFormat)
            guard !value.isPostgresNull else { return }
            var bytes = ByteBuffer()
            try value.encodePostgres(into: &bytes)
            self.bytes = bytes
        }
    }

    /// In the order of the type's columns.
    public var fields: [Field]

    /// A composite to send, or to compare with.
    @inlinable
    public init(fields: [Field]) { self.fields = fields }

    /// A field as a type of Swift, an Optional where it may be NULL. Throws `noSuchColumn` where there is none.
    ///
    /// - Parameter index: from 0.
    public func decode<Value: PostgresDecodable>(_: Value.Type = Value.self, at index: Int) throws(PostgresDecodingError) -> Value {
        guard self.fields.indices.contains(index) else { throw PostgresDecodingError(.noSuchColumn, type: .record) }
        let field = self.fields[index]
        guard let bytes = field.bytes else { return try Value(postgresNullOf: field.type) }
        return try PostgresRaw(bytes: bytes, type: field.type, format: field.format).decode()
    }
}

extension PostgresComposite: PostgresEncodable {
    /// Left to the server: it takes a composite for what the query says it is (`$1::address`), and refuses one that it is not.
    public static var postgresType: PostgresType { .unspecified }

    /// Throws where a field is text, or of unspecified type: the binary form of a composite names the types of its fields.
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard self.fields.count <= Self.maximumFields else { throw PostgresEncodingError("a composite of too many fields") }
        buffer.writeInteger(Int32(self.fields.count))
        for field in self.fields {
            guard field.format == .binary, field.type != .unspecified else {
                throw PostgresEncodingError("a field of a composite that is text or of unspecified type")
            }
            buffer.writeInteger(field.type.rawValue)
            try buffer.writePostgresValue(field.bytes)
        }
    }
}

extension PostgresComposite: PostgresDecodable {
    /// From record and types of a user's own. Copies the bytes once, of which the fields are slices. A composite without fields and one with
    /// a single NULL look the same as text, `()`, and are read as the latter.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard type == .record || type.isUserDefined || type.isUnknown && format == .text else {
            throw PostgresDecodingError(.typeMismatch, type: type)
        }
        let fields: [Field]?
        switch format {
        case .binary: fields = Self.binary(bytes.withUnsafeBytes { ByteBuffer(bytes: $0) })
        case .text: fields = PostgresDecoding.whole(bytes, Self.text)
        }
        guard let fields else { throw PostgresDecodingError(.malformedValue, type: type) }
        self.fields = fields
    }

    private static func binary(_ bytes: ByteBuffer) -> [Field]? {
        var bytes = bytes
        // Each field has a type and a length, of four bytes each.
        guard let count = bytes.readInteger(as: Int32.self), count >= 0, count <= self.maximumFields, bytes.readableBytes / 8 >= count
        else {
            return nil
        }
        var fields: [Field] = []
        fields.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let (type, length) = bytes.readMultipleIntegers(as: (UInt32, Int32).self) else { return nil }
            var field = Field(bytes: nil, type: PostgresType(rawValue: type), format: .binary)
            if length != -1 {
                guard length >= 0, let slice = bytes.readSlice(length: Int(length)) else { return nil }
                field.bytes = slice
            }
            fields.append(field)
        }
        return bytes.readableBytes == 0 ? fields : nil
    }

    private static func text(_ scanner: inout PostgresTextScanner) -> [Field]? {
        guard scanner.accept("(" as Unicode.Scalar) else { return nil }
        var scratch: [UInt8] = []
        // Fields as they are unquoted, one behind the other.
        var bytes = ByteBuffer()
        var ends: [Int?] = []
        repeat {
            switch scanner.item(endsAtBrackets: false, scratch: &scratch) {
            case .missing: ends.append(nil)
            case .plain(let range):
                bytes.writeBytes(scanner.bytes[range])
                ends.append(bytes.writerIndex)
            case .unquoted:
                bytes.writeBytes(scratch)
                ends.append(bytes.writerIndex)
            case nil: return nil
            }
            guard ends.count <= self.maximumFields else { return nil }
        } while scanner.accept("," as Unicode.Scalar)
        guard scanner.accept(")" as Unicode.Scalar) else { return nil }
        return ends.map { end in
            Field(bytes: end.flatMap { bytes.readSlice(length: $0 - bytes.readerIndex) }, type: .unspecified, format: .text)
        }
    }
}
