public import NIOCore
public import WeirPostgresWire

/// Source: `range_send` in `src/backend/utils/adt/rangetypes.c` and `multirange_send` in `multirangetypes.c` of PostgreSQL 15.
enum PostgresRangeFlags {
    static let empty: UInt8 = 0x01
    static let lowerInclusive: UInt8 = 0x02
    static let upperInclusive: UInt8 = 0x04
    static let lowerUnbounded: UInt8 = 0x08
    static let upperUnbounded: UInt8 = 0x10
    static let all: UInt8 = 0x1F
}

extension PostgresRange: PostgresEncodable where Bound: PostgresEncodable {
    /// The built-in range of such bounds; for others the server finds out.
    public static var postgresType: PostgresType { Bound.postgresType.rangeType ?? .unspecified }

    /// Throws for bounds whose form is text, and for a bound that is NULL.
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard case .bounds(let lower, let upper) = self else {
            buffer.writeInteger(PostgresRangeFlags.empty)
            return
        }
        var flags: UInt8 = 0
        switch lower {
        case .unbounded: flags |= PostgresRangeFlags.lowerUnbounded
        case .inclusive: flags |= PostgresRangeFlags.lowerInclusive
        case .exclusive: break
        }
        switch upper {
        case .unbounded: flags |= PostgresRangeFlags.upperUnbounded
        case .inclusive: flags |= PostgresRangeFlags.upperInclusive
        case .exclusive: break
        }
        buffer.writeInteger(flags)
        for bound in [lower, upper] {
            switch bound {
            case .unbounded: break
            case .inclusive(let value), .exclusive(let value):
                guard value.postgresFormat == .binary, !value.isPostgresNull else {
                    throw PostgresEncodingError("a bound of a range that is NULL or text")
                }
                try buffer.writePostgresValue(value)
            }
        }
    }
}

extension PostgresRange: PostgresDecodable where Bound: PostgresDecodable {
    /// From a range of whatever `Bound` is read from. Of a range type of a user's own it is not known what its bounds are: in binary form
    /// they are given to `Bound` as of unspecified type, which only types of a user's own and text understand.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard type.rangeType == nil, type.multirangeType != nil || type.isUserDefined || type.isUnknown && format == .text else {
            throw PostgresDecodingError(.typeMismatch, type: type)
        }
        switch format {
        case .binary:
            self = try Self.binary(bytes, type)
        case .text:
            self = try bytes.withUnsafeBytes { bytes throws(PostgresDecodingError) in
                var scanner = PostgresTextScanner(bytes)
                let range = try Self.text(&scanner, type)
                guard scanner.isAtEnd else { throw PostgresDecodingError(.malformedValue, type: type) }
                return range
            }
        }
    }

    fileprivate static func binary(_ bytes: RawSpan, _ type: PostgresType) throws(PostgresDecodingError) -> PostgresRange {
        guard let flags = bytes.postgresInteger(at: 0, as: UInt8.self), flags & ~PostgresRangeFlags.all == 0 else {
            throw PostgresDecodingError(.malformedValue, type: type)
        }
        var offset = 1
        var range = PostgresRange.empty
        if flags & PostgresRangeFlags.empty == 0 {
            let lower = try self.bound(
                bytes, &offset, type, isUnbounded: flags & PostgresRangeFlags.lowerUnbounded != 0,
                isInclusive: flags & PostgresRangeFlags.lowerInclusive != 0)
            let upper = try self.bound(
                bytes, &offset, type, isUnbounded: flags & PostgresRangeFlags.upperUnbounded != 0,
                isInclusive: flags & PostgresRangeFlags.upperInclusive != 0)
            range = .bounds(lower, upper)
        }
        guard offset == bytes.byteCount else { throw PostgresDecodingError(.malformedValue, type: type) }
        return range
    }

    private static func bound(
        _ bytes: RawSpan, _ offset: inout Int, _ type: PostgresType, isUnbounded: Bool, isInclusive: Bool
    ) throws(PostgresDecodingError) -> PostgresRangeBound<Bound> {
        if isUnbounded { return .unbounded }
        guard let length = bytes.postgresInteger(at: offset, as: Int32.self), length >= 0, Int(length) <= bytes.byteCount - offset - 4
        else {
            throw PostgresDecodingError(.malformedValue, type: type)
        }
        let start = offset + 4
        offset = start + Int(length)
        let value = try Bound(postgresBytes: bytes.extracting(start..<offset), type: type.boundType ?? .unspecified, format: .binary)
        return isInclusive ? .inclusive(value) : .exclusive(value)
    }

    fileprivate static func text(_ scanner: inout PostgresTextScanner, _ type: PostgresType) throws(PostgresDecodingError) -> PostgresRange
    {
        if scanner.accept("empty") { return .empty }
        let malformed = PostgresDecodingError(.malformedValue, type: type)
        let isLowerInclusive = scanner.accept("[" as Unicode.Scalar)
        guard isLowerInclusive || scanner.accept("(" as Unicode.Scalar) else { throw malformed }
        let lower = try self.bound(&scanner, type)
        guard scanner.accept("," as Unicode.Scalar) else { throw malformed }
        let upper = try self.bound(&scanner, type)
        let isUpperInclusive = scanner.accept("]" as Unicode.Scalar)
        guard isUpperInclusive || scanner.accept(")" as Unicode.Scalar) else { throw malformed }
        return .bounds(
            lower.map { isLowerInclusive ? .inclusive($0) : .exclusive($0) } ?? .unbounded,
            upper.map { isUpperInclusive ? .inclusive($0) : .exclusive($0) } ?? .unbounded)
    }

    private static func bound(_ scanner: inout PostgresTextScanner, _ type: PostgresType) throws(PostgresDecodingError) -> Bound? {
        var scratch: [UInt8] = []
        let boundType = type.boundType ?? .unspecified
        switch scanner.item(endsAtBrackets: true, scratch: &scratch) {
        case .missing: return nil
        case .plain(let range):
            let bytes = UnsafeRawBufferPointer(rebasing: scanner.bytes[range])
            return try Bound(postgresBytes: bytes.bytes, type: boundType, format: .text)
        case .unquoted: return try Bound(postgresBytes: scratch.span.bytes, type: boundType, format: .text)
        case nil: throw PostgresDecodingError(.malformedValue, type: type)
        }
    }
}

extension PostgresMultirange: PostgresEncodable where Bound: PostgresEncodable {
    /// The built-in multirange of such bounds; for others the server finds out.
    public static var postgresType: PostgresType { Bound.postgresType.rangeType?.multirangeType ?? .unspecified }

    /// Throws as ``PostgresRange`` does.
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard let count = Int32(exactly: self.ranges.count) else { throw PostgresEncodingError("too many ranges") }
        buffer.writeInteger(count)
        for range in self.ranges { try buffer.writePostgresValue(range) }
    }
}

extension PostgresMultirange: PostgresDecodable where Bound: PostgresDecodable {
    /// From a multirange of whatever `Bound` is read from, as for ``PostgresRange``.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        let isBuiltIn = type.boundType != nil && type.multirangeType == nil
        guard isBuiltIn || type.isUserDefined || type.isUnknown && format == .text else {
            throw PostgresDecodingError(.typeMismatch, type: type)
        }
        switch format {
        case .binary: self.ranges = try Self.binary(bytes, type)
        case .text:
            self.ranges = try bytes.withUnsafeBytes { bytes throws(PostgresDecodingError) in
                var scanner = PostgresTextScanner(bytes)
                return try Self.text(&scanner, type)
            }
        }
    }

    private static func binary(_ bytes: RawSpan, _ type: PostgresType) throws(PostgresDecodingError) -> [PostgresRange<Bound>] {
        // Each range has a length of four bytes and a byte of flags.
        guard let count = bytes.postgresInteger(at: 0, as: UInt32.self), Int(count) <= (bytes.byteCount - 4) / 5 else {
            throw PostgresDecodingError(.malformedValue, type: type)
        }
        var ranges: [PostgresRange<Bound>] = []
        ranges.reserveCapacity(Int(count))
        var offset = 4
        for _ in 0..<count {
            guard let length = bytes.postgresInteger(at: offset, as: Int32.self), length >= 0, Int(length) <= bytes.byteCount - offset - 4
            else { throw PostgresDecodingError(.malformedValue, type: type) }
            let start = offset + 4
            offset = start + Int(length)
            ranges.append(try PostgresRange.binary(bytes.extracting(start..<offset), type))
        }
        guard offset == bytes.byteCount else { throw PostgresDecodingError(.malformedValue, type: type) }
        return ranges
    }

    private static func text(
        _ scanner: inout PostgresTextScanner, _ type: PostgresType
    ) throws(PostgresDecodingError) -> [PostgresRange<Bound>] {
        var ranges: [PostgresRange<Bound>] = []
        guard scanner.accept("{" as Unicode.Scalar) else { throw PostgresDecodingError(.malformedValue, type: type) }
        if !scanner.accept("}" as Unicode.Scalar) {
            repeat { ranges.append(try PostgresRange.text(&scanner, type)) } while scanner.accept("," as Unicode.Scalar)
            guard scanner.accept("}" as Unicode.Scalar) else { throw PostgresDecodingError(.malformedValue, type: type) }
        }
        guard scanner.isAtEnd else { throw PostgresDecodingError(.malformedValue, type: type) }
        return ranges
    }
}
