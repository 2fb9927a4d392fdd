import NIOCore

extension RedisTraits {
    /// What is known of a command that was given by its parts.
    init(ofCommand parts: [ByteBuffer]) {
        let name = Self.word(parts, 0)
        switch name {
        case "CLIENT":
            switch Self.word(parts, 1) {
            case "REPLY": self = [.changesConnection, .breaksOrder]
            case "TRACKING", "NO-EVICT", "NO-TOUCH", "SETNAME", "SETINFO", "CACHING": self = .changesConnection
            default: self = []
            }
        case "SCRIPT": self = Self.word(parts, 1) == "DEBUG" ? .changesConnection : []
        case "XREAD", "XREADGROUP":
            self = parts.indices.contains { Self.word(parts, $0) == "BLOCK" } ? .blocking : []
        default:
            self = Self.table[name] ?? []
        }
    }

    /// A part in upper case, if it is short enough to be a word of a command; empty otherwise.
    static func word(_ parts: [ByteBuffer], _ index: Int) -> String {
        guard parts.indices.contains(index), parts[index].readableBytes <= 32 else { return "" }
        return String(buffer: parts[index]).uppercased()
    }

    private static let table: [String: RedisTraits] = {
        var table: [String: RedisTraits] = [:]
        for name in ["BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF"] {
            table[name] = .blocking
        }
        for name in [
            "SELECT", "AUTH", "HELLO", "RESET", "QUIT", "MULTI", "EXEC", "DISCARD", "ASKING", "READONLY", "READWRITE", "REPLCONF",
        ] {
            table[name] = .changesConnection
        }
        // What UNWATCH undoes is left to be undone by the end of the next transaction.
        for name in ["WATCH", "UNWATCH"] { table[name] = .watches }
        for name in ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR", "SYNC", "PSYNC"] {
            table[name] = [.changesConnection, .breaksOrder]
        }
        return table
    }()
}
