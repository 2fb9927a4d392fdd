import NIOCore

/// What a statement leaves behind, as far as its text tells.
enum PostgresProxyText {
    struct Traits: OptionSet {
        let rawValue: UInt8
        /// CREATE TEMP, INTO TEMP.
        static let temporary = Traits(rawValue: 1)
        /// Locks that outlive their transaction.
        static let advisoryLock = Traits(rawValue: 2)
        /// `set_config`, whatever it sets.
        static let setConfig = Traits(rawValue: 4)
        /// A cursor WITH HOLD.
        static let hold = Traits(rawValue: 8)
        static let all: Traits = [.temporary, .advisoryLock, .setConfig, .hold]
    }

    /// What a single statement does to the settings.
    enum Setting: Equatable {
        /// Nothing that is known.
        case none
        /// Of the transaction only.
        case local
        /// One that is tracked.
        case tracked
        /// All of them are as at the login.
        case resetAll
    }

    /// Looks for the words at their rarer letters; a text may have any number of statements, and words in strings are taken for what they
    /// are not, which costs a connection and harms nobody.
    ///
    /// - Complexity: O(length), a comparison for most letters.
    static func traits(ofText text: UnsafeRawBufferPointer) -> Traits {
        var traits: Traits = []
        for at in text.indices {
            switch text[at] | 0x20 {
            case UInt8(ascii: "v"):
                if self.reads("advisory_", text, at - 2), !self.reads("advisory_xact", text, at - 2) { traits.insert(.advisoryLock) }
            case UInt8(ascii: "m"):
                if self.reads("temp", text, at - 2), self.isBehindTemporary(text, at - 2) { traits.insert(.temporary) }
            case UInt8(ascii: "g"):
                if self.reads("set_config", text, at - 9) { traits.insert(.setConfig) }
            case UInt8(ascii: "h"):
                if self.reads("hold", text, at), !self.isLetter(text, at - 1), !self.isLetter(text, at + 4) { traits.insert(.hold) }
            default: break
            }
        }
        return traits
    }

    private static func reads(_ word: StaticString, _ text: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        guard start >= 0, start + word.utf8CodeUnitCount <= text.count else { return false }
        return word.withUTF8Buffer { word in word.indices.allSatisfy { text[start + $0] | 0x20 == word[$0] | 0x20 } }
    }

    private static func isLetter(_ text: UnsafeRawBufferPointer, _ at: Int) -> Bool {
        guard text.indices.contains(at) else { return false }
        let byte = text[at]
        return (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z") || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    /// Whether the word is TEMP or TEMPORARY and what stands before it is what TEMP may follow: a column may be called so.
    private static func isBehindTemporary(_ text: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        guard !self.isLetter(text, start - 1) else { return false }
        let end = self.reads("temporary", text, start) ? start + 9 : start + 4
        guard !self.isLetter(text, end) else { return false }
        var at = start - 1
        while at >= 0, text[at] <= 0x20 { at -= 1 }
        // A comment, or the beginning of what is looked at.
        guard at >= 0, self.isLetter(text, at) else { return at < 0 || text[at] == UInt8(ascii: "/") }
        for word: StaticString in ["create", "into", "replace", "local", "global"]
        where self.reads(word, text, at + 1 - word.utf8CodeUnitCount) { return true }
        return false
    }

    // MARK: Words

    /// The words that a text begins with, as they stand there; blanks and comments between them are passed over.
    private struct Words {
        let text: UnsafeRawBufferPointer
        var at = 0

        /// The next word in lower case, or nil: of letters, digits and underscores, or in double quotes and then as it is.
        mutating func next() -> String? {
            self.skipBlanks()
            let start = self.at
            guard start < self.text.count else { return nil }
            if self.text[start] == UInt8(ascii: "\"") {
                var name: [UInt8] = []
                self.at += 1
                while self.at < self.text.count {
                    let byte = self.text[self.at]
                    self.at += 1
                    if byte != UInt8(ascii: "\"") {
                        name.append(byte)
                    } else if self.at < self.text.count, self.text[self.at] == byte {
                        name.append(byte)
                        self.at += 1
                    } else {
                        return String(decoding: name, as: UTF8.self)
                    }
                }
                return nil
            }
            while self.at < self.text.count, Self.isWord(self.text[self.at]) { self.at += 1 }
            guard self.at > start, self.at - start <= 64 else { return nil }
            return String(decoding: self.text[start..<self.at].map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
        }

        static func isWord(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), 0x80...:
                return true
            default: return false
            }
        }

        mutating func skipBlanks() {
            while self.at < self.text.count {
                let byte = self.text[self.at]
                if byte == 0x20 || (0x09...0x0D).contains(byte) {
                    self.at += 1
                } else if byte == UInt8(ascii: "-"), self.at + 1 < self.text.count, self.text[self.at + 1] == byte {
                    while self.at < self.text.count, self.text[self.at] != 0x0A, self.text[self.at] != 0x0D { self.at += 1 }
                } else {
                    return
                }
            }
        }

        /// Nothing but semicolons follows.
        mutating func isAtEnd() -> Bool {
            self.skipBlanks()
            while self.at < self.text.count, self.text[self.at] == UInt8(ascii: ";") {
                self.at += 1
                self.skipBlanks()
            }
            return self.at == self.text.count
        }

        /// No other statement follows: what may hold a semicolon otherwise is not looked into.
        mutating func isLastStatement() -> Bool {
            guard let semicolon = self.text[self.at...].firstIndex(of: UInt8(ascii: ";")) else { return true }
            self.at = semicolon
            return self.isAtEnd()
        }
    }

    /// Whether the text may begin with one of the words that ``setting(_:)`` and ``deallocated(_:)`` look for: blanks are passed on.
    @inline(__always)
    static func mayMatter(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count > 2 else { return false }
        switch text[0] | 0x20 {
        case UInt8(ascii: "s"): return (text[1] | 0x20) == UInt8(ascii: "e") && (text[2] | 0x20) == UInt8(ascii: "t")
        case UInt8(ascii: "r"): return (text[1] | 0x20) == UInt8(ascii: "e")
        case UInt8(ascii: "d"): return (text[1] | 0x20) == UInt8(ascii: "e")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): return false
        default: return true
        }
    }

    /// What a text of one statement does to the settings.
    static func setting(_ text: UnsafeRawBufferPointer) -> Setting {
        var words = Words(text: text)
        switch words.next() {
        case "set":
            guard var name = words.next() else { return .none }
            if name == "local" || name == "transaction" || name == "constraints" { return words.isLastStatement() ? .local : .none }
            if name == "session" {
                guard let next = words.next() else { return .none }
                name = next
            }
            if name == "time" { name = words.next() == "zone" ? "timezone" : "" }
            if name == "names" { name = "client_encoding" }
            return PostgresProxyTable.tracks(name) && words.isLastStatement() ? .tracked : .none
        case "reset":
            guard var name = words.next() else { return .none }
            if name == "all" { return words.isAtEnd() ? .resetAll : .none }
            if name == "time" { name = words.next() == "zone" ? "timezone" : "" }
            return PostgresProxyTable.tracks(name) && words.isAtEnd() ? .tracked : .none
        default: return .none
        }
    }

    /// The name in a text that is `DEALLOCATE name` and nothing else.
    static func deallocated(_ text: UnsafeRawBufferPointer) -> ByteBuffer? {
        var words = Words(text: text)
        guard words.next() == "deallocate", var name = words.next() else { return nil }
        if name == "prepare" {
            guard let next = words.next() else { return words.isAtEnd() ? ByteBuffer(string: name) : nil }
            name = next
        }
        guard name != "all", words.isAtEnd() else { return nil }
        return ByteBuffer(string: name)
    }
}
