import NIOCore

@testable import WeirRedis

extension Script {
    mutating func keys() {
        run(.randomkey(), nil)
        run(.type("a"), .none)
        run(.mset(["a": 1, "b": 2, "c": 3]))
        check(.randomkey()) { $0 != nil }
        run(.type("a"), .string)
        run(.exists("a"), true)
        run(.exists("nope"), false)
        run(.exists(["a", "a", "nope"]), 2)
        run(.touch(["a", "b"]), 2)
        run(.rename("a", to: "a2"))
        run(.renamenx("a2", to: "b"), false)
        run(.renamenx("a2", to: "a"), true)
        run(.copy("a", to: "b"), false)
        run(.copy("a", to: "b", replace: true), true)
        run(.copy("a", to: "a", database: 11, replace: true), true)
        run(.move("a", toDatabase: 11), false)
        run(.dump("nope"), nil)
        check(.dump("a")) { $0 != nil }
        // The number 7 as a server of version 10 of the format dumps it.
        attempt(.restore("r", from: [0xC0, 7, 10, 0] as [UInt8], timeToLive: .seconds(5), replace: true))
        check(.keys("*")) { Set($0) == [b("a"), b("b"), b("c")] }
        check(.scan(cursor: 0)) { $0.cursor == 0 && Set($0.elements) == [b("a"), b("b"), b("c")] }
        run(.scan(cursor: 0, match: "b*", count: 100, type: .string), RedisScanPage(cursor: 0, elements: [b("b")]))
        run(.scan(cursor: 0, count: 100, type: .hash), RedisScanPage(cursor: 0, elements: []))
        run(.objectEncoding("a"), "int")
        run(.objectEncoding("nope"), nil)
        check(.objectRefcount("a")) { $0! > 0 }
        check(.objectIdletime("a")) { $0! >= 0 }
        attempt(.objectFreq("a"))
        run(.pttl("nope"), .noKey)
        run(.ttl("a"), .unlimited)
        run(.pexpiretime("nope"), .noKey)
        run(.expiretime("a"), .never)
        run(.expire("a", after: .milliseconds(90_000)), true)
        run(.expire("nope", after: .seconds(90)), false)
        check(.ttl("a")) { if case .expires(let time) = $0 { time >= .seconds(80) && time <= .seconds(90) } else { false } }
        run(.expire("a", after: .seconds(1), .ifNeverExpires), false)
        run(.expire("a", after: .seconds(100), .ifExpires), true)
        run(.expire("a", after: .seconds(50), .ifLater), false)
        run(.expire("a", after: .seconds(50), .ifEarlier), true)
        run(.expire("a", atMilliseconds: 4_102_444_800_123), true)
        run(.pexpiretime("a"), .at(milliseconds: 4_102_444_800_123))
        run(.expire("a", seconds: 70), true)
        run(.expire("a", atSeconds: 4_102_444_800), true)
        run(.persist("a"), true)
        run(.persist("a"), false)
        run(.unlink(["a", "nope"]), 1)
        run(.delete("b"), true)
        run(.delete(b("b")), false)
        check(.delete(["c", "r", "nope"])) { $0 >= 1 }
    }

    mutating func sorting() {
        run(.rpush("l", [3, 1, 2]), 3)
        run(.mset(["w1": 3, "w2": 2, "w3": 1]))
        run(.mset(["g1": "one"]))
        run(.sort("l"), [b("1"), b("2"), b("3")])
        run(.sort("l", RedisSort(limit: (1, 1), isDescending: true)), [b("2")])
        run(.sortRO("l", RedisSort(by: "w*", get: ["#", "g*"], isAlphabetic: true)), [b("3"), nil, b("2"), nil, b("1"), b("one")])
        run(.sort("l", RedisSort(get: ["#"]), storeIn: "d"), 3)
        run(.lrange("d"), [b("1"), b("2"), b("3")])
    }
}
