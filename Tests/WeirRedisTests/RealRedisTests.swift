import Foundation
import NIOCore
import NIOPosix
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// What a real Redis does to its clients, and what is done to a real Redis.
@Suite(.serialized, .enabled(if: TestServer.realURL != nil && OwnRedis.program != nil, "needs redis-server and WEIR_REDIS_URL"))
struct RealRedisTests {
    private func withOwnRedis(
        _ arguments: [String] = [], configuration: RedisConfiguration = .patient, pool: PoolConfiguration? = nil,
        _ body: (OwnRedis, RedisPool, any EventLoop) async throws -> Void
    ) async throws {
        let server = try await OwnRedis.start("--maxclients", arguments.first ?? "1000")
        try await withRedis(url: server.url, configuration: configuration, pool: pool) { (redis) async throws in
            try await body(server, redis, testGroup.next())
        }
        server.signal(SIGKILL)
    }

    private func echo(_ redis: RedisPool, _ text: String, on loop: any EventLoop, deadline: NIODeadline? = nil) async throws {
        #expect(try await redis.value(RedisCommand.raw("ECHO", text).repeatable(), on: loop, deadline: deadline) == .bulk(text))
    }

    @Test func aKilledConnectionIsReplaced() async throws {
        try await self.withOwnRedis { server, redis, loop in
            for round in 1...20 {
                guard case .integer(let id) = try await redis.value(.raw("CLIENT", "ID"), on: loop) else { throw ChannelError.eof }
                async let answers: Void = withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<50 { group.addTask { try await self.echo(redis, "\(round) \(index)", on: loop) } }
                    try await group.waitForAll()
                }
                #expect(try await server.ask("CLIENT", "KILL", "ID", "\(id)") == .integer(1))
                // All of these may be repeated: none fails.
                try await answers
                try await self.echo(redis, "\(round)", on: loop)
                #expect(try await redis.connections.statistics().get().connects == UInt64(round + 1))
            }
        }
    }

    /// Has the command time out after it was sent; a machine that stood still may have let it time out before.
    private func timesOut(_ redis: RedisPool, _ command: RedisCommand<RESPFrame>, on loop: any EventLoop) async throws {
        while true {
            let error = await #expect(throws: RedisError.self) {
                _ = try await redis.send(command, on: loop, deadline: .now() + .milliseconds(100))
            }
            #expect(error?.code == .timeout)
            if error == nil || error?.mayHaveRun == true { return }
        }
    }

    @Test func aPausedServerAnswersLateAndNobodyElse() async throws {
        try await self.withOwnRedis { server, redis, loop in
            try await self.echo(redis, "warm", on: loop)
            try await server.ask("CLIENT", "PAUSE", "3600000", "WRITE")
            try await self.timesOut(redis, .raw("SET", "late", "1"), on: loop)
            // These wait behind it, on the same connection.
            async let others: Void = withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<20 { group.addTask { try await self.echo(redis, "\(index)", on: loop) } }
                try await group.waitForAll()
            }
            try await server.ask("CLIENT", "UNPAUSE")
            try await others
            #expect(try await redis.value(.raw("GET", "late"), on: loop) == .bulk("1"), "it has run all the same")
            #expect(try await redis.connections.statistics().get().connects == 1)
        }
    }

    @Test func aServerThatSleepsOverTheDeadlineKeepsItsConnection() async throws {
        try await self.withOwnRedis { _, redis, loop in
            try await self.echo(redis, "warm", on: loop)
            try await self.timesOut(redis, .raw("DEBUG", "SLEEP", "2"), on: loop)
            for index in 0..<20 { try await self.echo(redis, "\(index)", on: loop) }
            #expect(try await redis.connections.statistics().get().connects == 1)
        }
    }

    @Test func aStoppedServerIsGivenUpAndFoundAgain() async throws {
        var configuration = RedisConfiguration.patient
        configuration.stallTimeout = .milliseconds(20)
        try await self.withOwnRedis(configuration: configuration) { server, redis, loop in
            try await self.echo(redis, "warm", on: loop)
            server.signal(SIGSTOP)
            while try await redis.connections.statistics().get().active > 0 {
                try await self.timesOut(redis, .raw("ECHO", "stopped"), on: loop)
            }
            // The next one waits for a new connection, whose login the server has not read yet.
            async let next: Void = self.echo(redis, "next", on: loop)
            while try await redis.connections.statistics().get().connecting == 0 {}
            server.signal(SIGCONT)
            try await next
            #expect(try await redis.connections.statistics().get().connects == 2)
        }
    }

    @Test func aServerWithoutRoomIsTypedAndFoundWhenItHasRoom() async throws {
        var pool = PoolConfiguration(maximum: 64)
        pool.circuitThreshold = 1
        pool.backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(10), multiplier: 2, jitter: .none)
        // The server keeps some descriptors for itself, not clients: one it is.
        try await self.withOwnRedis(["1"], pool: pool) { server, redis, loop in
            try await RawConnection.with(server.address) { send in
                _ = try await send(["PING"])
                let error = await #expect(throws: RedisError.self) { _ = try await redis.value(.raw("ECHO", "x"), on: loop) }
                #expect(error?.code == .noConnection && error?.mayHaveRun == false)
                let cause = (error?.cause as? PoolError)?.cause as? RedisError
                #expect(cause?.code == .connectFailed || cause?.code == .authenticationFailed, "\(String(describing: cause))")
            }
            while (try? await redis.value(.raw("ECHO", "room"), on: loop)) == nil {}
            try await self.echo(redis, "room", on: loop)
        }
    }

    @Test func aServerKilledAndStartedAgainUnderLoad() async throws {
        var pool = PoolConfiguration(maximum: 64)
        pool.backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(20), multiplier: 2, jitter: .equal)
        pool.circuitThreshold = 1_000_000
        pool.overload = nil
        try await self.withOwnRedis(pool: pool) { server, redis, loop in
            for round in 0..<3 {
                async let outcomes = withThrowingTaskGroup(of: RedisError?.self) { group in
                    for index in 0..<2000 {
                        if index % 50 == 0 { _ = try? await redis.value(RedisCommand.raw("PING").repeatable(), on: loop) }
                        group.addTask {
                            let text = "\(round) \(index)"
                            var command = RedisCommand.raw("ECHO", text)
                            if index % 2 == 0 { command = command.repeatable() }
                            do {
                                #expect(try await redis.value(command, on: testGroup.next()) == .bulk(text))
                                return nil
                            } catch {
                                let error = try #require(error as? RedisError)
                                #expect(index % 2 != 0, "what may be repeated came through: \(error)")
                                return error
                            }
                        }
                    }
                    return try await group.reduce(into: [RedisError?]()) { $0.append($1) }
                }
                await server.crash()
                try await server.restart()
                let all = try await outcomes
                #expect(all.count == 2000)
                for error in all.compactMap({ $0 }) { #expect(error.code == .connectionLost && error.mayHaveRun) }
                try await self.echo(redis, "again", on: loop)
            }
        }
    }

    @Test func aHalfClosedConnectionIsReplaced() async throws {
        let server = try await ScriptedServer.start(on: testGroup) { number in
            .handshake + (number == 1 ? [.awaitString("PING"), .send("+PONG\r\n"), .finish, .hold] : .pongs)
        }.get()
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: server.port), configuration: .patient) { (redis) async throws in
            let loop = testGroup.next()
            for _ in 0..<5 { #expect(try await redis.value(RedisCommand.raw("PING").repeatable(), on: loop) == .simple("PONG")) }
            #expect(try await redis.connections.statistics().get().connects == 2)
        }
        try await server.shutdown().get()
    }

    // MARK: Refusals

    @Test func refusalsOfAServerAreTypedAndHaveNotRun() async throws {
        try await self.withOwnRedis { server, redis, loop in
            func kind(_ words: String...) async -> RedisServerErrorKind? {
                do {
                    _ = try await redis.value(.raw(words.map { ByteBuffer(string: $0) }), on: loop)
                    return nil
                } catch {
                    let error = error as? RedisError
                    #expect(error?.code == .serverError && error?.mayHaveRun == false)
                    #expect(!String(reflecting: error).contains("secret"))
                    return error?.serverErrorKind
                }
            }
            try await server.ask("CONFIG", "SET", "maxmemory", "1")
            #expect(await kind("SET", "secret", "secret") == .outOfMemory)
            try await server.ask("CONFIG", "SET", "maxmemory", "0")
            #expect(await kind("SET", "secret", "secret") == nil)

            try await server.ask("REPLICAOF", "127.0.0.1", "1")
            #expect(await kind("SET", "secret", "secret") == .readOnly)
            try await server.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
            #expect(await kind("GET", "secret") == .masterDown)
            try await server.ask("REPLICAOF", "NO", "ONE")
            #expect(await kind("GET", "secret") == nil)

            #expect(await kind("EVALSHA", String(repeating: "0", count: 40), "0") == .noScript)
            try await server.ask("ACL", "SETUSER", "default", "-get")
            #expect(await kind("GET", "secret") == .noPermission)
            try await server.ask("ACL", "SETUSER", "default", "+get")

            try await server.ask("CONFIG", "SET", "busy-reply-threshold", "1")
            let address = server.address
            async let script = OwnRedis.ask(address, "EVAL", "while true do end", "0")
            while await kind("GET", "secret") != .busy {}
            try await server.ask("SCRIPT", "KILL")
            _ = try await script
            #expect(await kind("GET", "secret") == nil)
        }
    }
}
