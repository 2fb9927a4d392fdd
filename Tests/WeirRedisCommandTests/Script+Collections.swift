import NIOCore

@testable import WeirRedis

extension Script {
    mutating func hashes() {
        run(.hset("h", ["a": "1", "b": "2"]), 2)
        run(.hset("h", "c", to: 3), true)
        run(.hset("h", "c", to: b("4")), false)
        run(.hsetnx("h", "c", to: 5), false)
        run(.hget("h", "c"), b("4"))
        run(.hget(b("h"), b("nope")), nil)
        run(.hmget("h", ["a", "nope", "b"]), [b("1"), nil, b("2")])
        run(.hgetall("h"), [b("a"): b("1"), b("b"): b("2"), b("c"): b("4")])
        run(.hgetall("nope"), [:])
        check(.hkeys("h")) { Set($0) == [b("a"), b("b"), b("c")] }
        check(.hvals("h")) { Set($0) == [b("1"), b("2"), b("4")] }
        run(.hexists("h", "a"), true)
        run(.hlen("h"), 3)
        run(.hstrlen("h", "a"), 1)
        run(.hincrby("h", "a", 9), 10)
        run(.hincrbyfloat("h", "a", 0.25), 10.25)
        check(.hrandfield("h")) { $0 != nil }
        run(.hrandfield("nope"), nil)
        check(.hrandfield("h", count: -7)) { $0.count == 7 }
        check(.hrandfieldWithValues("h", count: 9)) { Set($0.map(\.name)) == [b("a"), b("b"), b("c")] }
        run(.hrandfieldWithValues("nope", count: 9), [])
        run(.hscan("h", cursor: 0, match: "b", count: 10), RedisScanPage(cursor: 0, elements: [RedisField(b("b"), b("2"))]))
        run(.hdel("h", ["a", "nope"]), 1)
    }

    mutating func lists() {
        run(.rpush("l", ["a", "b"]), 2)
        run(.lpush("l", ["y", "x"]), 4)
        run(.rpushx("l", ["c"]), 5)
        run(.lpushx("nope", ["c"]), 0)
        run(.lrange("l"), ["x", "y", "a", "b", "c"].map(b))
        run(.lrange("l", from: 1, to: 2), ["y", "a"].map(b))
        run(.llen("l"), 5)
        run(.lindex("l", -1), b("c"))
        run(.lindex("l", 100), nil)
        run(.lset("l", 0, to: "w"))
        run(.linsert("l", "before", before: "a"), 6)
        run(.linsert("l", "after", after: "a"), 7)
        run(.linsert("l", "after", after: "nope"), -1)
        run(.lrem("l", "before"), 1)
        run(.lrem("l", "after", count: -1), 1)
        run(.lpos("l", "a"), 2)
        run(.lpos("l", "nope"), nil)
        run(.lpos("l", "a", rank: -1, maximumLength: 4), 2)
        run(.lpos("l", "a", count: 0, rank: 1, maximumLength: 0), [2])
        run(.lpos("l", "nope", count: 2), [])
        run(.lpop("l"), b("w"))
        run(.rpop("l"), b("c"))
        run(.lpop("nope"), nil)
        run(.lpop("l", count: 1), [b("y")])
        run(.rpop("nope", count: 1), nil)
        run(.lmove(from: "l", .left, to: "m", .right), b("a"))
        run(.lmove(from: "nope", .left, to: "m", .right), nil)
        run(.rpoplpush(from: "l", to: "m"), b("b"))
        run(.rpush("l", [1, 2, 3, 4]), 4)
        run(.ltrim("l", from: 0, to: 2))
        run(.lmpop(["nope", "l"], .right, count: 2), RedisPopped(key: b("l"), elements: [b("3"), b("2")]))
        run(.lmpop(["nope"], .left), nil)
    }

    mutating func blockingLists() {
        run(.rpush("l", ["a", "b", "c", "d", "e", "f"]), 6)
        run(.blpop(["nope", "l"], timeout: .seconds(1)), RedisPopped(key: b("l"), elements: [b("a")]))
        run(.brpop(["l"], timeout: nil), RedisPopped(key: b("l"), elements: [b("f")]))
        run(.blpop(["nope"], timeout: .milliseconds(10)), nil)
        run(.blmove(from: "l", .left, to: "m", .left, timeout: .seconds(1)), b("b"))
        run(.blmove(from: "nope", .left, to: "m", .left, timeout: .milliseconds(1)), nil)
        run(.brpoplpush(from: "l", to: "m", timeout: .milliseconds(1500)), b("e"))
        run(.brpoplpush(from: "nope", to: "m", timeout: .nanoseconds(1)), nil)
        run(.blmpop(["nope", "l"], .left, count: 5, timeout: .seconds(1)), RedisPopped(key: b("l"), elements: [b("c"), b("d")]))
        run(.blmpop(["nope", "l"], .right, timeout: .milliseconds(1)), nil)
        run(.zadd("z", ["a": 1, "b": 2, "c": 3, "d": .infinity]), 4)
        run(.bzpopmin(["nope", "z"], timeout: .seconds(1)), RedisPopped(key: b("z"), elements: [RedisScoredMember(b("a"), score: 1)]))
        run(.bzpopmax(["z"], timeout: nil), RedisPopped(key: b("z"), elements: [RedisScoredMember(b("d"), score: .infinity)]))
        run(.bzpopmax(["nope"], timeout: .milliseconds(1)), nil)
        run(
            .bzmpop(["nope", "z"], .highest, count: 9, timeout: .seconds(1)),
            RedisPopped(key: b("z"), elements: [RedisScoredMember(b("c"), score: 3), RedisScoredMember(b("b"), score: 2)]))
        run(.bzmpop(["nope", "z"], .lowest, timeout: .milliseconds(1)), nil)
        run(.wait(replicas: 0, timeout: .milliseconds(1)), 0)
    }

    mutating func sets() {
        run(.sadd("s", ["a", "b", "c"]), 3)
        run(.sadd("t", ["b", "c", "d"]), 3)
        check(.smembers("s")) { Set($0) == Set(["a", "b", "c"].map(b)) }
        run(.sismember("s", "a"), true)
        run(.smismember("s", ["a", "nope"]), [true, false])
        run(.scard("s"), 3)
        check(.sunion(["s", "t"])) { Set($0) == Set(["a", "b", "c", "d"].map(b)) }
        check(.sinter(["s", "t"])) { Set($0) == Set(["b", "c"].map(b)) }
        run(.sdiff(["s", "t"]), [b("a")])
        run(.sunionstore(["s", "t"], in: "d"), 4)
        run(.sinterstore(["s", "t"], in: "d"), 2)
        run(.sdiffstore(["s", "t"], in: "d"), 1)
        run(.sintercard(["s", "t"]), 2)
        run(.sintercard(["s", "t"], limit: 1), 1)
        run(.smove(from: "s", to: "t", "a"), true)
        run(.smove(from: "s", to: "t", "nope"), false)
        check(.srandmember("s")) { $0 != nil }
        run(.srandmember("nope"), nil)
        check(.srandmember("s", count: -5)) { $0.count == 5 }
        run(.sscan("s", cursor: 0, match: "b", count: 9), RedisScanPage(cursor: 0, elements: [b("b")]))
        run(.srem("s", ["b", "nope"]), 1)
        run(.spop("s"), b("c"))
        run(.spop("s"), nil)
        check(.spop("t", count: 9)) { $0.count == 4 }
        run(.spop("t", count: 9), [])
    }

    mutating func geo() {
        let palermo = RedisGeoPosition(longitude: 13.361389, latitude: 38.115556)
        let catania = RedisGeoPosition(longitude: 15.087269, latitude: 37.502669)
        run(.geoadd("g", ["Palermo": palermo, "Catania": catania]), 2)
        run(.geoadd("g", ["Palermo": catania], .ifAbsent, countsChanges: true), 0)
        check(.geodist("g", "Palermo", "Catania", .kilometers)) { $0.map { Int($0) } == 166 }
        run(.geodist("g", "Palermo", "nope"), nil)
        run(.geohash("g", ["Palermo", "nope"]), ["sqc8b49rny0", nil])
        check(.geopos("g", ["Palermo", "nope"])) { $0.count == 2 && abs($0[0]!.longitude - 13.361389) < 0.001 && $0[1] == nil }
        let around = RedisGeoArea.Center.position(RedisGeoPosition(longitude: 15, latitude: 37))
        run(
            .geosearch("g", .circle(around: around, radius: 200, .kilometers), RedisGeoSelection(.nearestFirst)),
            ["Catania", "Palermo"].map(b))
        run(.geosearch("g", .box(around: .member(b("Palermo")), width: 10, height: 10, .miles)), [b("Palermo")])
        check(.georadius("g", around: around, radius: 200, .kilometers, RedisGeoSelection(.nearestFirst, count: 1))) {
            $0.map(\.member) == [b("Catania")] && abs($0[0].distance - 56.44) < 0.01
        }
        check(.georadius("g", around: .member(b("Palermo")), radius: 1, .meters)) {
            $0.map(\.member) == [b("Palermo")] && $0[0].distance == 0
        }
        check(.geosearchMatches("g", .circle(around: around, radius: 200, .kilometers), RedisGeoSelection(.farthestFirst, count: 1))) {
            $0.count == 1 && $0[0].member == b("Palermo") && abs($0[0].distance - 190.4424) < 0.001
                && abs($0[0].position.latitude - 38.11) < 0.01
        }
        run(
            .geosearchstore(
                "g", .circle(around: around, radius: 9e9, .feet), RedisGeoSelection(count: 1, takesAny: true), in: "d",
                storesDistances: true), 1)
    }
}
