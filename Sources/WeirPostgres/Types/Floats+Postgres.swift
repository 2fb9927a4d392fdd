public import NIOCore
public import WeirPostgresWire

// Floating point, read from float4 and float8, infinities and NaN included. As text the nearest value, as the server wrote it.

extension Double: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .float8 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.bitPattern) }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self.bitPattern) }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if case .binary = format, type == .float8, bytes.byteCount == 8, let bits = bytes.postgresInteger(at: 0, as: UInt64.self) {
            self = Double(bitPattern: bits)
        } else {
            self = try PostgresFloat.unusual(bytes, type, format)
        }
    }
}

extension Float: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .float4 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.bitPattern) }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self.bitPattern) }

    /// From float8 only what loses nothing, else `outOfRange`.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if case .binary = format, type == .float4, bytes.byteCount == 4, let bits = bytes.postgresInteger(at: 0, as: UInt32.self) {
            self = Float(bitPattern: bits)
        } else {
            self = try PostgresFloat.narrow(bytes, type, format)
        }
    }
}

@usableFromInline
enum PostgresFloat {
    /// All but the binary form of float8.
    @usableFromInline @inline(never)
    static func unusual(_ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat) throws(PostgresDecodingError) -> Double {
        guard type == .float8 || type == .float4 || type.isUnknown && format == .text else {
            throw PostgresDecodingError(.typeMismatch, type: type)
        }
        switch format {
        case .binary:
            guard type == .float4, bytes.byteCount == 4, let bits = bytes.postgresInteger(at: 0, as: UInt32.self) else { break }
            return Double(Float(bitPattern: bits))
        case .text:
            // What the server prints of a float4 is the shortest text that means this one among all float4.
            if type == .float4 { return Double(try self.text(bytes, type, as: Float.self)) }
            return try self.text(bytes, type, as: Double.self)
        }
        throw PostgresDecodingError(.malformedValue, type: type)
    }

    /// All but the binary form of float4.
    @usableFromInline @inline(never)
    static func narrow(_ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat) throws(PostgresDecodingError) -> Float {
        if type.isUnknown, format == .text { return try self.text(bytes, type, as: Float.self) }
        let wide = try Double(postgresBytes: bytes, type: type, format: format)
        if wide.isNaN { return .nan }
        guard let value = Float(exactly: wide) else { throw PostgresDecodingError(.outOfRange, type: type) }
        return value
    }

    private static func text<Value: BinaryFloatingPoint & LosslessStringConvertible>(
        _ bytes: RawSpan, _ type: PostgresType, as: Value.Type
    ) throws(PostgresDecodingError) -> Value {
        var isTooLarge = false
        let value: Value? = PostgresDecoding.whole(bytes) { scanner in
            if scanner.accept("NaN") { return .nan }
            let start = scanner.index
            let isNegative = scanner.accept("-" as Unicode.Scalar)
            if scanner.accept("Infinity") { return isNegative ? -.infinity : .infinity }
            // The grammar first: the standard library would read more than the server writes.
            var count = scanner.digits().count
            if scanner.accept("." as Unicode.Scalar) { count += scanner.digits().count }
            guard count > 0 else { return nil }
            if scanner.accept("e" as Unicode.Scalar) {
                if !scanner.accept("-" as Unicode.Scalar) { _ = scanner.accept("+" as Unicode.Scalar) }
                guard scanner.digits().count > 0 else { return nil }
            }
            let value = Value(String(decoding: scanner.bytes[start..<scanner.index], as: UTF8.self))
            isTooLarge = value?.isInfinite ?? false
            return value
        }
        guard let value else { throw PostgresDecodingError(.malformedValue, type: type) }
        if isTooLarge { throw PostgresDecodingError(.outOfRange, type: type) }
        return value
    }
}
