import NIOCore
import WeirRESP

@testable import WeirRedis

private func entry(_ id: UInt64, _ name: String, _ value: String) -> RedisStreamEntry {
    RedisStreamEntry(id: RedisStreamID(id, 1), fields: [RedisField(b(name), b(value))])
}

private func id(_ id: UInt64) -> RedisStreamID { RedisStreamID(id, 1) }

extension Script {
    mutating func streams() {
        run(.xaddIfPresent("s", ["a": "1"]), nil)
        run(.xadd("s", ["a": "1"], id: .exactly(id(1))), id(1))
        run(.xadd("s", ["b": 2], id: .exactly(id(2))), id(2))
        run(.xadd("s", [(key: "c", value: "3"), (key: "c", value: "4")], id: .nextAt(milliseconds: 3)), RedisStreamID(3, 0))
        run(.xlen("s"), 3)
        run(.xadd("pairs", ["x": 1, "y": 2, "x": 3] as KeyValuePairs))
        check(.xrange("pairs")) { $0[0].fields.map { String(buffer: $0.value) } == ["1", "2", "3"] }
        run(.xrange("s", count: 2), [entry(1, "a", "1"), entry(2, "b", "2")])
        run(.xrange("s", from: .excluding(id(1)), to: .including(id(2))), [entry(2, "b", "2")])
        check(.xrevrange("s", count: 1)) { $0.count == 1 && $0[0].fields.map(\.value) == [b("3"), b("4")] && $0[0]["c"] == b("3") }
        run(.xread(["s": .after(id(1))], count: 1), [RedisStreamEntries(key: b("s"), entries: [entry(2, "b", "2")])])
        run(.xread([(key: "s", value: .after(id(9))), (key: "nope", value: .after(.zero))]), [])
        run(.xreadBlocking(["s": .end], timeout: .milliseconds(5)), [])
        run(.xreadBlocking(["s": .after(.zero)], count: 1, timeout: nil), [RedisStreamEntries(key: b("s"), entries: [entry(1, "a", "1")])])
        run(.xdel("s", [id(1), id(77)]), 1)
        run(.xtrim("s", .maximumLength(1, exactly: true)), 1)
        run(.xtrim("s", .minimumID(RedisStreamID(3, 0), limit: 100)), 0)
        run(.xadd("s", ["d": "5"], id: .exactly(id(4)), trim: .maximumLength(100, limit: 10)), id(4))
        check(.xaddIfPresent("s", ["e": "6"], trim: .minimumID(id(4), exactly: true))) { $0! > id(4) }
        run(.xsetid("s", RedisStreamID(4_102_444_800_000, .max)))
        check(.xinfoStream("s")) {
            $0.length == 2 && $0.groups == 0 && $0.lastGeneratedID == RedisStreamID(4_102_444_800_000, .max) && $0.entriesAdded != nil
                && $0.maximumDeletedID == id(1) && $0.first == entry(4, "d", "5") && $0.last?["e"] == b("6")
        }
        run(.xgroupCreate("empty", "g", createsStream: true))
        check(.xinfoStream("empty")) { $0.first == nil && $0.last == nil && $0.groups == 1 }
    }

    mutating func streamGroups() {
        for number in 1...5 { run(.xadd("s", ["n": number], id: .exactly(id(UInt64(number)))), id(UInt64(number))) }
        run(.xgroupCreate("s", "g", from: .after(.zero)))
        check(.xpending("s", "g")) { $0.count == 0 }
        run(.xgroupCreateConsumer("s", "g", "c"), true)
        run(.xgroupCreateConsumer("s", "g", "c"), false)
        run(
            .xreadgroup("g", "c", ["s": .new], count: 2),
            [RedisStreamEntries(key: b("s"), entries: [entry(1, "n", "1"), entry(2, "n", "2")])])
        check(.xreadgroupBlocking("g", "d", ["s": .new], count: 1, timeout: .seconds(1))) { $0[0].entries == [entry(3, "n", "3")] }
        check(.xreadgroup("g", "d", ["s": .new], count: 1, acknowledged: true)) { $0[0].entries == [entry(4, "n", "4")] }
        check(.xpending("s", "g")) {
            $0.count == 3 && $0.first == id(1) && $0.last == id(3) && $0.consumers == [b("c"): 2, b("d"): 1]
        }
        check(.xpending("s", "g", count: 10)) {
            $0.map(\.id) == [id(1), id(2), id(3)] && $0[0].consumer == b("c") && $0[0].deliveries == 1 && $0[0].idle >= .zero
        }
        run(.xpending("s", "g", from: .including(id(2)), count: 10, consumer: b("d"), idle: .hours(1)), [])
        run(.xack("s", "g", [id(1), id(9)]), 1)
        run(.xdel("s", [id(2)]), 1)
        check(.xreadgroup("g", "c", ["s": .after(.zero)])) { $0[0].entries == [RedisStreamEntry(id: id(2), fields: [], isDeleted: true)] }
        run(
            .xclaim("s", "g", "e", idle: .zero, [id(3)], RedisStreamClaim(idle: .seconds(1), deliveries: 7, forces: true)),
            [entry(3, "n", "3")])
        run(.xclaim("s", "g", "e", idle: .hours(1), [id(3)], RedisStreamClaim(timeMilliseconds: 1)), [])
        run(.xclaimIDs("s", "g", "f", idle: .zero, [id(3)]), [id(3)])
        check(.xpending("s", "g", count: 10)) { $0.map(\.consumer) == [b("c"), b("f")] && $0[1].deliveries == 7 }
        check(.xautoclaim("s", "g", "h", idle: .zero, count: 10)) {
            $0.next == .zero && $0.claimed == [entry(3, "n", "3")] && $0.deleted == [id(2)]
        }
        check(.xautoclaimIDs("s", "g", "h", idle: .zero, from: id(1), count: 1)) { $0.claimed == [id(3)] && $0.deleted.isEmpty }
        check(.xinfoStreamFull("s", count: 2)) { $0["groups"]?.elements?.count == 1 && $0["entries"]?.elements?.count == 2 }
        check(.xinfoGroups("s")) {
            $0.count == 1 && $0[0].name == b("g") && $0[0].pending == 1 && $0[0].lastDeliveredID == id(4) && $0[0].consumers == 5
        }
        check(.xinfoConsumers("s", "g")) { $0.count == 5 && $0.first { $0.name == b("h") }?.pending == 1 }
        check(.xreadgroupBlocking("g", "c", ["s": .new], acknowledged: true, timeout: nil)) { $0.count == 1 }
        run(.xreadgroupBlocking("g", "c", ["s": .new], timeout: .milliseconds(2)), [])
        run(.xgroupSetID("s", "g", to: .end))
        run(.xgroupDelConsumer("s", "g", "h"), 1)
        run(.xgroupDestroy("s", "g"), true)
        run(.xgroupDestroy("s", "g"), false)
    }
}
