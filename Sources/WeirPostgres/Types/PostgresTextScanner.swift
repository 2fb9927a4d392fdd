/// Reads the text form of values byte by byte. Every step is checked against the bytes there.
struct PostgresTextScanner {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { self.index >= self.bytes.count }

    /// The byte that comes next.
    var peek: UInt8? { self.index < self.bytes.count ? self.bytes[self.index] : nil }

    mutating func next() -> UInt8? {
        guard self.index < self.bytes.count else { return nil }
        defer { self.index += 1 }
        return self.bytes[self.index]
    }

    /// Steps over this byte if it comes next.
    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard self.index < self.bytes.count, UInt32(self.bytes[self.index]) == character.value else { return false }
        self.index += 1
        return true
    }

    /// Steps over this word if it comes next.
    mutating func accept(_ word: StaticString) -> Bool {
        let end = self.index + word.utf8CodeUnitCount
        guard end <= self.bytes.count else { return false }
        let found = word.withUTF8Buffer { $0.elementsEqual(self.bytes[self.index..<end]) }
        if found { self.index = end }
        return found
    }

    /// Steps over decimal digits, as many as there are.
    mutating func digits() -> Range<Int> {
        let start = self.index
        while self.index < self.bytes.count, self.bytes[self.index] &- UInt8(ascii: "0") <= 9 { self.index += 1 }
        return start..<self.index
    }

    /// A number of so many decimal digits, at most 18, so that nothing can overflow.
    mutating func number(_ count: ClosedRange<Int>) -> Int? {
        let digits = self.digits()
        guard count.contains(digits.count), digits.count <= 18 else { return nil }
        return self.bytes[digits].reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
    }

    /// A number with so many hexadecimal digits, at most 16.
    mutating func hexadecimal(_ count: ClosedRange<Int>) -> UInt64? {
        let start = self.index
        var value: UInt64 = 0
        while self.index - start < min(count.upperBound, 16), let byte = self.peek, let digit = Self.hexadecimalDigit(byte) {
            value = value << 4 | UInt64(digit)
            self.index += 1
        }
        return self.index - start >= count.lowerBound ? value : nil
    }

    @inline(__always)
    static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }

    /// What stands between the separators of a range or a composite.
    enum Item {
        /// Nothing, not even quotes.
        case missing
        /// Bytes of the text itself.
        case plain(Range<Int>)
        /// What was left in the scratch when quotes and backslashes were taken off.
        case unquoted
    }

    /// An item of a range or a composite: ends before a comma or parenthesis that is not quoted, and in a range before a bracket. Nil where a
    /// quote is not closed.
    ///
    /// Quotes may open and close anywhere; a doubled quote within quotes is one, and a backslash stands before any byte.
    mutating func item(endsAtBrackets: Bool, scratch: inout [UInt8]) -> Item? {
        let start = self.index
        while let byte = self.peek, !Self.isSpecial(byte, endsAtBrackets) { self.index += 1 }
        if let byte = self.peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            return self.index == start ? .missing : .plain(start..<self.index)
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: self.bytes[start..<self.index])
        var isQuoted = false
        while let byte = self.peek {
            switch byte {
            case UInt8(ascii: "\\"):
                self.index += 1
                guard let escaped = self.next() else { return nil }
                scratch.append(escaped)
            case UInt8(ascii: "\""):
                self.index += 1
                if isQuoted, self.accept("\"" as Unicode.Scalar) { scratch.append(byte) } else { isQuoted.toggle() }
            case _ where !isQuoted && Self.isSpecial(byte, endsAtBrackets):
                return .unquoted
            default:
                self.index += 1
                scratch.append(byte)
            }
        }
        return nil
    }

    private static func isSpecial(_ byte: UInt8, _ endsAtBrackets: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: ")"), UInt8(ascii: "("), UInt8(ascii: "\""), UInt8(ascii: "\\"): true
        case UInt8(ascii: "["), UInt8(ascii: "]"): endsAtBrackets
        default: false
        }
    }
}
