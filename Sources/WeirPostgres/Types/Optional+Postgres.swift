public import NIOCore
public import WeirPostgresWire

// NULL is nil: as a parameter, in a column, and in arrays.

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { Wrapped.postgresType }
    @inlinable public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
    @inlinable public static var postgresFormat: PostgresFormat { Wrapped.postgresFormat }
    @inlinable public var postgresType: PostgresType { self?.postgresType ?? Wrapped.postgresType }
    @inlinable public var postgresFormat: PostgresFormat { self?.postgresFormat ?? Wrapped.postgresFormat }
    @inlinable public var isPostgresNull: Bool { self?.isPostgresNull ?? true }

    /// Appends what is wrapped; nothing for nil, which has no bytes.
    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        if let value = self { try value.encodePostgres(into: &buffer) }
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        if let value = self { try value.encodePostgresWithLength(into: &buffer) } else { buffer.writeInteger(-1 as Int32) }
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = .some(try Wrapped(postgresBytes: bytes, type: type, format: format))
    }

    @inlinable
    public init(postgresNullOf type: PostgresType) throws(PostgresDecodingError) { self = .none }
}
