public import NIOCore

/// Replies as they go over the wire, for a server or a proxy that makes its own.
extension ByteBuffer {
    /// Appends a value.
    ///
    /// For RESP2 what that version lacks is written as Redis does: maps and sets as arrays, doubles, big numbers and
    /// verbatim strings as bulk strings, booleans as 1 and 0, bulk errors as errors on one line. CR and LF inside a simple
    /// string or error would end it early and are written as spaces.
    ///
    /// - Complexity: linear in the encoded length. Recursive over nested aggregates, as deep as the value is.
    public mutating func writeRESP(_ value: RESPValue, version: RESPVersion) {
        switch value {
        case .simpleString(let bytes): self.writeRESPLine(UInt8(ascii: "+"), bytes)
        case .simpleError(let bytes): self.writeRESPLine(UInt8(ascii: "-"), bytes)
        case .integer(let integer): self.writeRESPInteger(integer)
        case .bulkString(let bytes): self.writeRESPBulkString(bytes)
        case .array(let elements):
            self.writeRESPArrayHeader(count: elements.count)
            self.writeRESP(elements, version: version)
        case .null: self.writeRESPNull(version: version)
        case .boolean(let boolean):
            if version == .resp3 {
                self.writeStaticString(boolean ? "#t\r\n" : "#f\r\n")
            } else {
                self.writeRESPInteger(boolean ? 1 : 0)
            }
        case .double(let double):
            let text = RESPNumber.text(double)
            if version == .resp3 { self.writeRESPLine(UInt8(ascii: ","), ByteBuffer(string: text)) } else { self.writeRESPBulkString(text) }
        case .bigNumber(let digits):
            if version == .resp3 { self.writeRESPLine(UInt8(ascii: "("), digits) } else { self.writeRESPBulkString(digits) }
        case .bulkError(let bytes):
            if version == .resp3 { self.writeRESPString(UInt8(ascii: "!"), bytes) } else { self.writeRESPLine(UInt8(ascii: "-"), bytes) }
        case .verbatimString(let bytes):
            // Without its format it would not be readable.
            let isWhole = bytes.getInteger(at: bytes.readerIndex + 3, as: UInt8.self) == UInt8(ascii: ":")
            if version == .resp3, isWhole {
                self.writeRESPString(UInt8(ascii: "="), bytes)
            } else {
                self.writeRESPBulkString(isWhole ? value.bytes ?? bytes : bytes)
            }
        case .map(let entries):
            self.writeRESPMapHeader(count: entries.count, version: version)
            for entry in entries {
                self.writeRESP(entry.key, version: version)
                self.writeRESP(entry.value, version: version)
            }
        case .set(let elements):
            self.writeRESPSetHeader(count: elements.count, version: version)
            self.writeRESP(elements, version: version)
        case .push(let elements):
            self.writeRESPPushHeader(count: elements.count, version: version)
            self.writeRESP(elements, version: version)
        }
    }

    /// Appends the line that opens a map of `count` entries (RESP2: an array of twice as many elements).
    public mutating func writeRESPMapHeader(count: Int, version: RESPVersion) {
        if version == .resp3 {
            self.writeRESPHeader(UInt8(ascii: "%"), count)
        } else {
            self.writeRESPArrayHeader(count: count * 2)
        }
    }

    /// Appends the line that opens a set of `count` elements (RESP2: an array).
    public mutating func writeRESPSetHeader(count: Int, version: RESPVersion) {
        self.writeRESPHeader(UInt8(ascii: version == .resp3 ? "~" : "*"), count)
    }

    /// Appends the line that opens a push of `count` elements (RESP2: an array, as its messages of channels are).
    public mutating func writeRESPPushHeader(count: Int, version: RESPVersion) {
        self.writeRESPHeader(UInt8(ascii: version == .resp3 ? ">" : "*"), count)
    }

    /// Appends an integer.
    public mutating func writeRESPInteger(_ integer: Int64) {
        self.writeRESPHeader(UInt8(ascii: ":"), Int(integer))
    }

    /// Appends a null: `$-1` in RESP2, `_` in RESP3.
    public mutating func writeRESPNull(version: RESPVersion) {
        self.writeStaticString(version == .resp3 ? "_\r\n" : "$-1\r\n")
    }

    /// Appends a simple string or error of the text; CR and LF in it become spaces.
    public mutating func writeRESPSimple(_ text: String, isError: Bool = false) {
        self.writeRESPLine(UInt8(ascii: isError ? "-" : "+"), ByteBuffer(string: text))
    }

    // MARK: Pieces

    private mutating func writeRESP(_ elements: [RESPValue], version: RESPVersion) {
        for element in elements { self.writeRESP(element, version: version) }
    }

    private mutating func writeRESPString(_ type: UInt8, _ bytes: ByteBuffer) {
        self.writeRESPHeader(type, bytes.readableBytes)
        self.writeImmutableBuffer(bytes)
        self.writeStaticString("\r\n")
    }

    private mutating func writeRESPLine(_ type: UInt8, _ text: ByteBuffer) {
        self.writeInteger(type)
        let view = text.readableBytesView
        if view.contains(where: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) {
            self.writeBytes(view.map { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 })
        } else {
            self.writeImmutableBuffer(text)
        }
        self.writeStaticString("\r\n")
    }
}
