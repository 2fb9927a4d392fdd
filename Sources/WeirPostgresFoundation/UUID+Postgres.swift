public import NIOCore
public import WeirPostgres
public import WeirPostgresWire

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension UUID: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .uuid }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try PostgresUUID(self).encodePostgres(into: &buffer)
    }

    /// From uuid.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self.init(try PostgresUUID(postgresBytes: bytes, type: type, format: format))
    }

    /// The same sixteen bytes.
    public init(_ value: PostgresUUID) {
        self = withUnsafeBytes(of: (value.high.bigEndian, value.low.bigEndian)) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}

extension PostgresUUID {
    /// The same sixteen bytes.
    public init(_ value: UUID) {
        let (high, low) = withUnsafeBytes(of: value.uuid) {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
    }
}
