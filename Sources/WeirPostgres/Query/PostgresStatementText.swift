/// What a statement does, as far as its first words tell.
enum PostgresStatementText {
    /// What a statement leaves behind.
    enum Kind {
        /// Nothing: it may run on a connection that others share.
        case plain
        /// Something of a transaction, or it is no single answer: it needs a connection of its own.
        case ofTransaction
        /// Something in its session, which whoever comes next would find.
        case ofSession
    }

    private static let transactionWords: Set<String> = [
        "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "EXECUTE", "FETCH", "MOVE", "CLOSE", "COPY", "LOCK",
    ]
    private static let sessionWords: Set<String> = [
        "SET", "RESET", "LISTEN", "UNLISTEN", "PREPARE", "DEALLOCATE", "DISCARD", "DECLARE", "LOAD",
    ]

    /// What the first words say. Functions that leave something behind (`set_config`, `pg_advisory_lock`) are not seen through.
    static func kind(_ sql: String) -> Kind {
        var rest = sql.utf8[...]
        guard let first = self.word(&rest) else { return .plain }
        switch first {
        case "CREATE":
            var next = self.word(&rest)
            if next == "LOCAL" || next == "GLOBAL" { next = self.word(&rest) }
            return next == "TEMP" || next == "TEMPORARY" ? .ofSession : .plain
        case "SET": return ["LOCAL", "TRANSACTION", "CONSTRAINTS"].contains(self.word(&rest)) ? .ofTransaction : .ofSession
        default: return self.transactionWords.contains(first) ? .ofTransaction : self.sessionWords.contains(first) ? .ofSession : .plain
        }
    }

    /// The next word in upper case, behind blanks, parentheses and comments.
    private static func word(_ rest: inout Substring.UTF8View) -> String? {
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x0B, 0x0C, UInt8(ascii: "("),
                UInt8(ascii: ";"):
                rest = rest.dropFirst()
            case UInt8(ascii: "-") where rest.dropFirst().first == UInt8(ascii: "-"):
                rest = rest.drop { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            case UInt8(ascii: "/") where rest.dropFirst().first == UInt8(ascii: "*"):
                self.skipComment(&rest)
            default:
                let word = rest.prefix { ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z") }
                rest = rest.dropFirst(word.count)
                return word.isEmpty ? nil : String(decoding: word.map { $0 & 0xDF }, as: UTF8.self)
            }
        }
        return nil
    }

    /// Comments of this kind stand inside one another.
    private static func skipComment(_ rest: inout Substring.UTF8View) {
        var depth = 0
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "/"), rest.first == UInt8(ascii: "*") {
                rest = rest.dropFirst()
                depth += 1
            } else if byte == UInt8(ascii: "*"), rest.first == UInt8(ascii: "/") {
                rest = rest.dropFirst()
                depth -= 1
                if depth == 0 { return }
            }
        }
    }
}
