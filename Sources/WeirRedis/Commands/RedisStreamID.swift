import NIOCore
import WeirRESP

/// The name of an entry of a stream: a Unix time in milliseconds, and a number that tells those of one millisecond apart.
public struct RedisStreamID: Hashable, Sendable, Comparable, LosslessStringConvertible {
    /// The Unix time.
    public var milliseconds: UInt64
    /// Which of that millisecond.
    public var sequence: UInt64

    /// An ID of these two.
    public init(_ milliseconds: UInt64, _ sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Reads `milliseconds-sequence`; nil for everything else.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2, let milliseconds = Self.number(parts[0]), let sequence = Self.number(parts[1]) else { return nil }
        self.init(milliseconds, sequence)
    }

    private static func number(_ digits: Substring.UTF8View) -> UInt64? {
        digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(String(Substring(digits))) : nil
    }

    /// As the server writes it.
    public var description: String { "\(self.milliseconds)-\(self.sequence)" }

    /// Before all entries.
    public static let zero = RedisStreamID(0, 0)

    public static func < (left: RedisStreamID, right: RedisStreamID) -> Bool {
        (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }
}

/// The name that `XADD` gives to an entry.
public enum RedisStreamNewID: Sendable, Hashable {
    /// The server's time, or what comes next after the last one (`*`).
    case next
    /// At this time, whatever comes next then (`ms-*`). Redis 7.0.
    case nextAt(milliseconds: UInt64)
    /// This one, which must be higher than all that the stream had.
    case exactly(RedisStreamID)

    var text: String {
        switch self {
        case .next: "*"
        case .nextAt(let milliseconds): "\(milliseconds)-*"
        case .exactly(let id): id.description
        }
    }
}

/// An end of a part of a stream.
public enum RedisStreamBound: Sendable, Hashable {
    /// At the entry, included.
    case including(RedisStreamID)
    /// At the entry, not included. Redis 6.2.
    case excluding(RedisStreamID)
    /// Before the first (`-`).
    case minimum
    /// Behind the last (`+`).
    case maximum

    var text: String {
        switch self {
        case .including(let id): id.description
        case .excluding(let id): "(\(id)"
        case .minimum: "-"
        case .maximum: "+"
        }
    }
}

/// From where on a stream is read.
public enum RedisStreamPosition: Sendable, Hashable {
    /// What comes after this entry.
    case after(RedisStreamID)
    /// What is added from now on (`$`); for groups, of what was added so far nothing.
    case end
    /// For `XREADGROUP`: what no consumer of the group has had yet (`>`).
    case new

    var text: String {
        switch self {
        case .after(let id): id.description
        case .end: "$"
        case .new: ">"
        }
    }
}

/// How a stream is kept short.
public struct RedisStreamTrim: Sendable, Hashable {
    private var word: String
    private var threshold: String
    private var isExact: Bool
    private var limit: Int?

    /// Keeps the newest so many entries (`MAXLEN`).
    ///
    /// - Parameters:
    ///   - exactly: otherwise the server keeps some more where that is less work.
    ///   - limit: of a trim that is not exact: looks at so many entries. Redis 6.2.
    public static func maximumLength(_ count: Int, exactly: Bool = false, limit: Int? = nil) -> RedisStreamTrim {
        RedisStreamTrim(word: "MAXLEN", threshold: String(count), isExact: exactly, limit: limit)
    }

    /// Keeps what is not older than this entry (`MINID`); for the others see ``maximumLength(_:exactly:limit:)``. Redis 6.2.
    public static func minimumID(_ id: RedisStreamID, exactly: Bool = false, limit: Int? = nil) -> RedisStreamTrim {
        RedisStreamTrim(word: "MINID", threshold: id.description, isExact: exactly, limit: limit)
    }

    func add(to list: inout RedisArgumentList) {
        list.add(self.word)
        // Before Redis 6.2 there is no word for exactly.
        list.word("~", if: !self.isExact)
        list.add(self.threshold)
        list.option("LIMIT", self.limit)
    }
}
