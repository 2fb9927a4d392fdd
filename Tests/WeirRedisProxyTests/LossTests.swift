import Foundation
import NIOConcurrencyHelpers
import NIOCore
import RedisProcess
import Testing
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// What becomes of clients whose shared connection is lost or lies.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct LossTests {
    private static let unreachable = "-ERR the proxy has no connection to the server\r\n"

    @Test func withNothingInFlightNobodyNotices() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let client = try await proxy.connect()
            for round in 1...5 {
                #expect(try await client.ask("ECHO", "\(round)") == bulk("\(round)"))
                #expect(try await redis.ask("CLIENT", "KILL", "TYPE", "normal") == .integer(1))
                try await eventually { try await proxy.statistics().active == 0 }
            }
            #expect(try await proxy.openSessions() == 1)
            #expect(try await proxy.count(\.upstreamLosses) == 0)
        }
    }

    @Test func withCommandsInFlightTheirClientsAreDisconnected() async throws {
        let redis = try await OwnRedis.start()
        let faults = try await FaultProxy.start(on: clientGroup, to: redis.address).get()
        let proxy = try await TestProxy.start(RedisURL(host: "127.0.0.1", port: faults.port), loops: 1)
        let idle = try await proxy.connect()
        try await idle.ask("PING")
        try await faults.update { $0.stallsReplies = true }.get()
        let waits = [try await proxy.connect(), try await proxy.connect()]
        for client in waits {
            // In two reads of the proxy, so that there is more than one to be told of.
            client.send(["INCR", "n"])
        }
        try await eventually { try await redis.ask("GET", "n") == .bulk("2") }
        waits[0].send(["INCR", "n"])
        try await eventually { try await redis.ask("GET", "n") == .bulk("3") }
        try await faults.update { faults in
            faults.stallsReplies = false
            faults.cutAfterReplyBytes = 0
        }.get()
        for client in waits { #expect(try await client.rest() == "") }
        try await faults.update { $0 = FaultProxy.Faults() }.get()
        #expect(try await idle.ask("ECHO", "still here") == bulk("still here"))
        #expect(try await proxy.count(\.upstreamLosses) == 2)
        #expect(
            proxy.left.withLockedValue { $0.map { "\($0.reason ?? "")" } } == Array(repeating: "the server's connection was lost", count: 2)
        )
        try await proxy.shutdown()
        try await faults.shutdown().get()
    }

    @Test func whatWasNeverSentIsServedByTheNextConnection() async throws {
        try await withProxy(loops: 1) { proxy, redis in
            let (stays, goes) = (try await proxy.connect(), try await proxy.connect())
            try await stays.ask("PING")
            await redis.crash()
            try await eventually { try await proxy.statistics().active == 0 }
            goes.send(["SET", "ghost", "1"])
            stays.send(commands([["SET", "a", "1"], ["GET", "a"]]))
            try await eventually { try await proxy.count(\.commands) == 4 }
            await goes.reset()
            try await eventually { try await proxy.openSessions() == 1 }
            try await redis.restart()
            #expect(try await stays.replies(2) == ["+OK\r\n", bulk("1")])
            #expect(try await stays.ask("GET", "ghost") == "$-1\r\n")
        }
    }

    @Test func whatNoConnectionIsFoundForIsAnError() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.connectionTimeout = .milliseconds(300)
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let client = try await proxy.connect()
            try await client.ask("PING")
            await redis.crash()
            client.send(commands([["GET", "a"], ["CLIENT", "SETNAME", "x"], ["SELECT", "1"], ["GET", "b"], ["BLPOP", "c", "0"]]))
            let none = Self.unreachable
            #expect(try await client.replies(5) == [none, "+OK\r\n", none, none, none])
            try await redis.restart()
            try await eventually { try await client.ask("ECHO", "again") == bulk("again") }
            #expect(try await client.ask("CLIENT", "GETNAME") == bulk("x"))
            #expect(try await client.ask("GET", "a") == "$-1\r\n")
        }
    }

    /// Who filled the room has left before there was a connection.
    @Test func roomThatTheGoneLeaveIsTold() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.maximumUnsent = 10_000
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let (goes, waits) = (try await proxy.connect(), try await proxy.connect())
            try await waits.ask("PING")
            await redis.crash()
            try await eventually { try await proxy.statistics().active == 0 }
            goes.send(["SET", "a", String(repeating: "x", count: 20_000)])
            try await eventually { try await proxy.count(\.commands) == 2 }
            let received = try await proxy.count(\.bytesReceived)
            waits.send(["ECHO", "room"])
            try await eventually { try await proxy.count(\.bytesReceived) > received }
            await goes.reset()
            try await eventually { try await proxy.openSessions() == 1 }
            try await redis.restart()
            #expect(try await waits.reply() == bulk("room"))
        }
    }

    /// More than may wait is not read from clients, and is not lost.
    @Test func clientsAreHeldBackWhileThereIsNoConnection() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.maximumUnsent = 50_000
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let clients = [try await proxy.connect(), try await proxy.connect(), try await proxy.connect()]
            try await clients[0].ask("PING")
            await redis.crash()
            try await eventually { try await proxy.statistics().active == 0 }
            let padding = String(repeating: "x", count: 1000)
            for (number, client) in clients.enumerated() {
                client.send(commands((0..<500).map { ["ECHO", "\(number) \($0) \(padding)"] }))
            }
            try await eventually { try await proxy.count(\.bytesReceived) > 50_000 }
            try await redis.restart()
            for (number, client) in clients.enumerated() {
                #expect(try await client.replies(500) == (0..<500).map { bulk("\(number) \($0) \(padding)") })
            }
        }
    }

    @Test func aSilentServerIsGivenUp() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.stallTimeout = .milliseconds(200)
        configuration.connection.keepAlive = .milliseconds(100)
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let (waits, idle) = (try await proxy.connect(), try await proxy.connect())
            try await waits.ask("PING")
            redis.signal(SIGSTOP)
            waits.send(["GET", "a"])
            #expect(try await waits.rest() == "")
            redis.signal(SIGCONT)
            #expect(try await idle.ask("ECHO", "x") == bulk("x"))
        }
    }

    /// Nobody waits: the proxy's own question finds it out.
    @Test func aSilentServerIsFoundOutByPing() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.stallTimeout = .milliseconds(200)
        configuration.connection.keepAlive = .milliseconds(100)
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let client = try await proxy.connect()
            try await client.ask("PING")
            redis.signal(SIGSTOP)
            try await eventually { try await proxy.statistics().active == 0 }
            redis.signal(SIGCONT)
            #expect(try await client.ask("ECHO", "x") == bulk("x"))
        }
    }

    @Test func withoutKeepAliveASilentServerIsGivenUpToo() async throws {
        var configuration = RedisProxyConfiguration.patient
        configuration.stallTimeout = .milliseconds(200)
        configuration.connection.keepAlive = nil
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            let client = try await proxy.connect()
            try await client.ask("PING")
            redis.signal(SIGSTOP)
            client.send(["GET", "a"])
            #expect(try await client.rest() == "")
            redis.signal(SIGCONT)
        }
    }

    // MARK: Servers that misbehave

    private func withScript(
        _ script: @escaping @Sendable (Int) -> [ScriptedServer.Step], _ body: (TestProxy, ScriptedServer) async throws -> Void
    ) async throws {
        let server = try await ScriptedServer.start(on: clientGroup, script: script).get()
        let proxy = try await TestProxy.start(RedisURL(host: "127.0.0.1", port: server.port), loops: 1)
        do {
            try await body(proxy, server)
        } catch {
            try await proxy.shutdown()
            throw error
        }
        try await proxy.shutdown()
        try await server.shutdown().get()
    }

    private static let serves: [ScriptedServer.Step] = [.awaitString("PING\r\n"), .send("+PONG\r\n"), .again]

    @Test(arguments: ["\0garbage\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "$-7\r\n", "*1\r\n^1\r\n", "$3\r\nabcde\r\n", "?\r\n"])
    func garbageDisconnectsThoseWhoWait(_ garbage: String) async throws {
        try await self.withScript {
            $0 == 1 ? [.awaitString("GET"), .send(garbage), .hold] : Self.serves
        } _: { proxy, _ in
            let (waits, idle) = (try await proxy.connect(), try await proxy.connect())
            waits.send(["GET", "a"])
            _ = try await waits.rest()
            #expect(try await idle.ask("PING") == "+PONG\r\n")
        }
    }

    @Test func unsolicitedRepliesEndTheConnectionOnly() async throws {
        try await self.withScript {
            $0 == 1 ? [.awaitString("PING\r\n"), .send("+PONG\r\n+MORE\r\n"), .hold] : Self.serves
        } _: { proxy, server in
            let client = try await proxy.connect()
            #expect(try await client.ask("PING") == "+PONG\r\n")
            try await eventually { try await server.openConnections().get() == 0 }
            #expect(try await client.ask("PING") == "+PONG\r\n")
            #expect(try await server.acceptedConnections().get() == 2)
        }
    }

    @Test func halfAReplyAndThenTheEnd() async throws {
        try await self.withScript {
            $0 == 1 ? [.awaitString("GET"), .send("$9\r\nhalf"), .close] : Self.serves
        } _: { proxy, _ in
            let (waits, idle) = (try await proxy.connect(), try await proxy.connect())
            waits.send(["GET", "a"])
            #expect(try await waits.rest() == "$9\r\nhalf")
            #expect(try await idle.ask("PING") == "+PONG\r\n")
        }
    }

    /// Whole ones, cut ones, before, between and after replies.
    @Test func pushesOfASharedConnectionAreNobodys() async throws {
        let push = ">2\r\n$3\r\nfoo\r\n*2\r\n:1\r\n$3\r\nb\r\n\r\n"
        let script: [ScriptedServer.Step] =
            [
                .send(push), .awaitString("PING\r\n"), .send("+A\r\n" + push + push), .awaitString("PING\r\n"), .send("$1\r"),
                .send("\nB\r\n>1\r\n$4"),
            ]
            + [.awaitString("PING\r\n"), .send("\r\nabcd\r\n+C\r\n"), .awaitString("PING\r\n"), .send(push), .send("+D\r\n"), .hold]
        try await self.withScript { _ in
            script
        } _: { proxy, server in
            let clients = [try await proxy.connect(), try await proxy.connect()]
            #expect(try await clients[0].ask("PING") == "+A\r\n")
            #expect(try await clients[1].ask("PING") == bulk("B"))
            #expect(try await clients[0].ask("PING") == "+C\r\n")
            #expect(try await clients[1].ask("PING") == "+D\r\n")
            #expect(try await clients[0].unread() == 0)
            #expect(try await server.acceptedConnections().get() == 1)
        }
    }

    /// Each byte of the replies by itself.
    @Test func repliesInPieces() async throws {
        let replies = ["$5\r\nhello\r\n", "*2\r\n$1\r\na\r\n*1\r\n:7\r\n", "-ERR no\r\n", "%1\r\n+k\r\n#t\r\n", "$-1\r\n"]
        let pieces = replies.joined().map { ScriptedServer.Step.send(String($0)) }
        let bytes = replies.joined().utf8.map { ScriptedServer.Step.send(ByteBuffer(bytes: [$0])) }
        for steps in [pieces, bytes] {
            try await self.withScript { _ in
                [.awaitString("PING\r\n")] + steps + [.hold]
            } _: { proxy, _ in
                let client = try await proxy.connect()
                client.send(commands([["A"], ["B"], ["C"], ["D"], ["PING"]]))
                #expect(try await client.replies(5) == replies)
            }
        }
    }
}
