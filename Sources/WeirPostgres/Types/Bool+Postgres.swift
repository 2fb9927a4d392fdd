public import NIOCore
public import WeirPostgresWire

extension Bool: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .bool }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(self ? 1 : 0 as UInt8)
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self ? 1 : 0 as UInt8) }

    /// From bool; as text `t` or `f`.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard type == .bool || type.isUnknown && format == .text else { throw PostgresDecodingError(.typeMismatch, type: type) }
        guard bytes.byteCount == 1, let byte = bytes.postgresInteger(at: 0, as: UInt8.self) else {
            throw PostgresDecodingError(.malformedValue, type: type)
        }
        switch (format, byte) {
        case (.binary, 0), (.text, UInt8(ascii: "f")): self = false
        case (.binary, 1), (.text, UInt8(ascii: "t")): self = true
        default: throw PostgresDecodingError(.malformedValue, type: type)
        }
    }
}
