public import NIOCore
public import WeirPostgresWire

/// A value that can be sent as a parameter.
///
/// Make a type of your own sendable by conforming it; the type's binary form stands in the server's `*send` and `*recv` functions.
public protocol PostgresEncodable: Sendable {
    /// The parameter's type as the statement is prepared with. ``PostgresType/unspecified`` lets the server find out.
    var postgresType: PostgresType { get }

    /// The form of what ``encodePostgres(into:)`` writes. Binary, unless implemented.
    var postgresFormat: PostgresFormat { get }

    /// Appends the value, without its length. Throws where the value has no such form (out of the type's range, a NUL in text).
    func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError)
}

extension PostgresEncodable {
    @inlinable public var postgresFormat: PostgresFormat { .binary }
}

/// A value that can be read out of a column.
///
/// NULL is not the type's affair: a column is read as `Value` (NULL is an error) or as `Value?`.
public protocol PostgresDecodable: Sendable {
    /// The value in these bytes. They come from a server and may be anything: they are checked, and nothing traps.
    ///
    /// - Parameters:
    ///   - bytes: the value without its length.
    ///   - type: the column's type, by which a decoder may accept several (`Int` from int2, int4 and int8) and must refuse others.
    ///   - format: binary from prepared statements; text from the simple protocol.
    init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError)
}
