import NIOCore

extension ByteBuffer {
    /// Writes what a stranger chose so that it stays one word of one line of a log, whatever is in it: a byte that is not a visible
    /// character of ASCII, a quotation mark or a backslash becomes `\xNN`. What is longer than the maximum ends with `...` instead.
    ///
    /// - Parameters:
    ///   - text: What is written.
    ///   - maximumLength: How many bytes of it, before they are escaped; a byte becomes four at the most.
    public mutating func writeEscaped(_ text: some StringProtocol, maximumLength: Int = 256) {
        self.writeEscaped(text.utf8, maximumLength: maximumLength)
    }

    /// Writes what a stranger chose so that it stays one word of one line of a log: see ``writeEscaped(_:maximumLength:)-(StringProtocol,_)``.
    public mutating func writeEscaped(_ bytes: some Collection<UInt8>, maximumLength: Int = 256) {
        let kept = bytes.prefix(maximumLength)
        for byte in kept {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                self.writeInteger(byte)
            } else {
                self.writeStaticString("\\x")
                self.writeInteger(Self.digit(byte >> 4))
                self.writeInteger(Self.digit(byte & 15))
            }
        }
        if kept.endIndex != bytes.endIndex { self.writeStaticString("...") }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
}
