public import NIOCore
import WeirRESP

/// How `ZADD` adds.
public struct RedisSortedSetUpdate: Sendable, Hashable {
    /// Which of the scores that are there already are changed.
    public enum Comparison: Sendable, Hashable {
        /// Those that are lower than the new one (`GT`).
        case ifGreater
        /// Those that are higher than the new one (`LT`).
        case ifLess
    }

    /// Only members that are new, or only those that are there.
    public var condition: RedisCondition?
    /// Only scores that grow, or only those that shrink; new members are added all the same. Redis 6.2. Not with `ifAbsent`.
    public var comparison: Comparison?
    /// Replies with how many were changed in place of how many are new (`CH`).
    public var countsChanges: Bool

    /// Adds like this.
    public init(_ condition: RedisCondition? = nil, _ comparison: Comparison? = nil, countsChanges: Bool = false) {
        self.condition = condition
        self.comparison = comparison
        self.countsChanges = countsChanges
    }

    func add(to list: inout RedisArgumentList) {
        if let condition { list.word(condition.word) }
        if let comparison { list.word(comparison == .ifGreater ? "GT" : "LT") }
        list.word("CH", if: self.countsChanges)
    }
}

/// Sorted sets.
extension RedisCommand {
    /// `ZADD key score member…`: how many members are new.
    public static func zadd<Member: RedisArgument>(
        _ key: some RedisArgument, _ members: some Sequence<(key: Member, value: Double)>,
        _ update: RedisSortedSetUpdate = RedisSortedSetUpdate()
    ) -> RedisCommand where Reply == Int {
        RedisCommand("ZADD", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            update.add(to: &$0)
            for (member, score) in members { $0.add(score, member) }
        }
    }

    /// `ZADD key score member`: whether the member is new; with ``RedisSortedSetUpdate/countsChanges``, whether anything has changed.
    public static func zadd(
        _ key: some RedisArgument, _ member: some RedisArgument, score: Double, _ update: RedisSortedSetUpdate = RedisSortedSetUpdate()
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("ZADD", keys: .first, decode: RedisReplies.flag) {
            $0.add(key)
            update.add(to: &$0)
            $0.add(score, member)
        }
    }

    /// `ZADD key INCR by member`: the member's score then, nil if the update says no.
    public static func zaddIncrement(
        _ key: some RedisArgument, _ member: some RedisArgument, by: Double, _ update: RedisSortedSetUpdate
    ) -> RedisCommand where Reply == Double? {
        RedisCommand("ZADD", keys: .first, decode: RedisReplies.optionalDouble) {
            $0.add(key)
            update.add(to: &$0)
            $0.word("INCR")
            $0.add(by, member)
        }
    }

    /// `ZINCRBY key by member`: the member's score then.
    public static func zincrby(_ key: some RedisArgument, _ member: some RedisArgument, by: Double) -> RedisCommand
    where Reply == Double {
        RedisCommand("ZINCRBY", keys: .first, decode: RedisReplies.double) { $0.add(key, by, member) }
    }

    /// `ZREM key member…`: how many were there.
    public static func zrem(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("ZREM", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `ZSCORE key member`: its score, nil without it.
    public static func zscore(_ key: some RedisArgument, _ member: some RedisArgument) -> RedisCommand where Reply == Double? {
        RedisCommand("ZSCORE", .two(key.redisArgument, member.redisArgument), keys: .first, decode: RedisReplies.optionalDouble)
    }

    /// `ZMSCORE key member…`: their scores in their order, nil for those that are not there. Redis 6.2.
    public static func zmscore(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand where Reply == [Double?] {
        RedisCommand("ZMSCORE", keys: .first, decode: RedisReplies.optionalDoubleList) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `ZRANK key member`: how many have a lower score, nil without the member.
    public static func zrank(_ key: some RedisArgument, _ member: some RedisArgument) -> RedisCommand where Reply == Int? {
        RedisCommand("ZRANK", .two(key.redisArgument, member.redisArgument), keys: .first, decode: RedisReplies.optionalInteger)
    }

    /// `ZREVRANK key member`: how many have a higher score, nil without the member.
    public static func zrevrank(_ key: some RedisArgument, _ member: some RedisArgument) -> RedisCommand where Reply == Int? {
        RedisCommand("ZREVRANK", .two(key.redisArgument, member.redisArgument), keys: .first, decode: RedisReplies.optionalInteger)
    }

    /// `ZCARD key`: how many members there are.
    public static func zcard(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("ZCARD", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `ZCOUNT key lower upper`: how many have a score between them.
    public static func zcount(
        _ key: some RedisArgument, from lower: RedisScoreBound = .minimum, to upper: RedisScoreBound = .maximum
    ) -> RedisCommand where Reply == Int {
        RedisCommand("ZCOUNT", keys: .first, decode: RedisReplies.integer) { $0.add(key, lower.text, upper.text) }
    }

    /// `ZLEXCOUNT key lower upper`: how many members lie between them, where all scores are the same.
    public static func zlexcount(
        _ key: some RedisArgument, from lower: RedisLexicalBound = .minimum, to upper: RedisLexicalBound = .maximum
    ) -> RedisCommand where Reply == Int {
        RedisCommand("ZLEXCOUNT", keys: .first, decode: RedisReplies.integer) { $0.add(key, lower.bytes, upper.bytes) }
    }

    // MARK: At random

    /// `ZRANDMEMBER key`: one member at random, nil without any. Redis 6.2.
    public static func zrandmember(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("ZRANDMEMBER", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `ZRANDMEMBER key count`: members at random; for `count` see ``srandmember(_:count:)``. Redis 6.2.
    public static func zrandmember(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("ZRANDMEMBER", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    /// `ZRANDMEMBER key count WITHSCORES`: members at random; for `count` see ``srandmember(_:count:)``. Redis 6.2.
    public static func zrandmemberWithScores(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [RedisScoredMember] {
        RedisCommand("ZRANDMEMBER", keys: .first, decode: RedisReplies.scoredMembers) {
            $0.add(key, count)
            $0.word("WITHSCORES")
        }
    }

    // MARK: Removal

    /// `ZREMRANGEBYRANK key first last`: how many were removed, from one index to the other, both included.
    public static func zremrangebyrank(_ key: some RedisArgument, from first: Int, to last: Int) -> RedisCommand where Reply == Int {
        RedisCommand("ZREMRANGEBYRANK", keys: .first, decode: RedisReplies.integer) { $0.add(key, first, last) }
    }

    /// `ZREMRANGEBYSCORE key lower upper`: how many were removed.
    public static func zremrangebyscore(_ key: some RedisArgument, from lower: RedisScoreBound, to upper: RedisScoreBound) -> RedisCommand
    where Reply == Int {
        RedisCommand("ZREMRANGEBYSCORE", keys: .first, decode: RedisReplies.integer) { $0.add(key, lower.text, upper.text) }
    }

    /// `ZREMRANGEBYLEX key lower upper`: how many were removed, where all scores are the same.
    public static func zremrangebylex(_ key: some RedisArgument, from lower: RedisLexicalBound, to upper: RedisLexicalBound) -> RedisCommand
    where Reply == Int {
        RedisCommand("ZREMRANGEBYLEX", keys: .first, decode: RedisReplies.integer) { $0.add(key, lower.bytes, upper.bytes) }
    }

    /// `ZPOPMIN key count`: the members with the lowest scores, which are removed.
    ///
    /// - Parameter count: at most so many.
    public static func zpopmin(_ key: some RedisArgument, count: Int = 1) -> RedisCommand where Reply == [RedisScoredMember] {
        RedisCommand("ZPOPMIN", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.scoredMembers)
    }

    /// `ZPOPMAX key count`: the members with the highest scores, which are removed.
    ///
    /// - Parameter count: at most so many.
    public static func zpopmax(_ key: some RedisArgument, count: Int = 1) -> RedisCommand where Reply == [RedisScoredMember] {
        RedisCommand("ZPOPMAX", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.scoredMembers)
    }

    /// `ZMPOP numkeys key… MIN|MAX`: members of the first of the sorted sets that has any, nil if none has. Redis 7.0.
    ///
    /// - Parameter count: at most so many; one unless set.
    public static func zmpop(_ keys: [some RedisArgument], _ end: RedisScoreEnd, count: Int? = nil) -> RedisCommand
    where Reply == RedisPopped<RedisScoredMember>? {
        RedisCommand("ZMPOP", keys: .counted(keys.count, at: 1), decode: RedisReplies.poppedMembers) {
            $0.counted(keys)
            $0.word(end.word)
            $0.option("COUNT", count)
        }
    }

    // MARK: Removal that waits

    /// `BZPOPMIN key… timeout`: the member with the lowest score of the first that has any; nil when the time is up. For the timeout see
    /// ``blpop(_:timeout:)``.
    public static func bzpopmin(_ keys: [some RedisArgument], timeout: TimeAmount?) -> RedisCommand
    where Reply == RedisPopped<RedisScoredMember>? {
        RedisCommand("BZPOPMIN", keys: .allButLast, traits: .blocking, decode: RedisReplies.poppedMember) {
            $0.all(keys)
            $0.add(timeout.redisTimeout)
        }
    }

    /// `BZPOPMAX key… timeout`: the member with the highest score of the first that has any; nil when the time is up. For the timeout see
    /// ``blpop(_:timeout:)``.
    public static func bzpopmax(_ keys: [some RedisArgument], timeout: TimeAmount?) -> RedisCommand
    where Reply == RedisPopped<RedisScoredMember>? {
        RedisCommand("BZPOPMAX", keys: .allButLast, traits: .blocking, decode: RedisReplies.poppedMember) {
            $0.all(keys)
            $0.add(timeout.redisTimeout)
        }
    }

    /// `BZMPOP timeout numkeys key… MIN|MAX`: members of the first that has any; nil when the time is up. For the timeout see
    /// ``blpop(_:timeout:)``. Redis 7.0.
    ///
    /// - Parameter count: at most so many; one unless set.
    public static func bzmpop(_ keys: [some RedisArgument], _ end: RedisScoreEnd, count: Int? = nil, timeout: TimeAmount?) -> RedisCommand
    where Reply == RedisPopped<RedisScoredMember>? {
        RedisCommand("BZMPOP", keys: .counted(keys.count, at: 2), traits: .blocking, decode: RedisReplies.poppedMembers) {
            $0.add(timeout.redisTimeout)
            $0.counted(keys)
            $0.word(end.word)
            $0.option("COUNT", count)
        }
    }

    /// `ZSCAN key cursor`: one page of its members; for the parameters see ``hscan(_:cursor:match:count:)``.
    /// ``LocalRedis/zscan(_:match:count:deadline:)`` walks over all pages.
    public static func zscan(
        _ key: some RedisArgument, cursor: UInt64, match: String? = nil, count: Int? = nil
    ) -> RedisCommand where Reply == RedisScanPage<RedisScoredMember> {
        RedisCommand("ZSCAN", keys: .first, decode: { try RedisReplies.page($0, RedisReplies.scoredMembers) }) {
            $0.add(key, cursor)
            $0.option("MATCH", match)
            $0.option("COUNT", count)
        }
    }
}

extension RedisReplies {
    @Sendable static func poppedMembers(_ frame: RESPFrame) throws -> RedisPopped<RedisScoredMember>? {
        try self.keyed(frame, self.scoredMembers).map { RedisPopped(key: $0.key, elements: $0.value) }
    }

    /// A key, its one member and the score.
    @Sendable static func poppedMember(_ frame: RESPFrame) throws -> RedisPopped<RedisScoredMember>? {
        if frame.isNull { return nil }
        let parts = try self.tuple(frame, atLeast: 3)
        let member = RedisScoredMember(try self.bytes(parts[1]), score: try self.double(parts[2]))
        return RedisPopped(key: try self.bytes(parts[0]), elements: [member])
    }
}
