public import NIOCore
public import WeirPostgres
public import WeirPostgresWire

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension Data: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .bytea }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeBytes(self) }

    /// From bytea.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if case .binary = format, type == .bytea {
            self = bytes.withUnsafeBytes { Data($0) }
        } else {
            self.init(try [UInt8](postgresBytes: bytes, type: type, format: format))
        }
    }
}
