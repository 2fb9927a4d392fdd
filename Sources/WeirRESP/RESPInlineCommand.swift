import NIOCore

/// The inline form of a command, as Redis reads it (`sdssplitargs`).
enum RESPInlineCommand {
    /// The words of a line. NUL ends it, as it ends a string of C: what follows is not looked at.
    static func words(_ line: ByteBuffer) throws(RESPError) -> [ByteBuffer] {
        var words: [ByteBuffer] = []
        var rest = line.readableBytesView.prefix { $0 != 0 }
        while true {
            rest = rest.drop(while: Self.isBlank)
            guard !rest.isEmpty else { return words }
            words.append(try Self.word(&rest))
        }
    }

    private static func word(_ rest: inout ByteBufferView) throws(RESPError) -> ByteBuffer {
        var word = ByteBuffer()
        while let byte = rest.first, !Self.isBlank(byte) {
            rest = rest.dropFirst()
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                try Self.quoted(by: byte, &rest, into: &word)
                // A closing quote ends the word.
                guard rest.first.map(Self.isBlank) ?? true else {
                    throw RESPError(.unbalancedQuotes, "a closing quote is followed by neither a blank nor the end")
                }
                return word
            default:
                word.writeInteger(byte)
            }
        }
        return word
    }

    private static func quoted(by quote: UInt8, _ rest: inout ByteBufferView, into word: inout ByteBuffer) throws(RESPError) {
        while let byte = rest.popFirst() {
            if byte == quote { return }
            guard byte == UInt8(ascii: "\\"), let next = rest.first else {
                word.writeInteger(byte)
                continue
            }
            if quote == UInt8(ascii: "'") {
                guard next == quote else {
                    word.writeInteger(byte)
                    continue
                }
                rest = rest.dropFirst()
                word.writeInteger(quote)
                continue
            }
            rest = rest.dropFirst()
            if next == UInt8(ascii: "x"), let high = rest.first.flatMap(Self.digit), let low = rest.dropFirst().first.flatMap(Self.digit) {
                rest = rest.dropFirst(2)
                word.writeInteger(high << 4 | low)
            } else {
                word.writeInteger(Self.escapes[next] ?? next)
            }
        }
        throw RESPError(.unbalancedQuotes, "a quote that is not closed")
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09, UInt8(ascii: "b"): 0x08, UInt8(ascii: "a"): 0x07,
    ]

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
        default: return nil
        }
    }

    /// What C's `isspace` calls one.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
