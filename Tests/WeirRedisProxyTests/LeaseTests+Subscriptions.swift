import Foundation
import NIOConcurrencyHelpers
import NIOCore
import RedisProcess
import Testing
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// Connections of clients that have subscriptions.
extension LeaseTests {
    @Test(arguments: [2, 3])
    func subscriptionsHoldAConnectionUntilTheyEnd(version: Int) async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (client, other) = (try await proxy.connect(), try await proxy.connect())
            try await other.ask("PING")
            _ = try await client.ask("HELLO", "\(version)")
            let begin = version == 3 ? ">" : "*"
            for round in 0..<3 {
                client.send(commands([["SUBSCRIBE", "a", "b"], ["PSUBSCRIBE", "p*"]]))
                #expect(
                    try await client.replies(3) == [
                        "\(begin)3\r\n\(bulk("subscribe"))\(bulk("a")):1\r\n", "\(begin)3\r\n\(bulk("subscribe"))\(bulk("b")):2\r\n",
                        "\(begin)3\r\n\(bulk("psubscribe"))\(bulk("p*")):3\r\n",
                    ])
                #expect(try await other.ask("PUBLISH", "a", "\(round)") == ":1\r\n")
                #expect(try await other.ask("PUBLISH", "pq", "\(round)") == ":1\r\n")
                #expect(try await client.reply() == "\(begin)3\r\n\(bulk("message"))\(bulk("a"))\(bulk("\(round)"))")
                #expect(try await client.reply() == "\(begin)4\r\n\(bulk("pmessage"))\(bulk("p*"))\(bulk("pq"))\(bulk("\(round)"))")
                if version == 3 {
                    #expect(try await client.ask("ECHO", "between") == bulk("between"))
                } else {
                    #expect(try await client.ask("GET", "x").hasPrefix("-ERR Can't execute 'get'"))
                    #expect(try await client.ask("PING") == "*2\r\n\(bulk("pong"))\(bulk(""))")
                }
                client.send(commands([["UNSUBSCRIBE"], ["PUNSUBSCRIBE"], ["ECHO", "free"]]))
                _ = try await client.replies(3)
                #expect(try await client.reply() == bulk("free"))
                try await self.becomesIdle(proxy, redis, shared: version - 1)
                #expect(try await other.ask("PUBLISH", "a", "x") == ":0\r\n")
            }
            #expect(try await client.ask("UNSUBSCRIBE", "never") == "\(begin)3\r\n\(bulk("unsubscribe"))\(bulk("never")):0\r\n")
            #expect(try await client.ask("SUBSCRIBE").hasPrefix("-ERR wrong number of arguments"))
            try await self.becomesIdle(proxy, redis, shared: version - 1)
        }
    }

    @Test func subscribersVanish() async throws {
        try await withProxy { proxy, redis in
            for index in 0..<12 {
                let client = try await proxy.connect()
                client.send(["SUBSCRIBE", "a"])
                _ = try await client.reply()
                switch index % 4 {
                case 0: await client.reset()
                case 1: await client.close()
                case 2: try await client.finish()
                default: #expect(try await client.ask("RESET") == "+RESET\r\n")
                }
            }
            try await self.becomesIdle(proxy, redis)
            #expect(try await redis.ask("PUBLISH", "a", "x") == .integer(0))
        }
    }

    /// In RESP3 a subscriber may do everything else, too.
    @Test func subscribersMayUseTransactions() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (client, other) = (try await proxy.connect(), try await proxy.connect())
            _ = try await client.ask("HELLO", "3")
            try await client.ask("CLIENT", "SETNAME", "me")
            for _ in 0..<3 {
                client.send(
                    commands([["SUBSCRIBE", "a"], ["WATCH", "k"], ["EXEC"], ["MULTI"], ["GET", "k"], ["EXEC"], ["UNSUBSCRIBE", "a"]]))
                let replies = try await client.replies(7)
                #expect(replies[1...5] == ["+OK\r\n", "-ERR EXEC without MULTI\r\n", "+OK\r\n", "+QUEUED\r\n", "*1\r\n_\r\n"])
                client.send(
                    commands([["SUBSCRIBE", "a"], ["MULTI"], ["DEBUG", "x"], ["EXEC"], ["ECHO", "1"], ["UNSUBSCRIBE"], ["ECHO", "2"]]))
                let refused = try await client.replies(7)
                #expect(refused[1] == "+OK\r\n" && refused[2].hasPrefix("-ERR the proxy refuses"))
                #expect(refused[3] == "-EXECABORT Transaction discarded because of previous errors.\r\n")
                #expect(refused[4] == bulk("1") && refused[6] == bulk("2"))
                // A watch without an end must not be the next one's.
                client.send(commands([["SUBSCRIBE", "a"], ["WATCH", "k"], ["EXEC"], ["UNSUBSCRIBE", "a"], ["UNWATCH"]]))
                _ = try await client.replies(5)
            }
            try await self.becomesIdle(proxy, redis)
            try await other.ask("SET", "k", "changed")
            #expect(try await ServerClients.of(redis.address).areClean)
        }
    }

    /// A message comes before the answer to a SELECT that fails.
    @Test func aMessageDoesNotGrantAMove() async throws {
        let push = ">3\r\n\(bulk("message"))\(bulk("a"))\(bulk("x"))"
        let hello = "%1\r\n+proto\r\n:3\r\n"
        let server = try await ScriptedServer.start(on: clientGroup) { connection in
            // The first is shared, the second leased.
            if connection == 1 {
                return [.awaitString("HELLO"), .send(hello), .awaitString("HELLO"), .send(hello), .hold]
            }
            return [
                .awaitString("HELLO"), .send(hello), .awaitString("SUBSCRIBE"), .send(">3\r\n\(bulk("subscribe"))\(bulk("a")):1\r\n"),
                .awaitString("SELECT"), .send(push), .send("-ERR DB index is out of range\r\n"), .hold,
            ]
        }.get()
        let proxy = try await TestProxy.start(RedisURL(host: "127.0.0.1", port: server.port), loops: 1)
        let client = try await proxy.connect()
        #expect(try await client.ask("HELLO", "3") == hello)
        _ = try await client.ask("SUBSCRIBE", "a")
        client.send(["SELECT", "9"])
        #expect(try await client.replies(2) == [push, "-ERR DB index is out of range\r\n"])
        let databases = try await proxy.onEachLoop { _, sessions in
            sessions.open.values.compactMap { ($0 as? RedisProxyHandler)?.identity.database }
        }
        #expect(databases == [[0]])
        try await proxy.shutdown()
        try await server.shutdown().get()
    }
}
