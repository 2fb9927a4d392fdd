public import NIOCore
public import WeirPostgresWire

/// `money`: an amount in the smallest unit of the server's currency, cents in most. Read in binary form only, as the text is that of the
/// server's locale.
public struct PostgresMoney: RawRepresentable, Hashable, Sendable {
    /// In the smallest unit.
    public var rawValue: Int64

    /// An amount in the smallest unit.
    @inlinable
    public init(rawValue: Int64) { self.rawValue = rawValue }
}

extension PostgresMoney: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .money }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.rawValue) }

    /// From money; `typeMismatch` for text.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard type == .money, format == .binary else { throw PostgresDecodingError(.typeMismatch, type: type) }
        guard bytes.byteCount == 8, let value = bytes.postgresInteger(at: 0, as: Int64.self) else {
            throw PostgresDecodingError(.malformedValue, type: type)
        }
        self.rawValue = value
    }
}
