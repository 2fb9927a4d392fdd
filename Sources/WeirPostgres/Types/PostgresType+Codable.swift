public import NIOCore
public import WeirPostgresWire

/// `oid`: sent as one, read from one, and in binary form from `regclass`, `regtype` and their kin.
extension PostgresType: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .oid }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.rawValue) }

    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard type.isObjectID || type.isUnknown && format == .text else { throw PostgresDecodingError(.typeMismatch, type: type) }
        self.init(rawValue: try UInt32(postgresBytes: bytes, type: type, format: format))
    }
}
