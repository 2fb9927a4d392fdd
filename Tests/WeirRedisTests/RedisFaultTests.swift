import NIOCore
import NIOPosix
import Testing
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

extension [ScriptedServer.Step] {
    /// The answers to what a client says first.
    static let handshake: [ScriptedServer.Step] = [
        .awaitString("HELLO"), .send("%1\r\n$2\r\nid\r\n:7\r\n"), .awaitString("PING"), .send("+OK\r\n+OK\r\n+PONG\r\n"),
    ]

    /// Good for a thousand `PING`s.
    static let pongs = [[ScriptedServer.Step]](repeating: [.awaitString("PING"), .send("+PONG\r\n")], count: 1000).flatMap { $0 }
}

/// Servers that die, lie and fall silent. After each, the next command works on a new connection.
@Suite struct RedisFaultTests {
    /// The first connection does as the script says, the others are good; then says what became of a command on the first.
    private func error(of steps: [ScriptedServer.Step]) async throws -> RedisError? {
        let server = try await ScriptedServer.start(on: testGroup) { number in
            .handshake + (number == 1 ? steps : .pongs)
        }.get()
        var configuration = RedisConfiguration.patient
        configuration.commandTimeout = .seconds(20)
        var failure: RedisError?
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: server.port), configuration: configuration) { (redis) async throws in
            let loop = testGroup.any()
            failure = await #expect(throws: RedisError.self) { try await redis.send(.ping, on: loop) }
            let reply1 = try await redis.value(.raw(["PING"]), on: loop)
            #expect(reply1 == .simple("PONG"))
            let statistics = try await redis.connections.statistics().get()
            #expect(statistics.connects == 2)
        }
        try await server.shutdown().get()
        return failure
    }

    @Test func serverDiesBeforeTheReply() async throws {
        let error = try await self.error(of: [.awaitString("PING"), .close])
        #expect(error?.code == .connectionLost && error?.mayHaveRun == true)
    }

    @Test func serverResets() async throws {
        let error = try await self.error(of: [.awaitString("PING"), .reset])
        #expect(error?.code == .connectionLost && error?.mayHaveRun == true)
    }

    @Test func halfAFrameAndGone() async throws {
        let error = try await self.error(of: [.awaitString("PING"), .send("$10\r\nhel"), .close])
        #expect(error?.code == .connectionLost)
    }

    @Test func halfAFrameAndSilence() async throws {
        let server = try await ScriptedServer.start(on: testGroup) { number in
            let half: [ScriptedServer.Step] = [.awaitString("PING"), .send("+PONG\r\n"), .awaitString("PING"), .send("$10\r\nhel"), .hold]
            return .handshake + (number == 1 ? half : .pongs)
        }.get()
        // Silent for longer than that: the connection is given up with the command.
        var configuration = RedisConfiguration.patient
        configuration.stallTimeout = .milliseconds(1)
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: server.port), configuration: configuration) { (redis) async throws in
            let loop = testGroup.any()
            let warm = try await redis.value(.raw(["PING"]), on: loop)
            #expect(warm == .simple("PONG"))
            let error = await #expect(throws: RedisError.self) {
                try await redis.send(.ping, on: loop, deadline: .now() + .milliseconds(500))
            }
            #expect(error?.code == .timeout && error?.mayHaveRun == true)
            let next = try await redis.value(.raw(["PING"]), on: loop)
            #expect(next == .simple("PONG"))
        }
        try await server.shutdown().get()
    }

    @Test func garbage() async throws {
        let error = try await self.error(of: [.awaitString("PING"), .send("HTTP/1.1 400 Bad Request\r\n\r\n"), .hold])
        #expect(error?.code == .protocolViolation)
        #expect((error?.cause as? RESPError)?.code == .unknownType)
    }

    @Test func hostileNesting() async throws {
        let error = try await self.error(of: [.awaitString("PING"), .send(String(repeating: "*1\r\n", count: 100_000)), .hold])
        #expect((error?.cause as? RESPError)?.code == .tooDeep)
    }

    @Test func replyThatNobodyAskedForClosesTheConnection() async throws {
        let server = try await ScriptedServer.start(on: testGroup) { number in
            .handshake + (number == 1 ? [.awaitString("PING"), .send("+PONG\r\n+POISON\r\n"), .hold] : .pongs)
        }.get()
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: server.port)) { (redis) async throws in
            let loop = testGroup.any()
            for _ in 0..<3 { #expect(try await redis.value(.raw(["PING"]), on: loop) == .simple("PONG")) }
            #expect(try await redis.connections.statistics().get().connects == 2)
        }
        try await server.shutdown().get()
    }

    @Test func lateReplyIsNobodys() async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        let proxy = try await FaultProxy.start(on: testGroup, to: server.address).get()
        var configuration = RedisConfiguration.patient
        configuration.commandTimeout = .seconds(20)
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: proxy.port), configuration: configuration) { (redis) async throws in
            let loop = testGroup.any()
            #expect(try await redis.value(.raw(["ECHO", "warm"]), on: loop) == .bulk("warm"))
            try await proxy.update { $0.stallsReplies = true }.get()
            let error = await #expect(throws: RedisError.self) {
                try await redis.value(.raw(["ECHO", "late"]), on: loop, deadline: .now() + .milliseconds(500))
            }
            #expect(error?.code == .timeout)
            try await proxy.update { $0.stallsReplies = false }.get()
            for index in 0..<20 {
                #expect(try await redis.value(.raw(["ECHO", ByteBuffer(string: "\(index)")]), on: loop) == .bulk("\(index)"))
            }
        }
        try await proxy.shutdown().get()
        try await server.shutdown().get()
    }

    /// Wherever the replies are cut off, each command has its own or says that it may have run.
    @Test(arguments: [FaultProxy.Faults.Cut.reset, .finish]) func aCutAnywhereMixesNothingUp(cut: FaultProxy.Faults.Cut) async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        var faults = FaultProxy.Faults()
        faults.cut = cut
        let proxy = try await FaultProxy.start(on: testGroup, to: server.address, faults: faults).get()
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: proxy.port), configuration: .patient) { (redis) async throws in
            let loop = testGroup.any()
            for limit in stride(from: 300, to: 700, by: 7) {
                try await redis.send(RedisCommand<Void>.ping.repeatable(), on: loop)
                try await proxy.update { $0.cutAfterReplyBytes = limit }.get()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<30 {
                        group.addTask {
                            let text = "\(limit) \(index)"
                            do {
                                #expect(try await redis.value(.raw("ECHO", text), on: loop) == .bulk(text))
                            } catch {
                                let error = try #require(error as? RedisError)
                                #expect(error.code == .connectionLost && error.mayHaveRun || error.code == .noConnection, "\(error)")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await proxy.update { $0.cutAfterReplyBytes = nil }.get()
            }
        }
        try await proxy.shutdown().get()
        try await server.shutdown().get()
    }

    @Test func blackHoleEndsAtTheDeadline() async throws {
        let nowhere = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        var faults = FaultProxy.Faults()
        faults.admission = .blackHole
        let proxy = try await FaultProxy.start(on: testGroup, to: nowhere, faults: faults).get()
        var configuration = RedisConfiguration.patient
        configuration.commandTimeout = .milliseconds(50)
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: proxy.port), connections: 4, configuration: configuration) {
            (redis) async throws in
            let loop = testGroup.any()
            let codes = try await withThrowingTaskGroup(of: RedisError.Code?.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        do {
                            _ = try await redis.send(.ping, on: loop)
                            return nil
                        } catch { return (error as? RedisError)?.code }
                    }
                }
                return try await group.reduce(into: Set<RedisError.Code?>()) { $0.insert($1) }
            }
            // Those that had a connection wait for its reply, the others for a connection: all by the same time.
            #expect(codes.isSubset(of: [.timeout, .noConnection]))
        }
        try await proxy.shutdown().get()
    }

    @Test func refusedConnectionsAreTyped() async throws {
        let server = try await ScriptedServer.start(on: testGroup) { _ in [] }.get()
        let port = server.port
        try await server.shutdown().get()
        var pool = PoolConfiguration(maximum: 64)
        pool.circuitThreshold = 1
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: port), pool: pool) { (redis) async throws in
            let error = await #expect(throws: RedisError.self) { try await redis.send(.ping) }
            #expect(error?.code == .noConnection && error?.mayHaveRun == false)
            #expect(((error?.cause as? PoolError)?.cause as? RedisError)?.code == .connectFailed)
        }
    }

    @Test func serverRestartsUnderLoad() async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: server.port)) { (redis) async throws in
            let loop = testGroup.any()
            let outcomes = try await withThrowingTaskGroup(of: RedisError.Code?.self) { group in
                for index in 0..<2000 {
                    if index % 400 == 399 { try await server.closeConnections().get() }
                    group.addTask {
                        do {
                            let text = ByteBuffer(string: "\(index)")
                            #expect(try await redis.value(.raw(["ECHO", text]), on: loop) == .bulkString(text))
                            return nil
                        } catch { return (error as? RedisError)?.code }
                    }
                }
                return try await group.reduce(into: [RedisError.Code?: Int]()) { $0[$1, default: 0] += 1 }
            }
            // Each ended once: with its own reply, or with a loss.
            #expect(outcomes.values.reduce(0, +) == 2000)
            #expect(Set(outcomes.keys).isSubset(of: [nil, .connectionLost, .noConnection]))
            let reply2 = try await redis.value(.raw(["PING"]), on: loop)
            #expect(reply2 == .simple("PONG"))
            let statistics = try await redis.connections.statistics().get()
            // The one that all share.
            #expect(statistics.active == 1 && statistics.dropped == 0)
        }
        try await server.shutdown().get()
    }

    /// The proxy holds back that the server has gone, and says it when it may.
    @Test(.timeLimit(.minutes(1))) func anEndThatWasHeldBackIsPassedOn() async throws {
        let server = try await ScriptedServer.start(on: testGroup) { _ in [.awaitString("die"), .reset] }.get()
        let proxy = try await FaultProxy.start(on: testGroup, to: server.address).get()
        let client = try await ClientBootstrap(group: testGroup).connect(to: proxy.address).get()
        try await proxy.update { $0.stallsReplies = true }.get()
        try await client.writeAndFlush(ByteBuffer(string: "die"))
        while try await server.acceptedConnections().get() == 0 { try await Task.sleep(for: .milliseconds(1)) }
        while try await server.openConnections().get() > 0 { try await Task.sleep(for: .milliseconds(1)) }
        // The proxy's own end of that connection goes, too.
        while try await proxy.openConnections().get() > 1 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(client.isActive)
        try await proxy.update { $0.stallsReplies = false }.get()
        while client.isActive { try await Task.sleep(for: .milliseconds(1)) }
        try await proxy.shutdown().get()
        try await server.shutdown().get()
    }
}
