import NIOCore
import WeirRESP

/// Unions, intersections and differences of sorted sets. Sets count too, each member with the score 1.
///
/// Weights multiply the scores of each key before they are put together; give one for each key, or none.
extension RedisCommand {
    /// `ZUNION numkeys key…`: the members of any of them, lowest score first. Redis 6.2.
    public static func zunion(_ keys: [some RedisArgument], weights: [Double] = [], _ aggregate: RedisAggregate = .sum) -> RedisCommand
    where Reply == [RedisScoredMember] {
        self.combine("ZUNION", keys, weights, aggregate)
    }

    /// `ZINTER numkeys key…`: the members of all of them, lowest score first. Redis 6.2.
    public static func zinter(_ keys: [some RedisArgument], weights: [Double] = [], _ aggregate: RedisAggregate = .sum) -> RedisCommand
    where Reply == [RedisScoredMember] {
        self.combine("ZINTER", keys, weights, aggregate)
    }

    /// `ZDIFF numkeys key…`: the members of the first that none of the others has, lowest score first. Redis 6.2.
    public static func zdiff(_ keys: [some RedisArgument]) -> RedisCommand where Reply == [RedisScoredMember] {
        self.combine("ZDIFF", keys, [], .sum)
    }

    private static func combine(_ name: StaticString, _ keys: [some RedisArgument], _ weights: [Double], _ aggregate: RedisAggregate)
        -> RedisCommand where Reply == [RedisScoredMember]
    {
        RedisCommand(name, keys: .counted(keys.count, at: 1), decode: RedisReplies.scoredMembers) {
            $0.counted(keys)
            self.options(&$0, weights, aggregate)
            $0.word("WITHSCORES")
        }
    }

    /// `ZUNIONSTORE destination numkeys key…`: how many members the destination has then.
    public static func zunionstore(
        _ keys: [some RedisArgument], in destination: some RedisArgument, weights: [Double] = [], _ aggregate: RedisAggregate = .sum
    ) -> RedisCommand where Reply == Int {
        self.store("ZUNIONSTORE", keys, destination, weights, aggregate)
    }

    /// `ZINTERSTORE destination numkeys key…`: how many members the destination has then.
    public static func zinterstore(
        _ keys: [some RedisArgument], in destination: some RedisArgument, weights: [Double] = [], _ aggregate: RedisAggregate = .sum
    ) -> RedisCommand where Reply == Int {
        self.store("ZINTERSTORE", keys, destination, weights, aggregate)
    }

    /// `ZDIFFSTORE destination numkeys key…`: how many members the destination has then. Redis 6.2.
    public static func zdiffstore(_ keys: [some RedisArgument], in destination: some RedisArgument) -> RedisCommand where Reply == Int {
        self.store("ZDIFFSTORE", keys, destination, [], .sum)
    }

    private static func store(
        _ name: StaticString, _ keys: [some RedisArgument], _ destination: some RedisArgument, _ weights: [Double],
        _ aggregate: RedisAggregate
    ) -> RedisCommand where Reply == Int {
        RedisCommand(name, keys: .counted(keys.count, at: 2).and(0), decode: RedisReplies.integer) {
            $0.add(destination)
            $0.counted(keys)
            self.options(&$0, weights, aggregate)
        }
    }

    private static func options(_ list: inout RedisArgumentList, _ weights: [Double], _ aggregate: RedisAggregate) {
        list.word("WEIGHTS", if: !weights.isEmpty)
        list.all(weights)
        guard aggregate != .sum else { return }
        list.word("AGGREGATE")
        list.word(aggregate.word)
    }

    /// `ZINTERCARD numkeys key…`: how many members are in all of them. Redis 7.0.
    ///
    /// - Parameter limit: counts no further than that.
    public static func zintercard(_ keys: [some RedisArgument], limit: Int? = nil) -> RedisCommand where Reply == Int {
        RedisCommand("ZINTERCARD", keys: .counted(keys.count, at: 1), decode: RedisReplies.integer) {
            $0.counted(keys)
            $0.option("LIMIT", limit)
        }
    }
}
