public import NIOCore
public import WeirPostgresWire

// Text. What is sent is checked for NUL, which the server has no text with; what is read is checked to be UTF-8 (the client asks for
// that encoding) and copied once.

extension String: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try PostgresText.encode(self.utf8, into: &buffer)
    }

    /// From every type in text format. In binary from the types that are text (text, varchar, bpchar, name, xml, json, jsonb, jsonpath, "char",
    /// refcursor, unknown) and from users' own types: the binary form of enums, citext and the like is their text. Whether a type of a user's
    /// own is another kind of bytes cannot be told here, so that a range or a composite may pass for text if its bytes happen to be UTF-8.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        var start = 0
        if case .binary = format, type != .text, type != .varchar { start = try PostgresText.start(bytes, type) }
        let string: String? = bytes.withUnsafeBytes { bytes in
            String(validating: UnsafeRawBufferPointer(rebasing: bytes[start...]), as: UTF8.self)
        }
        guard let string else { throw PostgresDecodingError(.malformedValue, type: type) }
        self = string
    }
}

extension Substring: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try PostgresText.encode(self.utf8, into: &buffer)
    }
}

extension StaticString: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try PostgresText.encode(self.description.utf8, into: &buffer)
    }
}

@usableFromInline
enum PostgresText {
    @inlinable
    static func encode(_ utf8: some Sequence<UInt8>, into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        let start = buffer.writerIndex
        let count = buffer.writeBytes(utf8)
        let hasNUL = buffer.withUnsafeReadableBytes { $0.suffix(count).contains(0) }
        if hasNUL {
            buffer.moveWriterIndex(to: start)
            throw PostgresEncodingError("text with a NUL")
        }
    }

    /// Where the text begins in the binary form of a type that is not text itself.
    @usableFromInline @inline(never)
    static func start(_ bytes: RawSpan, _ type: PostgresType) throws(PostgresDecodingError) -> Int {
        switch type {
        case .text, .varchar, .bpchar, .name, .unknown, .unspecified, .xml, .json, .refcursor, .cstring: return 0
        case .char:
            // The one that is zero stands for the empty string.
            guard bytes.byteCount == 1 else { throw PostgresDecodingError(.malformedValue, type: type) }
            return bytes.postgresInteger(at: 0, as: UInt8.self) == 0 ? 1 : 0
        case .jsonb, .jsonpath:
            guard bytes.postgresInteger(at: 0, as: UInt8.self) == 1 else { throw PostgresDecodingError(.malformedValue, type: type) }
            return 1
        default:
            guard type.isUserDefined else { throw PostgresDecodingError(.typeMismatch, type: type) }
            return 0
        }
    }
}
