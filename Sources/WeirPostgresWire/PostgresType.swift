/// The object id of a type in the server's catalogue: what `pg_type.oid` holds.
///
/// The ids of built-in types are the same on every server; those of a user's own types (enums, composites, domains, extensions) differ from
/// database to database.
public struct PostgresType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public var description: String { "\(self.rawValue)" }

    /// As a parameter's type: the server finds out by itself.
    @inlinable public static var unspecified: PostgresType { PostgresType(rawValue: 0) }
}
