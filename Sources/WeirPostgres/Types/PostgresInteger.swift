public import WeirPostgresWire

/// Integers of the server's types, checked to fit.
@usableFromInline
enum PostgresInteger {
    @inlinable @inline(__always)
    static func decode<Integer: FixedWidthInteger>(
        _ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat
    ) throws(PostgresDecodingError) -> Integer {
        if case .binary = format {
            if type == .int4, let value = bytes.postgresInteger(at: 0, as: Int32.self), bytes.byteCount == 4 {
                if let value = Integer(exactly: value) { return value }
            } else if type == .int8, let value = bytes.postgresInteger(at: 0, as: Int64.self), bytes.byteCount == 8 {
                if let value = Integer(exactly: value) { return value }
            } else if type == .int2, let value = bytes.postgresInteger(at: 0, as: Int16.self), bytes.byteCount == 2 {
                if let value = Integer(exactly: value) { return value }
            } else if let value = Integer(exactly: try self.unsigned(bytes, type)) {
                return value
            }
        } else if let value: Integer = try self.text(bytes, type) {
            return value
        }
        throw PostgresDecodingError(.outOfRange, type: type)
    }

    /// As ``decode(_:_:_:)``, where most columns are of one type, of which each value fits: that comes first, and is short enough to be inlined.
    @inlinable @inline(__always)
    static func decode<Integer: FixedWidthInteger, Usual: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat, usually usual: PostgresType, as: Usual.Type
    ) throws(PostgresDecodingError) -> Integer {
        if case .binary = format, type == usual, bytes.byteCount == MemoryLayout<Usual>.size,
            let value = bytes.postgresInteger(at: 0, as: Usual.self)
        {
            return Integer(truncatingIfNeeded: value)
        }
        return try self.unusual(bytes, type, format)
    }

    @inlinable @inline(never)
    static func unusual<Integer: FixedWidthInteger>(
        _ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat
    ) throws(PostgresDecodingError) -> Integer {
        try self.decode(bytes, type, format)
    }

    /// The types that are not signed integers, and what is none at all.
    @usableFromInline @inline(never)
    static func unsigned(_ bytes: RawSpan, _ type: PostgresType) throws(PostgresDecodingError) -> UInt64 {
        switch type {
        case .xid8:
            if bytes.byteCount == 8, let value = bytes.postgresInteger(at: 0, as: UInt64.self) { return value }
        case .int2, .int4, .int8:
            break
        default:
            guard type.isObjectID || type == .xid || type == .cid else { throw PostgresDecodingError(.typeMismatch, type: type) }
            if bytes.byteCount == 4, let value = bytes.postgresInteger(at: 0, as: UInt32.self) { return UInt64(value) }
        }
        throw PostgresDecodingError(.malformedValue, type: type)
    }

    /// Nil for a number that does not fit.
    @usableFromInline @inline(never)
    static func text<Integer: FixedWidthInteger>(_ bytes: RawSpan, _ type: PostgresType) throws(PostgresDecodingError) -> Integer? {
        switch type {
        case .int4, .int8, .int2, .oid, .xid, .cid, .xid8: break
        default:
            // The text form of regclass and its kin is a name.
            guard type.isUnknown else { throw PostgresDecodingError(.typeMismatch, type: type) }
        }
        return try bytes.withUnsafeBytes { bytes throws(PostgresDecodingError) in
            var scanner = PostgresTextScanner(bytes)
            let isNegative = scanner.accept("-" as Unicode.Scalar)
            let digits = scanner.digits()
            guard digits.count > 0, scanner.isAtEnd else { throw PostgresDecodingError(.malformedValue, type: type) }
            // Twenty digits and leading zeros, which the server does not write, may overflow.
            var magnitude: UInt64 = 0
            for byte in bytes[digits] {
                let (product, overflows) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, carries) = product.addingReportingOverflow(UInt64(byte &- UInt8(ascii: "0")))
                if overflows || carries { return nil }
                magnitude = sum
            }
            if !isNegative { return Integer(exactly: magnitude) }
            return magnitude <= 1 << 63 ? Integer(exactly: Int64(truncatingIfNeeded: 0 &- magnitude)) : nil
        }
    }
}

extension PostgresType {
    /// `oid` and the types that print one as a name: `regclass`, `regtype` and their kin.
    var isObjectID: Bool {
        switch self {
        case .oid, .regproc, .regprocedure, .regoper, .regoperator, .regclass, .regtype, .regconfig, .regdictionary, .regnamespace,
            .regrole, .regcollation:
            true
        default: false
        }
    }
}
