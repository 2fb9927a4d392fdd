public import WeirPostgresWire

/// The beginning of an array's binary form, checked against the bytes there before anything is allocated.
///
/// Source: `array_send` in `src/backend/utils/adt/arrayfuncs.c` of PostgreSQL 15.
@usableFromInline
struct PostgresArrayHeader {
    /// The server has no arrays of more dimensions.
    @usableFromInline static var maximumDimensions: Int { 6 }

    @usableFromInline let elementType: PostgresType
    @usableFromInline let dimensionCount: Int
    @usableFromInline let elementCount: Int
    /// Where the elements begin.
    @inlinable var end: Int { 12 + 8 * self.dimensionCount }

    @usableFromInline
    init(_ bytes: RawSpan, type: PostgresType) throws(PostgresDecodingError) {
        guard Self.isArray(type) else { throw PostgresDecodingError(.typeMismatch, type: type) }
        guard let count = bytes.postgresInteger(at: 0, as: Int32.self), (0...Int32(Self.maximumDimensions)).contains(count),
            let element = bytes.postgresInteger(at: 8, as: UInt32.self)
        else { throw PostgresDecodingError(.malformedValue, type: type) }
        self.elementType = PostgresType(rawValue: element)
        self.dimensionCount = Int(count)
        var elements = count == 0 ? 0 : 1
        // Each element has four bytes at least.
        let most = (bytes.byteCount - 12) / 4
        for dimension in 0..<self.dimensionCount {
            guard let length = bytes.postgresInteger(at: 12 + 8 * dimension, as: Int32.self), length >= 0,
                bytes.postgresInteger(at: 16 + 8 * dimension, as: Int32.self) != nil,
                case let (product, overflows) = elements.multipliedReportingOverflow(by: Int(length)), !overflows, product <= most
            else { throw PostgresDecodingError(.malformedValue, type: type) }
            elements = product
        }
        self.elementCount = elements
    }

    /// Whether a column of this type may be an array: the built-in ones, and types of a user's own.
    static func isArray(_ type: PostgresType) -> Bool { type.elementType != nil || type.isUserDefined }
}

@usableFromInline
enum PostgresArrayReader {
    /// The elements of an array in binary form.
    @inlinable
    static func elements<Element: PostgresDecodable>(
        _ bytes: RawSpan, _ header: PostgresArrayHeader, type: PostgresType
    ) throws(PostgresDecodingError) -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(header.elementCount)
        var offset = header.end
        for _ in 0..<header.elementCount {
            guard let length = bytes.postgresInteger(at: offset, as: Int32.self) else {
                throw PostgresDecodingError(.malformedValue, type: type)
            }
            offset &+= 4
            if length == -1 {
                elements.append(try Element(postgresNullOf: header.elementType))
                continue
            }
            guard length >= 0, Int(length) <= bytes.byteCount &- offset else { throw PostgresDecodingError(.malformedValue, type: type) }
            let end = offset &+ Int(length)
            elements.append(try Element(postgresBytes: bytes.extracting(offset..<end), type: header.elementType, format: .binary))
            offset = end
        }
        guard offset == bytes.byteCount else { throw PostgresDecodingError(.malformedValue, type: type) }
        return elements
    }

    /// An array in text form.
    @usableFromInline
    static func text<Element: PostgresDecodable>(
        _ bytes: RawSpan, _ type: PostgresType
    ) throws(PostgresDecodingError) -> PostgresArray<Element> {
        guard type.isUnknown || PostgresArrayHeader.isArray(type) else { throw PostgresDecodingError(.typeMismatch, type: type) }
        return try bytes.withUnsafeBytes { bytes throws(PostgresDecodingError) in
            var text = PostgresArrayText(bytes, type: type)
            return try text.array()
        }
    }
}
