public import WeirPostgresWire

/// A value that can be read out of a column.
///
/// A type of one's own checks that the column's type is one it understands and reads its bytes, or lets another decodable do so:
/// ```swift
/// struct Point: PostgresDecodable {
///     var x: Double
///     var y: Double
///
///     init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
///         guard type == .point, format == .binary else { throw PostgresDecodingError(.typeMismatch, type: type) }
///         guard bytes.byteCount == 16, let x = bytes.postgresInteger(at: 0, as: UInt64.self),
///             let y = bytes.postgresInteger(at: 8, as: UInt64.self)
///         else { throw PostgresDecodingError(.malformedValue, type: type) }
///         (self.x, self.y) = (Double(bitPattern: x), Double(bitPattern: y))
///     }
/// }
/// ```
/// The types of this room read text as well as binary, and text of ``PostgresType/unspecified`` type as if it were of theirs: what stands in
/// the text form of an anonymous composite has no type. See ``PostgresEncodable`` for the way out.
public protocol PostgresDecodable: Sendable {
    /// The value in these bytes. They come from a server and may be anything: they are checked, and nothing traps.
    ///
    /// - Parameters:
    ///   - bytes: the value without its length.
    ///   - type: the column's type, by which a decoder may accept several (`Int` from int2, int4 and int8) and must refuse others.
    ///   - format: binary from prepared statements; text from the simple protocol.
    init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError)

    /// The value that stands for NULL in a column of this type. Throws `unexpectedNull`, unless implemented; only `Optional` needs to.
    init(postgresNullOf type: PostgresType) throws(PostgresDecodingError)
}

extension PostgresDecodable {
    @inlinable
    public init(postgresNullOf type: PostgresType) throws(PostgresDecodingError) {
        throw PostgresDecodingError(.unexpectedNull, type: type)
    }
}
