public import NIOCore
public import WeirPostgresWire

/// `json` or `jsonb`: its text as bytes, not looked into. What reads and writes JSON is another layer's choice.
///
/// Sent as jsonb, which the server turns into json where a column asks for that.
public struct PostgresJSON: Hashable, Sendable {
    /// The text, in UTF-8.
    public var bytes: ByteBuffer

    /// This text, which is not checked.
    @inlinable
    public init(bytes: ByteBuffer) { self.bytes = bytes }

    /// This text, which is not checked.
    @inlinable
    public init(_ text: String) { self.bytes = ByteBuffer(string: text) }
}

extension PostgresJSON: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .jsonb }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(1 as UInt8)
        buffer.writeImmutableBuffer(self.bytes)
    }

    /// From json and jsonb. Copies the text once; whether it is JSON, or UTF-8, is not checked.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        let start = try Self.start(bytes, type, format)
        self.bytes = ByteBuffer()
        bytes.withUnsafeBytes { _ = self.bytes.writeBytes($0[start...]) }
    }

    /// Where the text begins: jsonb has a byte before it, the version of its binary form.
    public static func start(_ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat) throws(PostgresDecodingError) -> Int {
        guard type == .jsonb || type == .json || type.isUnknown && format == .text else {
            throw PostgresDecodingError(.typeMismatch, type: type)
        }
        guard type == .jsonb, format == .binary else { return 0 }
        guard bytes.postgresInteger(at: 0, as: UInt8.self) == 1 else { throw PostgresDecodingError(.malformedValue, type: type) }
        return 1
    }
}
