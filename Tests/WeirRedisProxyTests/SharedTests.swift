import NIOConcurrencyHelpers
import NIOCore
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// What clients of one connection see of each other: nothing.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct SharedTests {
    @Test(arguments: [1, 2])
    func interleavedPipelinesAreAnsweredToWhomTheyBelong(loops: Int) async throws {
        try await withProxy(loops: loops) { proxy, _ in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<40 {
                    tasks.addTask { try await self.pipelines(proxy, number) }
                }
                try await tasks.waitForAll()
            }
            #expect(try await proxy.statistics().connects <= UInt64(loops))
        }
    }

    private func pipelines(_ proxy: TestProxy, _ number: Int) async throws {
        var random = SplitMix64(seed: UInt64(number))
        let client = try await proxy.connect()
        var values: [Int: String] = [:]
        var name: String?
        for round in 0..<20 {
            var (sent, expected) = ([[String]](), [String]())
            for index in 0..<Int.random(in: 1...60, using: &random) {
                let key = Int.random(in: 0..<5, using: &random)
                let value = "\(number).\(round).\(index)" + String(repeating: "v", count: Int.random(in: 0...40, using: &random))
                switch Int.random(in: 0..<10, using: &random) {
                case 0...2:
                    sent.append(["ECHO", value])
                    expected.append(bulk(value))
                case 3...5:
                    sent.append(["SET", "\(number):\(key)", value])
                    expected.append("+OK\r\n")
                    values[key] = value
                case 6...7:
                    sent.append(["GET", "\(number):\(key)"])
                    expected.append(values[key].map(bulk) ?? "$-1\r\n")
                case 8:
                    sent.append(["CLIENT", "SETNAME", value])
                    expected.append("+OK\r\n")
                    name = value
                default:
                    sent.append(["client", "getname"])
                    expected.append(name.map(bulk) ?? "$-1\r\n")
                }
            }
            client.send(commands(sent))
            #expect(try await client.replies(sent.count) == expected)
        }
        await client.close()
    }

    /// Answers of the proxy keep their turn among those of the server.
    @Test func localAnswersKeepTheOrder() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect()
            client.send(
                commands([
                    ["SET", "a", "1"], ["CLIENT", "SETNAME", "x"], ["GET", "a"], ["CLIENT", "GETNAME"], ["INCR", "a"],
                    ["DEBUG", "SLEEP", "0"],
                    ["GET", "a"], ["SELECT", "x"], ["CLIENT", "SETINFO", "LIB-NAME", "x"], ["GET", "a"],
                    ["CLIENT", "KILL", "TYPE", "normal"],
                    ["ECHO", "end"],
                ]))
            let replies = try await client.replies(12)
            #expect(replies[0..<5] == ["+OK\r\n", "+OK\r\n", bulk("1"), bulk("x"), ":2\r\n"])
            #expect(replies[5].hasPrefix("-ERR the proxy refuses 'DEBUG': "))
            #expect(replies[6...9] == [bulk("2"), "-ERR value is not an integer or out of range\r\n", "+OK\r\n", bulk("2")])
            #expect(replies[10].hasPrefix("-ERR the proxy refuses 'CLIENT|KILL': "))
            #expect(replies[11] == bulk("end"))
            #expect(try await proxy.count(\.refusals) == 2)
            #expect(try await proxy.count(\.commands) == 12)
        }
    }

    private static let exchange: [(words: [String], reply: String)] = [
        (["SET", "k", "value"], "+OK\r\n"), (["GET", "k"], bulk("value")), (["CLIENT", "SETNAME", "me"], "+OK\r\n"),
        (["GET", "k"], bulk("value")),
        (["CLIENT", "GETNAME"], bulk("me")), (["MULTI"], "+OK\r\n"), (["GET", "k"], "+QUEUED\r\n"), (["EXEC"], "*1\r\n\(bulk("value"))"),
        (["SELECT", "1"], "+OK\r\n"), (["GET", "k"], "$-1\r\n"), (["SELECT", "0"], "+OK\r\n"), (["ECHO", ""], bulk("")),
    ]

    /// However a pipeline is cut on its way: other clients are served meanwhile, and the replies are the same.
    @Test func everyCutOfAPipelineHasTheSameReplies() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let bytes = commands(Self.exchange.map(\.words))
            let expected = Self.exchange.map(\.reply)
            let other = try await proxy.connect()
            for cut in 0...bytes.readableBytes {
                let client = try await proxy.connect()
                try await client.sent(bytes.getSlice(at: 0, length: cut)!)
                // What came before is read when this is answered.
                #expect(try await other.ask("ECHO", "\(cut)") == bulk("\(cut)"))
                client.send(bytes.getSlice(at: cut, length: bytes.readableBytes - cut)!)
                #expect(try await client.replies(expected.count) == expected, "cut at \(cut)")
                await client.close()
            }
            let client = try await proxy.connect()
            for byte in bytes.readableBytesView {
                try await client.sent(ByteBuffer(bytes: [byte]))
                try await other.ask("PING")
            }
            #expect(try await client.replies(expected.count) == expected)
        }
    }

    @Test func inlineCommandsAndEmptyOnes() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect()
            client.send(
                "PING\r\nSET a \"b c\"\r\n\r\n*0\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nGET a\n*-1\r\nCLIENT SETNAME n\r\nCLIENT GETNAME\r\nPI")
            #expect(try await client.replies(6) == ["+PONG\r\n", "+OK\r\n", bulk("b c"), bulk("b c"), "+OK\r\n", bulk("n")])
            client.send("NG\r\n")
            #expect(try await client.reply() == "+PONG\r\n")
        }
    }

    @Test func aClientThatVanishesKeepsItsPlace() async throws {
        let redis = try await OwnRedis.start()
        let faults = try await FaultProxy.start(on: clientGroup, to: redis.address).get()
        let proxy = try await TestProxy.start(RedisURL(host: "127.0.0.1", port: faults.port), loops: 1)
        let stays = try await proxy.connect()
        #expect(try await stays.ask("PING") == "+PONG\r\n")
        for isReset in [true, false] {
            try await redis.ask("DEL", "n")
            try await faults.update { $0.stallsReplies = true }.get()
            let goes = try await proxy.connect()
            goes.send(commands([["INCR", "n"], ["ECHO", "nobody's"], ["INCR", "n"]]))
            try await eventually { try await redis.ask("GET", "n") == .bulk("2") }
            stays.send(["ECHO", "mine"])
            // Who only says that he has said all waits for his replies.
            if isReset { await goes.reset() } else { await goes.close() }
            if isReset { try await eventually { try await proxy.openSessions() == 1 } }
            try await faults.update { $0.stallsReplies = false }.get()
            #expect(try await stays.reply() == bulk("mine"))
            #expect(try await stays.ask("ECHO", "next") == bulk("next"))
        }
        #expect(try await proxy.statistics().connects == 1)
        try await proxy.shutdown()
        try await faults.shutdown().get()
    }

    /// It never reads what it asks for: it is cut, nobody waits for it.
    @Test func aSlowClientIsBoundedAndCut() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.maximumOutput = 4 * 1024 * 1024
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            try await redis.ask("SET", "big", String(repeating: "x", count: 1024 * 1024))
            let other = try await proxy.connect()
            try await other.ask("PING")
            let slow = try await proxy.connect(reads: false)
            slow.send(commands(Array(repeating: ["GET", "big"], count: 60)))
            for index in 0..<50 { #expect(try await other.ask("ECHO", "\(index)") == bulk("\(index)")) }
            try await eventually("it was not cut") { try await proxy.openSessions() == 1 }
            let summary = try #require(proxy.left.withLockedValue { $0.first })
            #expect(summary.reason.map { "\($0)" } == "took no replies")
            #expect(try await other.ask("ECHO", "after") == bulk("after"))
            #expect(try await proxy.statistics().connects == 1)
        }
    }

    /// It reads later: nothing is lost, and no more is asked for meanwhile than it may have pending.
    @Test func aPipelineLongerThanMaximumPendingIsAnsweredInOrder() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect(reads: false)
            let padding = String(repeating: "p", count: 90)
            let count = 100_000
            var bytes = ByteBuffer()
            for index in 0..<count { bytes.writeImmutableBuffer(command("ECHO", "\(index)\(padding)")) }
            client.send(bytes)
            let other = try await proxy.connect()
            for index in 0..<100 { #expect(try await other.ask("ECHO", "\(index)") == bulk("\(index)")) }
            try await client.reading(true)
            var wrong = 0
            for index in 0..<count
            where try await client.bytes(bulk("\(index)\(padding)").utf8.count) != ByteBuffer(string: bulk("\(index)\(padding)")) {
                wrong += 1
            }
            #expect(wrong == 0)
            #expect(try await proxy.count(\.commands) == UInt64(count + 100))
        }
    }

    @Test func noMoreThanMaximumPendingIsAskedFor() async throws {
        let redis = try await OwnRedis.start()
        let faults = try await FaultProxy.start(on: clientGroup, to: redis.address).get()
        var configuration = RedisProxyConfiguration.patient
        configuration.maximumPending = 10
        let proxy = try await TestProxy.start(RedisURL(host: "127.0.0.1", port: faults.port), loops: 1, configuration: configuration)
        try await faults.update { $0.stallsReplies = true }.get()
        let client = try await proxy.connect()
        client.send(commands(Array(repeating: ["INCR", "n"], count: 1000)))
        try await eventually { try await redis.ask("GET", "n") == .bulk("10") }
        let other = try await proxy.connect()
        other.send(["INCR", "m"])
        try await eventually { try await redis.ask("GET", "m") == .bulk("1") }
        #expect(try await redis.ask("GET", "n") == .bulk("10"))
        try await faults.update { $0.stallsReplies = false }.get()
        #expect(try await client.replies(1000) == (1...1000).map { ":\($0)\r\n" })
        try await proxy.shutdown()
        try await faults.shutdown().get()
    }

    @Test(arguments: [
        ("*1\r\n$5000\r\n", "bulk"), ("*2000\r\n", "elements"), ("*1\r\n$x\r\n", "length"), ("*1\r\n:1\r\n", "type"),
        ("*1\r\n$1\r\nabc", "end"),
    ])
    func protocolErrorsComeAfterTheRepliesBefore(_ wire: String, _ what: String) async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.commandLimits = RESPLimits(maximumBulkLength: 1000, maximumElements: 100, maximumFrameLength: 3000)
        try await withProxy(loops: 1, configuration: configuration) { proxy, _ in
            for before in [0, 1, 3] {
                for isSplit in [false, true] {
                    let client = try await proxy.connect()
                    client.send(commands(Array(repeating: ["SET", "a", "\(before)"], count: before)))
                    if isSplit { try await client.sent(ByteBuffer()) }
                    client.send(wire + "*1\r\n$4\r\nPING\r\n")
                    let rest = try await client.rest()
                    #expect(rest.hasPrefix(String(repeating: "+OK\r\n", count: before) + "-ERR Protocol error: "), "\(what)")
                    #expect(rest.hasSuffix("\r\n") && rest.split(separator: "\r\n").count == before + 1)
                }
            }
            let client = try await proxy.connect()
            client.send(commands([["MULTI"], ["SET", "b", "1"], ["EXEC"], ["CLIENT", "SETNAME", "x"]]))
            client.send(wire)
            let rest = try await client.rest()
            #expect(rest.hasPrefix("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+OK\r\n-ERR Protocol error: "))
        }
    }

    @Test func commandsAtTheLimitPass() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.commandLimits = RESPLimits(maximumBulkLength: 1000, maximumElements: 5, maximumFrameLength: 3000)
        try await withProxy(loops: 1, configuration: configuration) { proxy, _ in
            let client = try await proxy.connect()
            let value = String(repeating: "x", count: 1000)
            #expect(try await client.ask("MSET", "a", value, "b", value) == "+OK\r\n")
            #expect(try await client.ask("MGET", "a", "b") == "*2\r\n\(bulk(value))\(bulk(value))")
        }
    }

    /// Whatever is written to a port by mistake.
    @Test func browsersAreDisconnected() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            for text in ["POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
                let client = try await proxy.connect()
                client.send(text)
                _ = try await client.rest()
            }
            try await eventually { try await proxy.openSessions() == 0 }
        }
    }

    @Test func quitAndHalfClosedClientsGetTheirReplies() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let quits = try await proxy.connect()
            quits.send(commands([["ECHO", "1"], ["QUIT"], ["ECHO", "2"]]))
            #expect(try await quits.rest() == bulk("1") + "+OK\r\n")
            let finishes = try await proxy.connect()
            finishes.send(commands([["ECHO", "1"], ["MULTI"], ["ECHO", "2"], ["EXEC"], ["ECHO", "3"]]))
            try await finishes.finish()
            #expect(try await finishes.rest() == bulk("1") + "+OK\r\n+QUEUED\r\n*1\r\n" + bulk("2") + bulk("3"))
            try await eventually { try await proxy.openSessions() == 0 }
            #expect(proxy.left.withLockedValue { $0.map { $0.reason == nil } } == [true, true])
        }
    }

    @Test func repliesThatAreNotWantedAreDropped() async throws {
        try await withProxy(loops: 1) { proxy, _ in
            let client = try await proxy.connect()
            client.send(
                commands([
                    ["ECHO", "1"], ["CLIENT", "REPLY", "SKIP"], ["ECHO", "2"], ["ECHO", "3"], ["CLIENT", "REPLY", "OFF"], ["ECHO", "4"],
                    ["SET", "a", "b"], ["CLIENT", "SETNAME", "x"], ["CLIENT", "REPLY", "ON"], ["GET", "a"], ["CLIENT", "REPLY", "SKIP"],
                    ["CLIENT", "SETNAME", "y"], ["CLIENT", "GETNAME"], ["CLIENT", "REPLY", "SKIP"], ["SELECT", "1"], ["ECHO", "5"],
                    ["CLIENT", "REPLY", "SKIP"], ["SELECT", "99"], ["ECHO", "6"], ["CLIENT", "REPLY", "SKIP"], ["SELECT", "x"],
                    ["ECHO", "7"],
                    ["CLIENT", "REPLY", "SKIP"], ["MULTI"], ["ECHO", "8"], ["EXEC"], ["CLIENT", "REPLY", "x"],
                ]))
            #expect(
                try await client.replies(11) == [
                    bulk("1"), bulk("3"), "+OK\r\n", bulk("b"), bulk("y"), bulk("5"), bulk("6"), bulk("7"), "+QUEUED\r\n",
                    "*1\r\n" + bulk("8"), "-ERR syntax error\r\n",
                ])
        }
    }

    @Test func idleClientsAreDisconnectedAndWaitingOnesAreNot() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.idleTimeout = .milliseconds(200)
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let idle = try await proxy.connect()
            let waits = try await proxy.connect()
            let hears = try await proxy.connect()
            try await idle.ask("PING")
            waits.send(["BLPOP", "list", "0"])
            hears.send(["SUBSCRIBE", "a"])
            _ = try await hears.reply()
            #expect(try await idle.rest() == "")
            #expect(proxy.left.withLockedValue { $0.map { "\($0.reason ?? "")" } } == ["was idle"])
            try await Task.sleep(for: .milliseconds(500))
            try await redis.ask("LPUSH", "list", "x")
            #expect(try await waits.reply() == "*2\r\n\(bulk("list"))\(bulk("x"))")
            try await redis.ask("PUBLISH", "a", "m")
            #expect(try await hears.reply().hasSuffix(bulk("m")))
        }
    }

    @Test func slowCommandsAreTold() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.slowThreshold = .milliseconds(50)
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let client = try await proxy.connect()
            try await client.ask("PING")
            let address = redis.address
            async let pause = OwnRedis.ask(address, "CLIENT", "PAUSE", "200", "ALL")
            try await eventually {
                try await client.ask("GET", "secret")
                return proxy.slow.withLockedValue { !$0.isEmpty }
            }
            _ = try await pause
            let slow = try #require(proxy.slow.withLockedValue { $0.first })
            #expect(slow.name == "GET" && slow.duration >= .milliseconds(50))
        }
    }
}
