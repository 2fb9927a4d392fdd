public import NIOCore
import WeirRESP

/// Parts of sorted sets.
extension RedisCommand {
    /// `ZRANGE key`: the members of a part, in its order. By index from Redis 5.0 on, any other since 6.2.
    public static func zrange(_ key: some RedisArgument, _ range: RedisSortedSetRange = .index()) -> RedisCommand
    where Reply == [ByteBuffer] {
        RedisCommand("ZRANGE", keys: .first, decode: RedisReplies.bytesList) {
            $0.add(key)
            range.add(to: &$0)
        }
    }

    /// `ZRANGE key WITHSCORES`: as ``zrange(_:_:)``, with scores.
    public static func zrangeWithScores(_ key: some RedisArgument, _ range: RedisSortedSetRange = .index()) -> RedisCommand
    where Reply == [RedisScoredMember] {
        RedisCommand("ZRANGE", keys: .first, decode: RedisReplies.scoredMembers) {
            $0.add(key)
            range.add(to: &$0)
            $0.word("WITHSCORES")
        }
    }

    /// `ZRANGESTORE destination source`: how many members the destination has then. Redis 6.2.
    public static func zrangestore(
        _ source: some RedisArgument, _ range: RedisSortedSetRange, in destination: some RedisArgument
    ) -> RedisCommand where Reply == Int {
        RedisCommand("ZRANGESTORE", keys: .firstTwo, decode: RedisReplies.integer) {
            $0.add(destination, source)
            range.add(to: &$0)
        }
    }

    // MARK: As before Redis 6.2

    /// `ZREVRANGE key first last`: the members from one index to the other, counted from the highest score.
    public static func zrevrange(_ key: some RedisArgument, from first: Int = 0, to last: Int = -1) -> RedisCommand
    where Reply == [ByteBuffer] {
        RedisCommand("ZREVRANGE", keys: .first, decode: RedisReplies.bytesList) { $0.add(key, first, last) }
    }

    /// `ZREVRANGE key first last WITHSCORES`: as ``zrevrange(_:from:to:)``, with scores.
    public static func zrevrangeWithScores(_ key: some RedisArgument, from first: Int = 0, to last: Int = -1) -> RedisCommand
    where Reply == [RedisScoredMember] {
        RedisCommand("ZREVRANGE", keys: .first, decode: RedisReplies.scoredMembers) { $0.add(key, first, last, "WITHSCORES") }
    }

    /// `ZRANGEBYSCORE key lower upper WITHSCORES`: the members whose scores lie between them, lowest first.
    public static func zrangebyscore(
        _ key: some RedisArgument, from lower: RedisScoreBound = .minimum, to upper: RedisScoreBound = .maximum, limit: RedisLimit? = nil
    ) -> RedisCommand where Reply == [RedisScoredMember] {
        RedisCommand("ZRANGEBYSCORE", keys: .first, decode: RedisReplies.scoredMembers) {
            $0.add(key, lower.text, upper.text, "WITHSCORES")
            limit?.add(to: &$0)
        }
    }

    /// `ZREVRANGEBYSCORE key upper lower WITHSCORES`: the members whose scores lie between them, highest first.
    public static func zrevrangebyscore(
        _ key: some RedisArgument, from lower: RedisScoreBound = .minimum, to upper: RedisScoreBound = .maximum, limit: RedisLimit? = nil
    ) -> RedisCommand where Reply == [RedisScoredMember] {
        RedisCommand("ZREVRANGEBYSCORE", keys: .first, decode: RedisReplies.scoredMembers) {
            $0.add(key, upper.text, lower.text, "WITHSCORES")
            limit?.add(to: &$0)
        }
    }

    /// `ZRANGEBYLEX key lower upper`: the members between them, first to last, where all scores are the same.
    public static func zrangebylex(
        _ key: some RedisArgument, from lower: RedisLexicalBound = .minimum, to upper: RedisLexicalBound = .maximum,
        limit: RedisLimit? = nil
    ) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("ZRANGEBYLEX", keys: .first, decode: RedisReplies.bytesList) {
            $0.add(key, lower.bytes, upper.bytes)
            limit?.add(to: &$0)
        }
    }

    /// `ZREVRANGEBYLEX key upper lower`: the members between them, last to first, where all scores are the same.
    public static func zrevrangebylex(
        _ key: some RedisArgument, from lower: RedisLexicalBound = .minimum, to upper: RedisLexicalBound = .maximum,
        limit: RedisLimit? = nil
    ) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("ZREVRANGEBYLEX", keys: .first, decode: RedisReplies.bytesList) {
            $0.add(key, upper.bytes, lower.bytes)
            limit?.add(to: &$0)
        }
    }
}
