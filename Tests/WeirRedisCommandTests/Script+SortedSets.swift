import NIOCore

@testable import WeirRedis

private func m(_ member: String, _ score: Double) -> RedisScoredMember { RedisScoredMember(b(member), score: score) }

extension Script {
    mutating func sortedSets() {
        run(.zadd("z", ["a": 1, "b": 2, "c": 3.25]), 3)
        run(.zadd("z", "a", score: 1.5), false)
        run(.zadd("z", [(key: "a", value: 5), (key: "n", value: 9)], RedisSortedSetUpdate(.ifPresent, .ifGreater, countsChanges: true)), 1)
        run(.zadd("z", "a", score: 1, RedisSortedSetUpdate(nil, .ifLess, countsChanges: true)), true)
        run(.zaddIncrement("z", "nope", by: 1, RedisSortedSetUpdate(.ifPresent)), nil)
        run(.zaddIncrement("z", "a", by: 1, RedisSortedSetUpdate()), 2)
        run(.zincrby("z", "a", by: -1), 1)
        run(.zscore("z", "c"), 3.25)
        run(.zscore("z", "nope"), nil)
        run(.zmscore("z", ["a", "nope"]), [1, nil])
        run(.zrank("z", "b"), 1)
        run(.zrank("z", "nope"), nil)
        run(.zrevrank("z", "c"), 0)
        run(.zcard("z"), 3)
        run(.zcount("z", from: .excluding(1), to: .including(3.25)), 2)
        run(.zcount("z"), 3)
        check(.zrandmember("z")) { $0 != nil }
        run(.zrandmember("nope"), nil)
        check(.zrandmember("z", count: 2)) { $0.count == 2 }
        check(.zrandmemberWithScores("z", count: -4)) { $0.count == 4 }
        run(.zscan("z", cursor: 0, match: "c", count: 5), RedisScanPage(cursor: 0, elements: [m("c", 3.25)]))
        run(.zadd("y", ["b": 10, "c": 20, "d": -.infinity]), 3)
        run(.zunion(["z", "y"]), [m("d", -.infinity), m("a", 1), m("b", 12), m("c", 23.25)])
        run(.zinter(["z", "y"], weights: [2, 1], .maximum), [m("b", 10), m("c", 20)])
        run(.zinter(["z", "y"], .minimum), [m("b", 2), m("c", 3.25)])
        run(.zdiff(["z", "y"]), [m("a", 1)])
        run(.zunionstore(["z", "y"], in: "d", weights: [1, 2], .minimum), 4)
        run(.zinterstore(["z", "y"], in: "d"), 2)
        run(.zdiffstore(["z", "y"], in: "d"), 1)
        run(.zintercard(["z", "y"]), 2)
        run(.zintercard(["z", "y"], limit: 1), 1)
        run(.zpopmin("y"), [m("d", -.infinity)])
        run(.zpopmax("y", count: 5), [m("c", 20), m("b", 10)])
        run(.zpopmax("y"), [])
        run(.zmpop(["nope", "z"], .lowest, count: 2), RedisPopped(key: b("z"), elements: [m("a", 1), m("b", 2)]))
        run(.zmpop(["nope"], .highest), nil)
        run(.zrem("z", ["c", "nope"]), 1)
        run(.zadd("z", ["a": 1, "b": 2, "c": 3, "d": 4]), 4)
        run(.zremrangebyrank("z", from: 0, to: 0), 1)
        run(.zremrangebyscore("z", from: .minimum, to: .excluding(3)), 1)
        run(.zadd("x", ["a": 0, "b": 0, "c": 0]), 3)
        run(.zlexcount("x"), 3)
        run(.zlexcount("x", from: .including("b"), to: .maximum), 2)
        run(.zremrangebylex("x", from: .excluding("a"), to: .including("b")), 1)
    }

    mutating func sortedSetRanges() {
        run(.zadd("z", ["a": 1, "b": 2, "c": 3, "d": 4]), 4)
        run(.zrange("z"), ["a", "b", "c", "d"].map(b))
        run(.zrange("z", .index(from: 0, to: 1).reversed()), ["d", "c"].map(b))
        run(.zrange("z", .score(from: .excluding(1), limit: RedisLimit(offset: 1, count: 1))), [b("c")])
        run(.zrangeWithScores("z", .score(from: .including(2), to: .maximum).reversed()), [m("d", 4), m("c", 3), m("b", 2)])
        run(.zrangeWithScores("z", .index(from: -1)), [m("d", 4)])
        run(.zrangeWithScores("nope"), [])
        run(.zadd("x", ["a": 0, "b": 0, "c": 0]), 3)
        run(.zrange("x", .lexical(from: .excluding("a"), to: .including("c"))), ["b", "c"].map(b))
        run(.zrange("x", .lexical(limit: RedisLimit(count: 2)).reversed()), ["c", "b"].map(b))
        run(.zrangestore("z", .index(from: 1, to: 2), in: "d"), 2)
        run(.zrevrange("z", from: 0, to: 1), ["d", "c"].map(b))
        run(.zrevrangeWithScores("z", from: 0, to: 0), [m("d", 4)])
        run(.zrangebyscore("z", from: .including(3)), [m("c", 3), m("d", 4)])
        run(.zrevrangebyscore("z", to: .excluding(3), limit: RedisLimit(offset: 0, count: 1)), [m("b", 2)])
        run(.zrangebylex("x", to: .excluding("c")), ["a", "b"].map(b))
        run(.zrevrangebylex("x", limit: RedisLimit(count: 1)), [b("c")])
    }
}
