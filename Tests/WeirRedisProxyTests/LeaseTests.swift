import Foundation
import NIOConcurrencyHelpers
import NIOCore
import RedisProcess
import Testing
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// Connections of a client's own: what gives it one, and that it comes back as it was.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct LeaseTests {
    /// Only what is shared is in use, and nothing is left on any connection.
    func becomesIdle(_ proxy: TestProxy, _ redis: OwnRedis, shared: Int = 1, _ sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        try await eventually("not idle", sourceLocation: sourceLocation) {
            guard try await proxy.statistics().active <= shared * proxy.loops else { return false }
            return try await ServerClients.of(redis.address).areClean
        }
    }

    // MARK: Transactions

    @Test func aTransactionIsOnesOwn() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (first, second) = (try await proxy.connect(), try await proxy.connect())
            first.send(commands([["MULTI"], ["INCR", "n"]]))
            #expect(try await first.replies(2) == ["+OK\r\n", "+QUEUED\r\n"])
            second.send(commands([["INCR", "n"], ["MULTI"], ["GET", "n"]]))
            #expect(try await second.replies(3) == [":1\r\n", "+OK\r\n", "+QUEUED\r\n"])
            #expect(try await first.ask("EXEC") == "*1\r\n:2\r\n")
            #expect(try await second.ask("EXEC") == "*1\r\n\(bulk("2"))")
            #expect(try await first.ask("EXEC") == "-ERR EXEC without MULTI\r\n")
            #expect(try await first.ask("DISCARD") == "-ERR DISCARD without MULTI\r\n")
            #expect(try await first.ask("UNWATCH") == "+OK\r\n")
            try await self.becomesIdle(proxy, redis)
            #expect(try await proxy.statistics().connects == 3)
        }
    }

    @Test func connectionsOfTransactionsAreUsedAgain() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let client = try await proxy.connect()
            for round in 0..<200 {
                client.send(commands([["WATCH", "n"], ["MULTI"], ["INCR", "n"], ["EXEC"], ["GET", "n"]]))
                #expect(
                    try await client.replies(5) == ["+OK\r\n", "+OK\r\n", "+QUEUED\r\n", "*1\r\n:\(round + 1)\r\n", bulk("\(round + 1)")])
            }
            #expect(try await proxy.statistics().connects == 2)
            try await self.becomesIdle(proxy, redis)
        }
    }

    /// Each lease leaves the connection as it was: its end must not go through all of them.
    @Test func aConnectionLeasedOftenEndsWell() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let client = try await proxy.connect()
            let count = 40_000
            var bytes = ByteBuffer()
            for _ in 0..<1000 { bytes.writeImmutableBuffer(commands([["WATCH", "n"], ["UNWATCH"]])) }
            for _ in 0..<(count / 1000) {
                client.send(bytes)
                _ = try await client.bytes(10 * 1000)
            }
            let statistics = try await proxy.statistics()
            #expect(statistics.connects == 1)
            #expect(try await proxy.statistics().leases >= UInt64(count))
            try await redis.ask("CLIENT", "KILL", "TYPE", "normal")
            try await eventually { try await client.ask("ECHO", "alive") == bulk("alive") }
        }
    }

    @Test func aChangeOfAWatchedKeyEndsTheTransaction() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (first, second) = (try await proxy.connect(), try await proxy.connect())
            try await first.ask("WATCH", "k")
            try await second.ask("SET", "k", "changed")
            first.send(commands([["MULTI"], ["SET", "k", "mine"], ["EXEC"], ["GET", "k"]]))
            #expect(try await first.replies(4) == ["+OK\r\n", "+QUEUED\r\n", "*-1\r\n", bulk("changed")])
            // EXEC and DISCARD that are errors end no watch.
            for word in ["EXEC", "DISCARD"] {
                try await first.ask("WATCH", "k")
                #expect(try await first.ask(word) == "-ERR \(word) without MULTI\r\n")
                try await second.ask("SET", "k", "again")
                first.send(commands([["MULTI"], ["SET", "k", "mine"], ["EXEC"]]))
                #expect(try await first.replies(3) == ["+OK\r\n", "+QUEUED\r\n", "*-1\r\n"])
            }
            // UNWATCH, DISCARD and EXEC end it.
            try await first.ask("WATCH", "k")
            try await second.ask("SET", "k", "x")
            try await first.ask("UNWATCH")
            first.send(commands([["MULTI"], ["GET", "k"], ["EXEC"]]))
            #expect(try await first.replies(3) == ["+OK\r\n", "+QUEUED\r\n", "*1\r\n\(bulk("x"))"])
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func refusedCommandsSpoilTheTransaction() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let client = try await proxy.connect()
            for refused in [
                ["DEBUG", "SLEEP", "0"], ["SUBSCRIBE", "a"], ["MONITOR"], ["CLIENT", "KILL", "TYPE", "normal"], ["CLIENT", "REPLY", "OFF"],
            ] {
                for end in ["EXEC", "DISCARD"] {
                    for isPipelined in [true, false] {
                        let sent = [["MULTI"], ["SET", "a", "1"], refused, ["SET", "b", "1"], [end], ["MGET", "a", "b"]]
                        var replies: [String] = []
                        if isPipelined {
                            client.send(commands(sent))
                            replies = try await client.replies(sent.count)
                        } else {
                            for words in sent {
                                client.send(words)
                                replies.append(try await client.reply())
                            }
                        }
                        #expect(replies[0...1] == ["+OK\r\n", "+QUEUED\r\n"])
                        #expect(replies[2].hasPrefix("-ERR the proxy refuses '\(refused[0])"))
                        #expect(replies[3] == "+QUEUED\r\n")
                        #expect(
                            replies[4] == (end == "EXEC" ? "-EXECABORT Transaction discarded because of previous errors.\r\n" : "+OK\r\n"))
                        #expect(replies[5] == "*2\r\n$-1\r\n$-1\r\n")
                    }
                }
            }
            try await self.becomesIdle(proxy, redis)
            client.send(commands([["MULTI"], ["SET", "a", "1"], ["EXEC"]]))
            #expect(try await client.replies(3) == ["+OK\r\n", "+QUEUED\r\n", "*1\r\n+OK\r\n"])
        }
    }

    @Test func selectInATransactionStaysWithTheClient() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (client, other) = (try await proxy.connect(), try await proxy.connect())
            client.send(
                commands([["MULTI"], ["SELECT", "3"], ["SET", "a", "3"], ["EXEC"], ["GET", "a"], ["SELECT", "0"], ["GET", "a"]]))
            #expect(
                try await client.replies(7) == [
                    "+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n+OK\r\n+OK\r\n", bulk("3"), "+OK\r\n", "$-1\r\n",
                ])
            for _ in 0..<5 {
                other.send(commands([["MULTI"], ["GET", "a"], ["EXEC"], ["GET", "a"]]))
                #expect(try await other.replies(4) == ["+OK\r\n", "+QUEUED\r\n", "*1\r\n$-1\r\n", "$-1\r\n"])
            }
            await client.close()
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func quitAndVanishingInATransactionUndoIt() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let quits = try await proxy.connect()
            quits.send(commands([["WATCH", "a"], ["MULTI"], ["SET", "a", "1"], ["QUIT"]]))
            #expect(try await quits.rest() == "+OK\r\n+OK\r\n+QUEUED\r\n+OK\r\n")
            for isReset in [true, false] {
                let goes = try await proxy.connect()
                goes.send(commands([["WATCH", "a"], ["MULTI"], ["SET", "a", "1"]]))
                _ = try await goes.replies(3)
                if isReset { await goes.reset() } else { await goes.close() }
            }
            try await eventually { try await proxy.openSessions() == 0 }
            try await self.becomesIdle(proxy, redis)
            #expect(try await redis.ask("EXISTS", "a") == .integer(0))
        }
    }

    /// The reply that made it slow is the last one: its connection must be read from again by the next.
    @Test func aSlowClientsConnectionIsReadFromAgain() async throws {
        try await withProxy(loops: 1, connections: 2) { proxy, redis in
            try await redis.ask("SET", "some", String(repeating: "x", count: 3000))
            for round in 0..<4 {
                let slow = try await proxy.connect(reads: false)
                var bytes = ByteBuffer()
                for _ in 0..<(3000 + round) { bytes.writeImmutableBuffer(commands([["MULTI"], ["GET", "some"], ["EXEC"]])) }
                slow.send(bytes)
                let count = try await proxy.count(\.commands)
                try await eventually { try await proxy.count(\.commands) > count + 1000 }
                // Until nothing moves any more.
                var last: UInt64 = 0
                try await eventually {
                    let now = try await proxy.count(\.commands)
                    defer { last = now }
                    try await Task.sleep(for: .milliseconds(50))
                    return now == last
                }
                await slow.reset()
                try await eventually { try await proxy.openSessions() == 0 }
                let next = try await proxy.connect()
                next.send(commands([["MULTI"], ["ECHO", "\(round)"], ["EXEC"]]))
                #expect(try await next.replies(3) == ["+OK\r\n", "+QUEUED\r\n", "*1\r\n\(bulk("\(round)"))"])
                await next.close()
            }
        }
    }

    /// As above, with whoever comes next while the slow one is still there.
    @Test func aSlowClientsConnectionServesTheNext() async throws {
        try await withProxy(loops: 1, connections: 3) { proxy, redis in
            try await redis.ask("SET", "some", String(repeating: "x", count: 60_000))
            let slow = try await proxy.connect(reads: false)
            // One at a time, so that the connection goes back after each.
            for _ in 0..<400 {
                slow.send(commands([["WATCH", "n"], ["UNWATCH"], ["MULTI"], ["GET", "some"], ["EXEC"]]))
            }
            let other = try await proxy.connect()
            for index in 0..<50 {
                other.send(["BLPOP", "nothing", "0.001"])
                other.send(["ECHO", "\(index)"])
                #expect(try await other.replies(2) == ["*-1\r\n", bulk("\(index)")])
            }
            await slow.close()
        }
    }

    // MARK: Blocking commands

    @Test func whoBlocksHoldsBackNobody() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            try await redis.ask("XADD", "stream", "1-1", "f", "v")
            try await redis.ask("XGROUP", "CREATE", "stream", "group", "$")
            try await redis.ask("XGROUP", "CREATE", "stream", "streams", "$")
            let blocking = [
                ["BLPOP", "a", "0"], ["BRPOP", "a", "0"], ["BRPOPLPUSH", "a", "b", "0"], ["BLMOVE", "a", "b", "LEFT", "LEFT", "0"],
                ["BLMPOP", "0", "1", "a", "LEFT"], ["BZPOPMIN", "z", "0"], ["BZPOPMAX", "z", "0"], ["BZMPOP", "0", "1", "z", "MIN"],
                ["XREAD", "BLOCK", "0", "STREAMS", "stream", "$"], ["xread", "count", "1", "block", "0", "streams", "stream", "$"],
                ["XREADGROUP", "GROUP", "group", "me", "COUNT", "1", "NOACK", "BLOCK", "0", "STREAMS", "stream", ">"],
                ["XREADGROUP", "GROUP", "streams", "me", "BLOCK", "0", "STREAMS", "stream", ">"],
                // Redis takes options more than once.
                ["XREAD", "COUNT", "1", "COUNT", "1", "COUNT", "1", "COUNT", "1", "BLOCK", "0", "STREAMS", "stream", "$"],
            ]
            var clients: [TestClient] = []
            for words in blocking {
                let client = try await proxy.connect()
                client.send(words)
                clients.append(client)
            }
            let other = try await proxy.connect()
            try await eventually { try await ServerClients.of(redis.address).flags.filter { $0.contains("b") }.count == blocking.count }
            for index in 0..<100 { #expect(try await other.ask("ECHO", "\(index)") == bulk("\(index)")) }
            // However they vanish, also with commands behind the one that blocks.
            for (index, client) in clients.enumerated() {
                if index % 2 == 0 { try await client.sent(commands([["PING"], ["PING"]])) }
                switch index % 3 {
                case 0: await client.reset()
                case 1: await client.close()
                default: try await client.finish()
                }
            }
            try await eventually("a session stays") { try await proxy.openSessions() == 1 }
            try await self.becomesIdle(proxy, redis)
            // Nobody is there to take it.
            try await redis.ask("LPUSH", "a", "x")
            #expect(try await redis.ask("LLEN", "a") == .integer(1))
        }
    }

    @Test func blockedClientsGetTheirOwn() async throws {
        try await withProxy { proxy, redis in
            var clients: [TestClient] = []
            for index in 0..<20 {
                let client = try await proxy.connect()
                client.send(commands([["ECHO", "\(index)"], ["BLPOP", "list\(index)", "0"], ["ECHO", "after \(index)"]]))
                clients.append(client)
            }
            try await eventually { try await ServerClients.of(redis.address).flags.filter { $0.contains("b") }.count == 20 }
            for index in (0..<20).reversed() { try await redis.ask("RPUSH", "list\(index)", "\(index)") }
            for (index, client) in clients.enumerated() {
                #expect(
                    try await client.replies(3) == [
                        bulk("\(index)"), "*2\r\n\(bulk("list\(index)"))\(bulk("\(index)"))", bulk("after \(index)"),
                    ])
            }
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func halfClosedClientsGetWhatCameAfterABlock() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let client = try await proxy.connect()
            try await client.ask("CLIENT", "ID")
            #expect(try await client.ask("BLPOP", "a", "0.01") == "*-1\r\n")
            try await redis.ask("CLIENT", "PAUSE", "200", "ALL")
            client.send(["GET", "a"])
            try await client.finish()
            #expect(try await client.rest() == "$-1\r\n")
        }
    }

    @Test func waitKnowsWhatTheClientWrote() async throws {
        try await withProxy(loops: 1, redis: ["--repl-diskless-sync-delay", "0"]) { proxy, redis in
            let client = try await proxy.connect()
            #expect(try await client.ask("WAIT", "0", "10") == ":0\r\n")
            let replica = try await OwnRedis.start("--replicaof", "127.0.0.1", "\(redis.port)")
            try await eventually { try await client.ask("WAIT", "1", "100") == ":1\r\n" }
            for index in 0..<10 {
                client.send(commands([["SET", "a", "\(index)"], ["WAIT", "1", "10000"]]))
                #expect(try await client.replies(2) == ["+OK\r\n", ":1\r\n"])
                #expect(try await replica.ask("GET", "a") == .bulk("\(index)"))
            }
            replica.signal(SIGSTOP)
            client.send(commands([["SET", "a", "x"], ["WAIT", "1", "100"]]))
            #expect(try await client.replies(2) == ["+OK\r\n", ":0\r\n"])
            replica.signal(SIGKILL)
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func withoutAConnectionToLeaseThereIsAnErrorAndLaterNone() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.connectionTimeout = .milliseconds(300)
        try await withProxy(loops: 1, configuration: configuration, connections: 3) { proxy, redis in
            let blocked = [try await proxy.connect(), try await proxy.connect()]
            let client = try await proxy.connect()
            try await client.ask("PING")
            for other in blocked { other.send(["BLPOP", "a", "0"]) }
            try await eventually { try await proxy.statistics().active == 3 }
            client.send(commands([["ECHO", "1"], ["BLPOP", "b", "0"], ["ECHO", "2"], ["SUBSCRIBE", "y"], ["CLIENT", "ID"]]))
            let none = "-ERR the proxy has no connection to the server\r\n"
            #expect(try await client.replies(5) == [bulk("1"), none, bulk("2"), none, none])
            // What was to be done as one is not done one by one.
            for word in ["MULTI", "WATCH"] {
                let transaction = try await proxy.connect()
                transaction.send(commands([[word] + (word == "WATCH" ? ["x"] : []), ["SET", "x", "1"], ["EXEC"]]))
                #expect(try await transaction.rest() == none)
            }
            #expect(try await client.ask("EXISTS", "x") == ":0\r\n")
            await blocked[0].close()
            try await eventually { try await proxy.statistics().active == 2 }
            #expect(try await client.ask("BLPOP", "b", "0.01") == "*-1\r\n")
            try await redis.ask("LPUSH", "a", "x")
            #expect(try await blocked[1].reply() == "*2\r\n\(bulk("a"))\(bulk("x"))")
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func whoWaitsForALeaseMayVanish() async throws {
        try await withProxy(loops: 1, connections: 2) { proxy, redis in
            let blocked = try await proxy.connect()
            blocked.send(["BLPOP", "a", "0"])
            try await eventually { try await proxy.statistics().active == 1 }
            var waiting: [TestClient] = []
            for index in 0..<10 {
                let client = try await proxy.connect()
                client.send(commands([["MULTI"], ["SET", "ghost", "\(index)"], ["EXEC"]]))
                waiting.append(client)
            }
            let hold = try await proxy.connect()
            for client in waiting { await client.reset() }
            try await eventually { try await proxy.openSessions() == 2 }
            try await redis.ask("LPUSH", "a", "x")
            _ = try await blocked.reply()
            hold.send(commands([["MULTI"], ["ECHO", "x"], ["EXEC"]]))
            #expect(try await hold.replies(3) == ["+OK\r\n", "+QUEUED\r\n", "*1\r\n\(bulk("x"))"])
            try await self.becomesIdle(proxy, redis)
        }
    }

    // MARK: For good

    @Test func monitorShowsEverythingUntilItEnds() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            for end in [["QUIT"], ["RESET"], ["SELECT", "1"], ["CLIENT", "SETNAME", "x"]] {
                let client = try await proxy.connect()
                try await client.ask("CLIENT", "SETNAME", "watcher")
                #expect(try await client.ask("MONITOR") == "+OK\r\n")
                try await redis.ask("SET", "shown", "1")
                var line = ""
                while !line.contains("shown") {
                    line = try await client.reply()
                    #expect(line.hasPrefix("+") && line != "+OK\r\n", "\(line)")
                }
                client.send(end)
                switch end[0] {
                case "QUIT":
                    #expect(try await client.rest().hasSuffix("+OK\r\n"))
                case "RESET":
                    while line != "+RESET\r\n" { line = try await client.reply() }
                    #expect(try await client.ask("ECHO", "x") == bulk("x"))
                    await client.close()
                default:
                    // It must not wait for ever; whether it is disconnected is the proxy's choice.
                    client.send(["QUIT"])
                    _ = try await client.rest()
                }
            }
            try await eventually { try await proxy.openSessions() == 0 }
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func invalidationsReachWhoAskedForThem() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (tracks, other) = (try await proxy.connect(), try await proxy.connect())
            _ = try await tracks.ask("HELLO", "3")
            _ = try await other.ask("HELLO", "3")
            #expect(try await tracks.ask("CLIENT", "TRACKING", "ON") == "+OK\r\n")
            try await tracks.ask("GET", "k")
            try await other.ask("GET", "k")
            try await other.ask("SET", "k", "1")
            #expect(try await tracks.reply() == ">2\r\n\(bulk("invalidate"))*1\r\n\(bulk("k"))")
            #expect(try await tracks.ask("GET", "k") == bulk("1"))
            #expect(try await other.ask("ECHO", "x") == bulk("x"))
            #expect(try await other.unread() == 0)
            // Pushes between replies.
            for index in 0..<100 {
                tracks.send(commands((0..<10).map { _ in ["GET", "k"] }))
                try await other.ask("SET", "k", "\(index)")
                var (replies, frames) = (0, 0)
                while replies < 10 {
                    let frame = try await tracks.frame()
                    frames += 1
                    if frame.kind != .push { replies += 1 }
                }
            }
            await tracks.close()
            try await self.becomesIdle(proxy, redis)
            #expect(try await redis.ask("INFO", "clients").bytes.map { String(buffer: $0).contains("tracking_clients:0") } == true)
        }
    }

    @Test func whoAsksForANumberKeepsIt() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (first, second) = (try await proxy.connect(), try await proxy.connect())
            try await first.ask("CLIENT", "SETNAME", "me")
            let id = try await first.ask("CLIENT", "ID")
            #expect(try await first.ask("CLIENT", "ID") == id)
            #expect(try await second.ask("CLIENT", "ID") != id)
            #expect(try await first.ask("CLIENT", "INFO").contains(" name=me "))
            try await first.ask("GET", "x")
            #expect(try await first.ask("CLIENT", "ID") == id)
            // UNBLOCK reaches it.
            first.send(["BLPOP", "a", "0"])
            try await eventually { try await ServerClients.of(redis.address).flags.contains { $0.contains("b") } }
            let number = String(id.dropFirst().dropLast(1))
            #expect(try await second.ask("CLIENT", "UNBLOCK", number) == ":1\r\n")
            #expect(try await first.reply() == "*-1\r\n")
            await first.close()
            await second.close()
            try await self.becomesIdle(proxy, redis)
        }
    }

    // MARK: Draining

    @Test func drainingEndsEachWhenItHasNothingUnderWay() async throws {
        try await withProxy(loops: 1, connections: 32) { proxy, redis in
            var clients: [String: TestClient] = [:]
            for name in ["idle", "partial", "blocked", "multi", "watch", "subscribed", "monitor", "kept", "answering"] {
                clients[name] = try await proxy.connect()
            }
            try await clients["idle"]!.ask("PING")
            clients["partial"]!.send("*1\r\n$4\r\nPI")
            clients["blocked"]!.send(["BLPOP", "list", "0"])
            try await clients["multi"]!.ask("MULTI")
            try await clients["multi"]!.ask("SET", "a", "1")
            try await clients["watch"]!.ask("WATCH", "a")
            _ = try await clients["subscribed"]!.ask("SUBSCRIBE", "a")
            try await clients["kept"]!.ask("CLIENT", "ID")
            try await eventually { try await ServerClients.of(redis.address).flags.contains { $0.contains("b") } }
            try await redis.ask("CLIENT", "PAUSE", "300", "ALL")
            clients["answering"]!.send(commands([["SET", "b", "2"], ["GET", "b"]]))
            try await eventually { try await proxy.count(\.commands) >= 9 }
            clients["monitor"]!.send(["MONITOR"])
            try await eventually { try await proxy.count(\.commands) >= 10 }
            try await proxy.drain()
            for name in ["idle", "partial", "subscribed", "kept"] { #expect(try await clients[name]!.rest() == "", "\(name)") }
            #expect(try await clients["answering"]!.rest() == "+OK\r\n" + bulk("2"))
            _ = try await clients["monitor"]!.rest()
            // A client sees its end a moment before the proxy has counted it.
            try await eventually { try await proxy.openSessions() == 3 }
            #expect(try await proxy.openSessions() == 3)
            #expect(try await clients["multi"]!.ask("GET", "a") == "+QUEUED\r\n")
            clients["multi"]!.send(["EXEC"])
            #expect(try await clients["multi"]!.rest() == "*2\r\n+OK\r\n\(bulk("1"))")
            #expect(try await clients["watch"]!.ask("GET", "a") == bulk("1"))
            clients["watch"]!.send(["UNWATCH"])
            #expect(try await clients["watch"]!.rest() == "+OK\r\n")
            try await redis.ask("LPUSH", "list", "x")
            #expect(try await clients["blocked"]!.rest() == "*2\r\n\(bulk("list"))\(bulk("x"))")
            try await eventually { try await proxy.openSessions() == 0 }
            try await self.becomesIdle(proxy, redis)
        }
    }

    @Test func closingNowEndsEverything() async throws {
        try await withProxy { proxy, redis in
            for words in [
                ["PING"], ["BLPOP", "a", "0"], ["MULTI"], ["WATCH", "a"], ["SUBSCRIBE", "a"], ["MONITOR"], ["CLIENT", "ID"],
                ["SELECT", "3"],
            ] {
                try await proxy.connect().send(words)
            }
            try await eventually { try await proxy.count(\.commands) == 8 }
            try await proxy.closeNow()
            try await eventually { try await proxy.openSessions() == 0 }
            try await self.becomesIdle(proxy, redis)
            try await proxy.proxy.shutdown().get()
            try await eventually { try await ServerClients.of(redis.address).lines.isEmpty }
        }
    }
}
