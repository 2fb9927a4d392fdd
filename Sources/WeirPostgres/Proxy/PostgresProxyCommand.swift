/// What the end of a command tells of what it has left behind.
enum PostgresProxyCommand {
    /// SET or RESET, of which it is not told what it has set.
    case set
    /// LISTEN, PREPARE and what else belongs to the session.
    case session
    case load
    case discardAll
    case deallocateAll
    /// Tables may be others than before.
    case definition
    case other

    /// Whether the tag may be one of those that matter: most frequent ones are told by two letters.
    @inline(__always)
    static func mayMatter(_ tag: UnsafeRawBufferPointer) -> Bool {
        switch tag[0] {
        case UInt8(ascii: "S"): return tag[2] == UInt8(ascii: "T") // SET, not SELECT
        case UInt8(ascii: "D"): return tag[1] != UInt8(ascii: "E") || tag[2] != UInt8(ascii: "L") // not DELETE
        case UInt8(ascii: "R"): return tag[2] == UInt8(ascii: "S") // RESET
        case UInt8(ascii: "L"), UInt8(ascii: "P"), UInt8(ascii: "A"): return true
        case UInt8(ascii: "C"): return tag[1] == UInt8(ascii: "R") // CREATE
        default: return false
        }
    }

    init(_ tag: UnsafeRawBufferPointer) {
        func reads(_ text: StaticString) -> Bool { text.withUTF8Buffer { $0.elementsEqual(tag) } }
        func begins(_ text: StaticString) -> Bool { text.withUTF8Buffer { tag.starts(with: $0) } }
        if reads("SET") || reads("RESET") {
            self = .set
        } else if reads("LISTEN") || reads("PREPARE") {
            self = .session
        } else if reads("LOAD") {
            self = .load
        } else if reads("DISCARD ALL") {
            self = .discardAll
        } else if reads("DEALLOCATE ALL") {
            self = .deallocateAll
        } else if begins("CREATE ") || begins("ALTER ") || begins("DROP ") {
            self = .definition
        } else {
            self = .other
        }
    }
}
