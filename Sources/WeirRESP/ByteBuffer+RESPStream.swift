public import NIOCore

/// Pieces of replies of RESP3 for what writes one before all of it is there, or says something beside it. RESP2 has none of these.
extension ByteBuffer {
    /// Appends the line that opens `count` attributes; the caller writes a key and a value for each, and the value that they are about.
    public mutating func writeRESPAttributeHeader(count: Int) {
        self.writeRESPHeader(UInt8(ascii: "|"), count)
    }

    /// Appends the line that opens a string in pieces, or an aggregate whose number of elements is not known yet. ``writeRESPStreamEnd(_:)``
    /// closes it.
    ///
    /// - Precondition: the kind is a bulk string, an array, a map, a set or a push.
    public mutating func writeRESPStreamHeader(_ kind: RESPKind) {
        switch kind {
        case .bulkString, .array, .map, .set, .push: self.writeBytes([kind.rawValue, UInt8(ascii: "?"), 0x0D, 0x0A])
        case .simpleString, .simpleError, .integer, .null, .boolean, .double, .bigNumber, .bulkError, .verbatimString:
            preconditionFailure("a value of this kind cannot be streamed")
        }
    }

    /// Appends a piece of a streamed string. Copies the bytes. None are no piece, as that would end the string.
    public mutating func writeRESPStreamPiece(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        self.writeRESPHeader(UInt8(ascii: ";"), bytes.readableBytes)
        self.writeImmutableBuffer(bytes)
        self.writeStaticString("\r\n")
    }

    /// Appends the line that closes what ``writeRESPStreamHeader(_:)`` has opened as the same kind.
    public mutating func writeRESPStreamEnd(_ kind: RESPKind) {
        self.writeStaticString(kind == .bulkString ? ";0\r\n" : ".\r\n")
    }
}
