public import NIOCore
public import WeirPostgres
public import WeirPostgresWire

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A value as JSON: encoded and decoded by Foundation's coders. Sent as jsonb, read from json and jsonb.
public struct PostgresJSONCodable<Value: Sendable>: Sendable {
    /// What was decoded, or is to be encoded.
    public var value: Value

    /// This value, as JSON.
    @inlinable
    public init(_ value: Value) { self.value = value }
}

extension PostgresJSONCodable: Equatable where Value: Equatable {}
extension PostgresJSONCodable: Hashable where Value: Hashable {}

extension PostgresJSONCodable: PostgresEncodable where Value: Encodable {
    public static var postgresType: PostgresType { .jsonb }

    /// Throws where the value cannot be written as JSON.
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard let text = try? JSONEncoder().encode(self.value) else { throw PostgresEncodingError("a value that JSON cannot hold") }
        buffer.writeInteger(1 as UInt8)
        buffer.writeBytes(text)
    }
}

extension PostgresJSONCodable: PostgresDecodable where Value: Decodable {
    /// From json and jsonb; `outOfRange` for JSON that is no `Value`, or no JSON.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        let start = try PostgresJSON.start(bytes, type, format)
        let value = bytes.withUnsafeBytes { bytes in try? JSONDecoder().decode(Value.self, from: Data(bytes[start...])) }
        guard let value else { throw PostgresDecodingError(.outOfRange, type: type) }
        self.value = value
    }
}
