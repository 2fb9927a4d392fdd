public import NIOCore
public import WeirPostgresWire

// Text. What is sent is checked for NUL, which the server has no text with; what is read is checked to be UTF-8 (the client asks for
// that encoding) and copied once.

extension String: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        let start = buffer.writerIndex
        buffer.writeString(self)
        try PostgresText.checkWritten(&buffer, from: start)
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        try PostgresText.write(self, to: &buffer)
    }

    /// From every type in text format. In binary from the types that are text (text, varchar, bpchar, name, xml, json, jsonb, jsonpath, "char",
    /// refcursor, unknown) and from users' own types: the binary form of enums, citext and the like is their text. Whether a type of a user's
    /// own is another kind of bytes cannot be told here, so that a range or a composite may pass for text if its bytes happen to be UTF-8.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        var start = 0
        if case .binary = format, type != .text, type != .varchar { start = try PostgresText.start(bytes, type) }
        let string = bytes.withUnsafeBytes { bytes in PostgresText.string(UnsafeRawBufferPointer(rebasing: bytes[start...])) }
        guard let string else { throw PostgresDecodingError(.malformedValue, type: type) }
        self = string
    }
}

extension Substring: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        let start = buffer.writerIndex
        buffer.writeSubstring(self)
        try PostgresText.checkWritten(&buffer, from: start)
    }
}

extension StaticString: PostgresEncodable {
    @inlinable public static var postgresType: PostgresType { .text }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        let start = buffer.writerIndex
        buffer.writeStaticString(self)
        try PostgresText.checkWritten(&buffer, from: start)
    }
}

@usableFromInline
enum PostgresText {
    /// Takes back what was written, and throws, if it has a NUL.
    @usableFromInline
    static func checkWritten(_ buffer: inout ByteBuffer, from start: Int) throws(PostgresEncodingError) {
        let end = buffer.writerIndex
        let hasNUL = buffer.withVeryUnsafeBytes { bytes in self.hasNUL(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) }
        if hasNUL {
            buffer.moveWriterIndex(to: start)
            throw PostgresEncodingError("text with a NUL")
        }
    }

    /// Length and text, if it has no NUL.
    @usableFromInline
    static func write(_ text: String, to buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        var text = text
        // A closure of the standard library's throws no typed errors.
        let error: PostgresEncodingError? = text.withUTF8 { utf8 in
            guard let length = Int32(exactly: utf8.count) else { return PostgresEncodingError("a value longer than 2 GB") }
            let source = UnsafeRawBufferPointer(utf8)
            if self.hasNUL(source) { return PostgresEncodingError("text with a NUL") }
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 4 + source.count) { bytes in
                bytes.storeBytes(of: length.bigEndian, as: Int32.self)
                UnsafeMutableRawBufferPointer(rebasing: bytes[4...]).copyMemory(from: source)
                return 4 + source.count
            }
            return nil
        }
        if let error { throw error }
    }

    private static func hasNUL(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index &+ 8 <= bytes.count {
            // A byte that is 0 borrows from its highest bit.
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 { return true }
            index &+= 8
        }
        while index < bytes.count {
            if bytes[index] == 0 { return true }
            index &+= 1
        }
        return false
    }

    /// A copy of these bytes; nil where they are not UTF-8.
    ///
    /// `String(validating:)` takes three times as long as `String(decoding:)`, which does not tell whether it repaired something.
    @inlinable
    static func string(_ bytes: UnsafeRawBufferPointer) -> String? {
        var index = 0
        var all: UInt64 = 0
        while index &+ 8 <= bytes.count {
            all |= bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < bytes.count {
            all |= UInt64(bytes[index])
            index &+= 1
        }
        let string = String(decoding: bytes, as: UTF8.self)
        // ASCII needs no repair.
        return all & 0x8080_8080_8080_8080 == 0 || self.isSame(string, bytes) ? string : nil
    }

    @usableFromInline @inline(never)
    static func isSame(_ string: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var string = string
        return string.withUTF8 { utf8 in
            guard utf8.count == bytes.count else { return false }
            let copy = UnsafeRawBufferPointer(utf8)
            var index = 0
            while index &+ 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                guard word == copy.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
                index &+= 8
            }
            return bytes[index...].elementsEqual(copy[index...])
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
