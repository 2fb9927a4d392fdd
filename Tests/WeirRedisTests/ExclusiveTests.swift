import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirSockets

@testable import WeirRedis

/// Transactions, blocking commands and connections of one's own, against a real Redis.
@Suite(.enabled(if: TestServer.realURL != nil, "needs a real Redis in WEIR_REDIS_URL"))
struct ExclusiveTests {
    private static func onLoop(_ body: @escaping @Sendable (LocalRedis, RedisPool) async throws -> Void) async throws {
        try await withRedis(.real) { redis in
            let loop = testGroup.any()
            try await Task(executorPreference: loop.weirExecutor) { try await body(redis[loop], redis) }.value
        }
    }

    private static func key() -> ByteBuffer { ByteBuffer(string: "weir:test:\(UInt64.random(in: 0 ... .max))") }

    @Test func commandsOfATransactionRunTogether() async throws {
        try await Self.onLoop { redis, _ in
            let key = Self.key()
            let (set, get, deleted) = try await redis.transaction(.set(key, to: ByteBuffer("1")), .get(key), .delete(key)).get()
            try set.get()
            #expect(try get.get() == ByteBuffer("1"))
            #expect(try deleted.get())
        }
    }

    @Test func whatFailsInATransactionFailsAlone() async throws {
        try await Self.onLoop { redis, _ in
            let key = Self.key()
            let increment = RedisCommand<RESPFrame>.raw([ByteBuffer("INCR"), key])
            let (set, wrong, deleted) = try await redis.transaction(.set(key, to: ByteBuffer("a")), increment, .delete(key)).get()
            try set.get()
            #expect(throws: RedisError.self) { try wrong.get() }
            #expect(try deleted.get())
        }
    }

    @Test func aRefusedCommandAbortsAll() async throws {
        try await Self.onLoop { redis, _ in
            let key = Self.key()
            let error = await #expect(throws: RedisError.self) {
                try await redis.transaction([RedisCommand.set(key, to: "a").request, RedisCommand<RESPFrame>.raw("NOSUCH", "x").request])
                    .get()
            }
            #expect(error?.serverErrorKind == .execAborted && error?.mayHaveRun == false)
            #expect((error?.cause as? RedisError)?.serverErrorKind == .error)
            let value: ByteBuffer? = try await redis.send(.get(key))
            #expect(value == nil)
        }
    }

    @Test func nothingComesBetweenCommandsOfATransaction() async throws {
        try await Self.onLoop { redis, _ in
            let key = Self.key()
            let increment = RedisCommand<RESPFrame>.raw([ByteBuffer("INCR"), key]).map { $0.integer ?? -1 }
            let all: [EventLoopFuture<Bool>] = (0..<200).map { index in
                guard index % 3 != 0 else { return redis.send(increment).map { _ in true } }
                return redis.transaction(increment, increment, increment).map { first, second, third in
                    guard let first = try? first.get(), let second = try? second.get(), let third = try? third.get() else { return false }
                    return second == first + 1 && third == second + 1
                }
            }
            for each in all { #expect(try await each.get()) }
            _ = try await redis.send(.delete(key))
        }
    }

    /// What a transaction would leave behind on a shared connection is refused; on one's own it is not for the next user.
    @Test func aTransactionCannotChangeASharedConnection() async throws {
        try await Self.onLoop { redis, pool in
            let select = RedisCommand<RESPFrame>.raw("SELECT", "3").request
            let shared = await #expect(throws: RedisError.self) { try await redis.transaction([select]).get() }
            #expect(shared?.code == .needsLease)
            let deadline = NIODeadline.now() + .seconds(5)
            let before = try await pool.connections.statistics().get().connects
            for _ in 0..<2 {
                try await redis.withConnection { connection in _ = try await connection.transaction([select], deadline: deadline).get() }
            }
            #expect(try await pool.connections.statistics().get().connects == before + 2)
            let silent = RedisCommand<RESPFrame>.raw("CLIENT", "REPLY", "OFF").request
            let refused = await #expect(throws: RedisError.self) {
                try await redis.withConnection { try await $0.transaction([silent], deadline: deadline).get() }
            }
            #expect(refused?.code == .notSupported)
        }
    }

    @Test func aWatchBehindATransactionIsNotForgotten() async throws {
        try await Self.onLoop { redis, pool in
            let key = Self.key()
            let deadline = NIODeadline.now() + .seconds(5)
            for _ in 0..<2 {
                try await redis.withConnection { connection in
                    let ended = connection.transaction([RedisCommand<ByteBuffer?>.get(key).request], deadline: deadline)
                    _ = try await connection.send(.raw([ByteBuffer("WATCH"), key]), deadline: deadline)
                    _ = try await ended.get()
                }
            }
            #expect(try await pool.connections.statistics().get().connects == 2)
        }
    }

    @Test func whoIsCancelledBeforeThereIsAConnectionHearsSo() async throws {
        try await Self.onLoop { redis, pool in
            withUnsafeCurrentTask { $0?.cancel() }
            let error = await #expect(throws: RedisError.self) { try await redis.withConnection { _ in Issue.record("it was given one") } }
            #expect(error?.code == .cancelled && error?.mayHaveRun == false)
            #expect((error?.cause as? PoolError)?.code == .cancelled)
        }
    }

    /// A command that waits without a deadline on a link that is dead is ended by the operating system.
    @Test func theSystemAsksWhetherTheServerIsThere() async throws {
        try await Self.onLoop { redis, _ in
            let expected = TCPKeepAlive(after: RedisConfiguration.patient.keepAlive!).options
            #expect(expected.map(\.value) == [1, 30, 10, 3])
            let found = try await redis.withConnection { connection in
                let channel = connection.channel!
                return try await EventLoopFuture.whenAllSucceed(expected.map { channel.getOption($0.option) }, on: channel.eventLoop).get()
            }
            #expect(found.map { $0 != 0 } == [true, true, true, true] && found.dropFirst() == [30, 10, 3])
        }
    }

    @Test func watchedKeysGuardATransaction() async throws {
        try await Self.onLoop { redis, pool in
            let key = Self.key()
            let deadline = NIODeadline.now() + .seconds(5)
            for interferes in [false, true] {
                let result = try await redis.withConnection { connection in
                    _ = try await connection.send(.raw([ByteBuffer("WATCH"), key]), deadline: deadline)
                    if interferes { try await redis.send(.set(key, to: "other")) }
                    let result = try await connection.transaction(.set(key, to: ByteBuffer("mine")), deadline: deadline).get()
                    // It can be given to the next user.
                    return result != nil
                }
                #expect(result == !interferes)
            }
            #expect(try await redis.send(.get(key)) == "other")
            _ = try await redis.send(.delete(key))
            let statistics = try await pool.connections.statistics().get()
            #expect(statistics.connects == 2)
        }
    }

    @Test(arguments: [["SELECT", "3"], ["MULTI"], ["WATCH", "k"], ["CLIENT", "SETNAME", "x"]])
    func anAlteredConnectionIsNotGivenToTheNext(command: [String]) async throws {
        try await Self.onLoop { redis, pool in
            let deadline = NIODeadline.now() + .seconds(5)
            for _ in 0..<3 {
                try await redis.withConnection { connection in
                    _ = try await connection.send(.raw(command.map { ByteBuffer(string: $0) }), deadline: deadline)
                }
            }
            #expect(try await pool.connections.statistics().get().connects == 3)
        }
    }

    @Test(arguments: [["SUBSCRIBE", "a"], ["MONITOR"], ["CLIENT", "REPLY", "OFF"]])
    func whatNoReplyAnswersIsRefused(command: [String]) async throws {
        try await Self.onLoop { redis, _ in
            let parts = command.map { ByteBuffer(string: $0) }
            let shared = await #expect(throws: RedisError.self) { try await redis.send(.raw(parts)) }
            #expect(shared?.code == .needsLease)
            let alone = await #expect(throws: RedisError.self) { try await redis.sendAlone(.raw(parts), deadline: .now() + .seconds(5)) }
            #expect(alone?.code == .notSupported)
        }
    }

    @Test func blockingCommandsBlockNobodyElse() async throws {
        try await Self.onLoop { redis, pool in
            let key = Self.key()
            let refused = await #expect(throws: RedisError.self) {
                try await redis.send(.raw([ByteBuffer("BLPOP"), key, ByteBuffer("0")]))
            }
            #expect(refused?.code == .needsLease)
            let popped: EventLoopFuture<RESPFrame> = redis.sendAlone(
                .raw([ByteBuffer("BLPOP"), key, ByteBuffer("0")]), deadline: .distantFuture)
            for _ in 0..<50 { _ = try await redis.send(.get(key + "x")) }
            _ = try await redis.send(.raw([ByteBuffer("RPUSH"), key, ByteBuffer("v")]))
            let parts: [ByteBuffer?] = try await popped.get().elements?.map { $0.string } ?? []
            #expect(parts == [key, "v"])
            #expect(try await pool.connections.statistics().get().connects == 2)
        }
    }

    @Test func cancellingABlockedCommandEndsIt() async throws {
        try await Self.onLoop { redis, pool in
            let key = Self.key()
            let loop = redis.loop
            let task = Task(executorPreference: loop.weirExecutor) {
                _ = try await pool[loop].sendAlone(.raw([ByteBuffer("BLPOP"), key, ByteBuffer("0")]), deadline: .distantFuture)
            }
            while try await pool.connections.statistics().get().active == 0 { await Task.yield() }
            task.cancel()
            let error = await #expect(throws: RedisError.self) { try await task.value }
            #expect(error?.code == .cancelled)
            // What is pushed now is nobody's to lose.
            _ = try await redis.send(.raw([ByteBuffer("RPUSH"), key, ByteBuffer("v")]))
            #expect(try await redis.send(.raw([ByteBuffer("LLEN"), key])).integer == 1)
            _ = try await redis.send(.delete(key))
        }
    }
}

extension ByteBuffer {
    init(_ string: String) { self.init(string: string) }
    static func + (left: ByteBuffer, right: String) -> ByteBuffer { ByteBuffer(string: String(buffer: left) + right) }
}
