public import NIOCore
public import WeirPostgresWire

/// A value that can be sent as a parameter.
///
/// A type of one's own needs two members: the server's type and the bytes. What the binary form of a type is stands in the server's
/// `*_recv` function; ``PostgresDecodable`` is its counterpart. For a domain `celsius` over `float8`, say:
/// ```swift
/// struct Celsius: PostgresEncodable, PostgresDecodable {
///     var degrees: Double
///
///     static var postgresType: PostgresType { .float8 }
///
///     func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
///         guard self.degrees >= -273.15 else { throw PostgresEncodingError("colder than cold") }
///         try self.degrees.encodePostgres(into: &buffer)
///     }
///
///     init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
///         self.degrees = try Double(postgresBytes: bytes, type: type, format: format)
///     }
/// }
/// ```
/// Such a type can be sent in arrays and ranges as well, and as an Optional. An enum of the server's is one line: ``PostgresEnum``.
public protocol PostgresEncodable: Sendable {
    /// The type of the parameter, as the statement is prepared with, where no value is at hand: for NULL and for empty arrays.
    /// ``PostgresType/unspecified`` lets the server find out.
    static var postgresType: PostgresType { get }

    /// The type of an array of such values. That of the built-in type, ``PostgresType/unspecified`` for others, unless implemented.
    static var postgresArrayType: PostgresType { get }

    /// The form of what ``encodePostgres(into:)`` writes. Binary, unless implemented. Arrays have the format of their elements.
    static var postgresFormat: PostgresFormat { get }

    /// The type of this value. The static one, unless implemented: it differs where a value carries its own, as ``PostgresRaw`` does.
    var postgresType: PostgresType { get }

    /// The form of this value. The static one, unless implemented.
    var postgresFormat: PostgresFormat { get }

    /// Whether this is NULL, for which nothing is encoded. False, unless implemented; only `Optional` needs to.
    var isPostgresNull: Bool { get }

    /// Appends the value, without its length. Throws where the value has no such form (out of the type's range, a NUL in text); what was
    /// written till then is taken back by the caller.
    func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError)

    /// Appends the value as it stands in Bind, in arrays and in composites: its length in four bytes and its bytes, or -1 for NULL. When it
    /// throws, the buffer is as it was. By the members above, unless implemented; a type of fixed size is written faster in one go.
    func encodePostgresWithLength(into buffer: inout ByteBuffer) throws(PostgresEncodingError)
}

extension PostgresEncodable {
    @inlinable public static var postgresArrayType: PostgresType { Self.postgresType.arrayType ?? .unspecified }
    @inlinable public static var postgresFormat: PostgresFormat { .binary }
    @inlinable public var postgresType: PostgresType { Self.postgresType }
    @inlinable public var postgresFormat: PostgresFormat { Self.postgresFormat }
    @inlinable public var isPostgresNull: Bool { false }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        if self.isPostgresNull {
            buffer.writeInteger(-1 as Int32)
            return
        }
        let start = buffer.writerIndex
        buffer.writeInteger(0 as Int32)
        do throws(PostgresEncodingError) {
            try self.encodePostgres(into: &buffer)
            guard let length = UInt32(exactly: buffer.writerIndex - start - 4), length <= UInt32(Int32.max) else {
                throw PostgresEncodingError("a value longer than 2 GB")
            }
            buffer.setInteger(length, at: start)
        } catch {
            buffer.moveWriterIndex(to: start)
            throw error
        }
    }
}
