public import NIOCore
public import WeirPostgresWire

/// A value of any type, not looked into: its bytes, their type and their form.
///
/// For types this room has nothing for (the geometric ones, tid, tsvector), and to put off the decision: ``decode(as:)``. As a parameter it
/// is sent as it is: `PostgresRaw(text: "…", type: .unspecified)` is what a quoted literal is in a query, which the server reads as
/// the type it needs.
public struct PostgresRaw: Hashable, Sendable {
    /// The value without its length.
    public var bytes: ByteBuffer
    /// What the server calls it.
    public var type: PostgresType
    /// The form of the bytes.
    public var format: PostgresFormat

    /// A value of these bytes.
    @inlinable
    public init(bytes: ByteBuffer, type: PostgresType, format: PostgresFormat) {
        self.bytes = bytes
        self.type = type
        self.format = format
    }

    /// A value in its text form.
    @inlinable
    public init(text: String, type: PostgresType = .unspecified) {
        self.init(bytes: ByteBuffer(string: text), type: type, format: .text)
    }

    /// The value as a type of Swift.
    ///
    /// - Parameter type: what to read it as; its own type if nil. Another one is for what the server calls by a name of its own: the elements
    ///   of an array of a domain, the bounds of a range of a user's own.
    @inlinable
    public func decode<Value: PostgresDecodable>(
        as: Value.Type = Value.self, type: PostgresType? = nil
    ) throws(PostgresDecodingError) -> Value {
        try self.bytes.withUnsafeReadableBytes { bytes throws(PostgresDecodingError) in
            try Value(postgresBytes: bytes.bytes, type: type ?? self.type, format: self.format)
        }
    }
}

extension PostgresRaw: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .unspecified }
    @inlinable public var postgresType: PostgresType { self.type }
    @inlinable public var postgresFormat: PostgresFormat { self.format }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeImmutableBuffer(self.bytes) }

    /// From everything. Copies the bytes.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self.init(bytes: bytes.withUnsafeBytes { ByteBuffer(bytes: $0) }, type: type, format: format)
    }
}
