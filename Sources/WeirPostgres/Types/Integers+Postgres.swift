public import NIOCore
public import WeirPostgresWire

// Integers, read from int2, int4, int8 and the unsigned types (oid, xid, cid, xid8; regclass and its kin in binary), if the value fits:
// `outOfRange` otherwise. Each is sent as the smallest signed type of the server's that holds all its values; UInt64 and UInt as int8,
// which throws for values of 2^63 and more.

extension Int8: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int2 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int16(self))
    }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format)
    }
}

extension Int16: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int2 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int16(self))
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self) }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format, usually: .int2, as: Int16.self)
    }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int4 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int32(self))
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self) }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format, usually: .int4, as: Int32.self)
    }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int8 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int64(self))
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self) }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format, usually: .int8, as: Int64.self)
    }
}

extension Int: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int8 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int64(self))
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(Int64(self)) }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format, usually: .int8, as: Int64.self)
    }
}

extension UInt8: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int2 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int16(self))
    }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format)
    }
}

extension UInt16: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int4 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int32(self))
    }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format)
    }
}

extension UInt32: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int8 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(Int64(self))
    }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format)
    }
}

extension UInt64: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int8 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard let value = Int64(exactly: self) else { throw PostgresEncodingError("an unsigned integer above the largest int8") }
        buffer.writeInteger(value)
    }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format)
    }
}

extension UInt: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .int8 }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard let value = Int64(exactly: self) else { throw PostgresEncodingError("an unsigned integer above the largest int8") }
        buffer.writeInteger(value)
    }

    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresInteger.decode(bytes, type, format)
    }
}
