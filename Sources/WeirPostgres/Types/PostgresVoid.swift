public import WeirPostgresWire

/// `void`: what a function returns that returns nothing.
public struct PostgresVoid: Hashable, Sendable {
    /// The only one there is.
    @inlinable
    public init() {}
}

extension PostgresVoid: PostgresDecodable {
    /// From void.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard type == .void else { throw PostgresDecodingError(.typeMismatch, type: type) }
        guard bytes.isEmpty else { throw PostgresDecodingError(.malformedValue, type: type) }
    }
}
