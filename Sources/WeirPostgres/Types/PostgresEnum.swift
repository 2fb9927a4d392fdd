public import NIOCore
public import WeirPostgresWire

/// An enum of the server's (`CREATE TYPE mood AS ENUM ('happy', 'sad')`) as a Swift enum of strings, by one line:
/// ```swift
/// enum Mood: String, PostgresEnum { case happy, sad }
/// ```
/// Its type's id differs from database to database, so that the server is left to find out: `SELECT $1` alone does not tell it, `$1::mood` does.
public protocol PostgresEnum: PostgresEncodable, PostgresDecodable, RawRepresentable where RawValue == String {}

extension PostgresEnum {
    @inlinable public static var postgresType: PostgresType { .unspecified }
    /// Text and binary are the same bytes; arrays of enums are sent as text, which does not name their type.
    @inlinable public static var postgresFormat: PostgresFormat { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try self.rawValue.encodePostgres(into: &buffer)
    }

    /// From whatever is text. A label the Swift enum does not have is `outOfRange`.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        guard let value = Self(rawValue: try String(postgresBytes: bytes, type: type, format: format)) else {
            throw PostgresDecodingError(.outOfRange, type: type)
        }
        self = value
    }
}
