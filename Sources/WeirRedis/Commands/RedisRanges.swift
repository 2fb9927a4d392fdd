import NIOCore

/// An end of a range of scores.
public enum RedisScoreBound: Sendable, Hashable {
    /// At the score, included.
    case including(Double)
    /// At the score, not included.
    case excluding(Double)
    /// Before the lowest.
    case minimum
    /// Behind the highest.
    case maximum

    var text: String {
        switch self {
        case .including(let score): score.description
        case .excluding(let score): "(\(score)"
        case .minimum: "-inf"
        case .maximum: "+inf"
        }
    }
}

/// An end of a range of members whose scores are all the same: compared by their bytes.
public struct RedisLexicalBound: Sendable, Hashable {
    let bytes: ByteBuffer

    private init(_ mark: StaticString, _ member: ByteBuffer) {
        var bytes = ByteBuffer(staticString: mark)
        bytes.writeImmutableBuffer(member)
        self.bytes = bytes
    }

    /// At the member, included.
    public static func including(_ member: some RedisArgument) -> RedisLexicalBound { RedisLexicalBound("[", member.redisArgument) }
    /// At the member, not included.
    public static func excluding(_ member: some RedisArgument) -> RedisLexicalBound { RedisLexicalBound("(", member.redisArgument) }
    /// Before the first.
    public static var minimum: RedisLexicalBound { RedisLexicalBound("-", ByteBuffer()) }
    /// Behind the last.
    public static var maximum: RedisLexicalBound { RedisLexicalBound("+", ByteBuffer()) }
}

/// How many to leave out at the beginning of a range, and how many to take after those.
public struct RedisLimit: Sendable, Hashable {
    /// How many to leave out.
    public var offset: Int
    /// How many to take; all if it is negative.
    public var count: Int

    /// So many after so many others.
    public init(offset: Int = 0, count: Int) {
        self.offset = offset
        self.count = count
    }

    func add(to list: inout RedisArgumentList) {
        list.word("LIMIT")
        list.add(self.offset, self.count)
    }
}

/// A part of a sorted set, as `ZRANGE` takes it.
public struct RedisSortedSetRange: Sendable, Hashable {
    private enum Unit { case index, score, lexical }

    private var unit: Unit
    private var lower: ByteBuffer
    private var upper: ByteBuffer
    private var isReversed = false
    private var limit: RedisLimit?

    private init(_ unit: Unit, _ lower: some RedisArgument, _ upper: some RedisArgument, _ limit: RedisLimit?) {
        self.unit = unit
        self.lower = lower.redisArgument
        self.upper = upper.redisArgument
        self.limit = limit
    }

    /// From one index to the other, both included; negative ones count from the end.
    public static func index(from first: Int = 0, to last: Int = -1) -> RedisSortedSetRange {
        RedisSortedSetRange(.index, first, last, nil)
    }

    /// From one score to the other. Redis 6.2.
    public static func score(
        from lower: RedisScoreBound = .minimum, to upper: RedisScoreBound = .maximum, limit: RedisLimit? = nil
    ) -> RedisSortedSetRange {
        RedisSortedSetRange(.score, lower.text, upper.text, limit)
    }

    /// From one member to the other, where all scores are the same. Redis 6.2.
    public static func lexical(
        from lower: RedisLexicalBound = .minimum, to upper: RedisLexicalBound = .maximum, limit: RedisLimit? = nil
    ) -> RedisSortedSetRange {
        RedisSortedSetRange(.lexical, lower.bytes, upper.bytes, limit)
    }

    /// The same from the highest score to the lowest; an index counts from the highest then. Redis 6.2.
    public func reversed() -> RedisSortedSetRange {
        var range = self
        range.isReversed.toggle()
        return range
    }

    func add(to list: inout RedisArgumentList) {
        // The server wants the end first that is replied with first.
        if self.isReversed, self.unit != .index { list.add(self.upper, self.lower) } else { list.add(self.lower, self.upper) }
        switch self.unit {
        case .index: break
        case .score: list.word("BYSCORE")
        case .lexical: list.word("BYLEX")
        }
        list.word("REV", if: self.isReversed)
        self.limit?.add(to: &list)
    }
}

/// What becomes of the scores of a member that several sorted sets have.
public enum RedisAggregate: Sendable, Hashable {
    /// Their sum.
    case sum
    /// The lowest.
    case minimum
    /// The highest.
    case maximum

    var word: StaticString {
        switch self {
        case .sum: "SUM"
        case .minimum: "MIN"
        case .maximum: "MAX"
        }
    }
}

/// An end of a sorted set.
public enum RedisScoreEnd: Sendable, Hashable {
    /// Where the scores are lowest.
    case lowest
    /// Where the scores are highest.
    case highest

    var word: StaticString { self == .lowest ? "MIN" : "MAX" }
}
