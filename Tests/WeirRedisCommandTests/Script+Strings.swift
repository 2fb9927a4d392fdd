import NIOCore

@testable import WeirRedis

extension Script {
    mutating func strings() {
        run(.get("s"), nil)
        run(.set("s", to: "v"))
        run(.get(b("s")), b("v"))
        run(.set(b("s"), to: b("\r\n\u{0}"), expiry: .seconds(60)))
        run(.get("s"), b("\r\n\u{0}"))
        run(.set("s", to: 42, expiry: .after(.milliseconds(60_000))))
        run(.set("s", to: 42, expiry: .at(milliseconds: 4_102_444_800_000)))
        run(.set("s", to: 42, expiry: .keep))
        run(.expiretime("s"), .at(milliseconds: 4_102_444_800_000))
        run(.set("s", to: 42, expiry: .never))
        run(.ttl("s"), .unlimited)
        run(.set("s", to: 43, .ifAbsent), false)
        run(.set("s", to: 44, .ifPresent, expiry: .keep), true)
        run(.setReturningOld("s", to: 1.5), b("44"))
        run(.setReturningOld("new", to: "x", expiry: .after(.seconds(9))), nil)
        run(.setReturningOld("new", to: "y", .ifPresent), b("x"))
        run(.setnx("s", to: "z"), false)
        run(.setnx("s2", to: [UInt8](arrayLiteral: 0, 255)), true)
        run(.getset("s2", to: "z"), ByteBuffer(bytes: [0, 255]))
        run(.getdel("s2"), b("z"))
        run(.getdel("s2"), nil)
        run(.getex("s", expiry: .after(.seconds(100))), b("1.5"))
        check(.pttl("s")) { if case .expires(let time) = $0 { time > .seconds(90) && time <= .seconds(100) } else { false } }
        run(.getex("s", expiry: .keep), b("1.5"))
        run(.getex("s", expiry: .at(milliseconds: 4_102_444_800_000)), b("1.5"))
        run(.getex("s", expiry: .never), b("1.5"))
        run(.pttl("s"), .unlimited)
        run(.mset(["a": "1", "b": "2"]))
        run(.mset([(key: "a", value: b("1")), (key: "b", value: b("2"))]))
        run(.msetnx(["b": 1, "c": 2]), false)
        run(.msetnx(["c": 3, "d": 4]), true)
        run(.mget(["a", "nope", "c"]), [b("1"), nil, b("3")])
        run(.append("a", "23"), 3)
        run(.strlen("a"), 3)
        run(.getrange("a", from: 1, to: -1), b("23"))
        run(.setrange("a", at: 5, to: "x"), 6)
        run(.incr("n"), 1)
        run(.incrby("n", 41), 42)
        run(.decr("n"), 41)
        run(.decrby("n", 1), 40)
        run(.incrby("n", -50), -10)
        run(.incrbyfloat("n", 0.5), -9.5)
        run(.mset(["l1": "ohmytext", "l2": "mynewtext"]))
        run(.lcs("l1", "l2"), b("mytext"))
        run(.lcsLength("l1", "l2"), 6)
        check(.lcsMatches("l1", "l2")) {
            $0.length == 6 && $0.matches.map(\.length) == [4, 2] && $0.matches[1].first == 2 && $0.matches[1].second == 0
        }
        check(.lcsMatches("l1", "l2", minimumLength: 4)) { $0.matches.count == 1 }
    }

    mutating func bits() {
        run(.setbit("b", 7, to: true), false)
        run(.setbit("b", 7, to: true), true)
        run(.getbit("b", 7), true)
        run(.getbit("b", 6), false)
        run(.set("c", to: "foobar"))
        run(.bitcount("c"), 26)
        run(.bitcount("c", .bytes(from: 1, to: 1)), 6)
        run(.bitcount("c", .bits(from: 5, to: 30)), 17)
        run(.bitpos("b", true), 7)
        run(.bitpos("b", true, .bytes(from: 1)), nil)
        run(.bitpos("b", false, .bits(from: 7)), nil)
        run(.bitpos("b", false), 0)
        run(.bitop(.and, ["b", "c"], in: "d"), 6)
        run(.bitop(.or, ["b", "c"], in: "d"), 6)
        run(.bitop(.xor, ["b", "c"], in: "d"), 6)
        run(.bitop(.not, ["b"], in: "d"), 1)
        run(.bitfield("f", [.set(.signed(5), at: .bit(100), to: -1), .get(.unsigned(4), at: .bit(100))]), [0, 15])
        run(
            .bitfield(
                "f", [.increment(.unsigned(2), at: .index(0), by: 3), .increment(.unsigned(2), at: .index(0), by: 1, overflow: .fail)]),
            [3, nil])
        run(.bitfield("f", [.increment(.unsigned(2), at: .index(0), by: 1, overflow: .saturate)]), [3])
        run(.bitfieldRO("f", [.get(.unsigned(2), at: .index(0))]), [3])
    }

    mutating func hyperLogLogs() {
        run(.pfadd("h", ["a", "b", "c"]), true)
        run(.pfadd("h", ["a"]), false)
        run(.pfadd("i", ["d"]), true)
        run(.pfcount(["h"]), 3)
        run(.pfcount(["h", "i"]), 4)
        run(.pfmerge(["h", "i"], into: "j"))
        run(.pfcount(["j"]), 4)
    }
}
