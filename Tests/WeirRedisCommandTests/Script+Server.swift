import NIOCore
import WeirRESP

@testable import WeirRedis

extension Script {
    mutating func scripts() {
        check(.eval("return {KEYS[1], ARGV[1]}", keys: ["k"], arguments: [5])) { $0.elements?.count == 2 }
        check(.eval("return 1")) { $0.integer == 1 }
        check(.evalRO("return ARGV[2]", arguments: ["a", 2] as [RedisValue])) { $0.string == b("2") }
        run(.scriptLoad("return 7"), String(buffer: RedisScript("return 7").digest))
        run(.scriptExists([RedisScript("return 7").digest, RedisScript("return 'unknown'").digest]), [true, false])
        check(.evalsha(RedisScript("return 7").digest, keys: ["a", "b"])) { $0.integer == 7 }
        check(.evalshaRO(RedisScript("return 7").digest, keys: ["a", "b"])) { $0.integer == 7 }
        attempt(.scriptKill())
        run(.scriptFlush())
    }

    mutating func functions() {
        let library =
            "#!lua name=weirtest\nredis.register_function{function_name='weirf', callback=function(keys, args) return args[1] end, flags={'no-writes'}}"
        run(.functionLoad(library, replace: true), "weirtest")
        check(.fcall("weirf", keys: ["a"], arguments: ["x"])) { $0.string == b("x") }
        check(.fcallRO("weirf", keys: ["a", "b"], arguments: ["x"])) { $0.string == b("x") }
        check(.functionList("weirtest", withCode: true)) {
            $0.count == 1 && $0[0].name == "weirtest" && $0[0].engine == "LUA" && $0[0].functions.first?.flags == ["no-writes"]
                && $0[0].code == b(library)
        }
        check(.functionList()) { $0.contains { $0.name == "weirtest" && $0.code == nil } }
        check(.functionDump()) { $0.readableBytes > 10 }
        attempt(.functionRestore("damaged", .replace))
        attempt(.functionKill())
        check(.functionStats()) { $0["engines"] != nil }
        run(.functionDelete("weirtest"))
        run(.functionFlush())
    }

    mutating func publishing() {
        run(.publish("weir-test-channel", "m"), 0)
        run(.spublish("weir-test-channel", "m"), 0)
        run(.pubsubChannels("weir-test-*"), [])
        run(.pubsubChannels())
        run(.pubsubNumsub(["weir-test-channel"]), [b("weir-test-channel"): 0])
        run(.pubsubNumpat())
        run(.pubsubShardChannels("weir-test-*"), [])
        run(.pubsubShardNumsub(["weir-test-channel"]), [b("weir-test-channel"): 0])
    }

    mutating func server() {
        run(.ping)
        check(.raw("GET", "nope")) { $0.isNull == true }
        check(.raw([b("SET"), b("raw"), b("1")], keys: .first)) { $0.string == b("OK") }
        run(.echo("hello"), b("hello"))
        check(.time()) { $0.seconds > 1_700_000_000 && (0..<1_000_000).contains($0.microseconds) }
        check(.info()) { $0["redis_version"] != nil && $0.sections["Server"] != nil }
        check(.info("clients", "memory")) { $0["connected_clients"] != nil && $0.sections["Server"] == nil }
        check(.role()) { if case .primary = $0 { true } else { false } }
        run(.select(9))
        run(.dbsize(), 1)
        run(.flushdb(inBackground: true))
        run(.swapdb(11, 12))
        for database in [11, 12] {
            run(.select(database))
            run(.flushdb())
        }
        run(.select(9))
        attempt(.bgrewriteaof())
        attempt(.bgsave(scheduled: true))
        attempt(.save())
        check(.lastsave()) { $0 > 0 }
        check(.configGet("maxmemory", "slowlog-max-l*")) { $0.count == 2 && $0["maxmemory"] != nil }
        run(.configSet(["slowlog-log-slower-than": 10_000, "latency-monitor-threshold": 0]))
        run(.configResetStat())
        attempt(.configRewrite())
        check(.commandCount()) { $0 > 200 }
        check(.commandList()) { $0.contains("get") }
        run(.commandGetKeys(["MSET", "a", "1", "b", "2"]), [b("a"), b("b")])
    }

    /// What has no typed form, or has its keys where they must be looked for.
    mutating func byParts() {
        run(.rpush("l", [1]), 1)
        run(.raw("sort", "l", "by", "nosort", "get", "store", "get", "#", "limit", "0", "1", "store", "d"))
        run(.raw("geoadd", "g", "1", "2", "m"))
        run(.raw("GEORADIUS", "g", "1", "2", "3", "km", "COUNT", "1", "DESC", "STORE", "d"))
        run(.raw("GEORADIUSBYMEMBER", "g", "m", "3", "km", "STOREDIST", "d"))
        run(.raw("GEORADIUS_RO", "g", "1", "2", "3", "km"))
        attempt(.raw("MIGRATE", "127.0.0.1", "1", "", "0", "1", "COPY", "KEYS", "g", "l"))
        attempt(.raw("MIGRATE", "127.0.0.1", "1", "g", "0", "1"))
        run(.raw("XREAD", "COUNT", "1", "STREAMS", "streams", "other", "0", "0"))
        run(.raw("XGROUP", "CREATE", "streams", "streams", "0", "MKSTREAM"))
        run(.raw("XREADGROUP", "GROUP", "streams", "streams", "NOACK", "STREAMS", "streams", ">"))
        run(.raw("ZUNIONSTORE", "d", "2", "a", "b", "WEIGHTS", "1", "2"))
        run(.raw("SETEX", "a", "10", "b"))
        run(.raw("HMSET", "h", "a", "b"))
        run(.raw("LOLWUT"))
        attempt(.raw("NOSUCHCOMMAND", "a"))
        attempt(.raw("EVAL", "return 1", "9", "a"))
        attempt(.raw("ZUNION", "99999999999999999999", "a"))
        attempt(.raw("XREAD", "STREAMS", "a"))
    }

    mutating func diagnosis() {
        run(.set("k", to: "v"))
        check(.memoryUsage("k", samples: 0)) { $0! > 0 }
        run(.memoryUsage("nope"), nil)
        check(.memoryStats()) { $0["total.allocated"]?.integer != nil }
        check(.memoryDoctor()) { !$0.isEmpty }
        run(.memoryPurge())
        run(.configSet(["slowlog-log-slower-than": 0]))
        check(.slowlogGet(2)) { $0.count == 2 && $0[0].arguments.first == b("COMMAND") && $0[0].clientAddress != nil && $0[0].seconds > 0 }
        run(.configSet(["slowlog-log-slower-than": 10_000]))
        check(.slowlogGet()) { !$0.isEmpty }
        check(.slowlogLen()) { $0 > 0 }
        run(.slowlogReset())
        run(.configSet(["latency-monitor-threshold": 1]))
        attempt(.raw("DEBUG", "SLEEP", "0.01"))
        run(
            .eval(
                "local t = redis.call('TIME'); local e = t[1] * 1000 + t[2] / 1000 + 20; while true do local n = redis.call('TIME'); if n[1] * 1000 + n[2] / 1000 > e then return 1 end end"
            ))
        check(.latencyLatest()) { !$0.isEmpty && $0[0].maximum >= $0[0].latest && $0[0].latest > .zero }
        check(.latencyHistory("command")) { !$0.isEmpty && $0[0].latency > .zero }
        check(.latencyReset("command", "nope")) { $0 >= 1 }
        run(.configSet(["latency-monitor-threshold": 0]))
        check(.latencyHistogram("set")) { $0["set"] != nil }
        check(.latencyDoctor()) { !$0.isEmpty }
        run(.moduleList())
    }

    mutating func clients() {
        check(.clientID()) { $0 > 0 }
        run(.clientGetName(), nil)
        run(.clientSetName("weir-command-test"))
        run(.clientGetName(), "weir-command-test")
        check(.clientInfo()) { $0.name == "weir-command-test" && $0.id > 0 && $0.address.contains(":") }
        check(.clientList()) { $0.contains { $0.name == "weir-command-test" } }
        check(.clientList(type: "normal")) { !$0.isEmpty }
        run(.clientList(ids: [Int.max]), [])
        run(.clientKill(RedisClientFilter(id: .max)), 0)
        run(
            .clientKill(
                RedisClientFilter(address: "127.0.0.1:1", localAddress: "127.0.0.1:1", user: "default", type: "normal", skipsItself: false)),
            0)
        run(.clientNoEvict(true))
        run(.clientNoEvict(false))
        run(.clientUnblock(.max), false)
        run(.clientUnblock(.max, withError: true), false)
        run(.clientPause(.milliseconds(1), writesOnly: true))
        run(.clientUnpause())
        run(.clientGetRedir(), -1)
        check(.clientTrackingInfo()) { $0["redirect"]?.integer == -1 }
    }

    mutating func users() {
        run(.aclWhoami(), "default")
        check(.aclUsers()) { $0.contains("default") }
        check(.aclList()) { $0.contains { $0.hasPrefix("user default") } }
        check(.aclCat()) { $0.contains("string") }
        check(.aclCat("string")) { $0.contains("get") }
        run(.aclSetUser("weirtest", ["on", "nopass", "+get", "~*"]))
        run(.aclDryrun("weirtest", ["GET", "a"]), nil)
        check(.aclDryrun("weirtest", ["SET", "a", "b"])) { $0 != nil }
        // Not to be run where others have their keys: it is known, and allowed.
        run(.aclDryrun("default", [RedisCommand<Void>.flushall(inBackground: true).request.name.description, "ASYNC"]), nil)
        check(.aclGetUser("weirtest")) { $0?["passwords"] != nil }
        check(.aclGetUser("nope")) { $0 == nil }
        run(.aclLog(5))
        run(.aclLogReset())
        check(.aclLog()) { $0.isEmpty }
        check(.aclGenpass(bits: 64)) { $0.count == 16 }
        run(.aclDelUser(["weirtest"]), 1)
    }
}
