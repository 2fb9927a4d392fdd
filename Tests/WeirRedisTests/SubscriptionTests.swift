import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirRedis

/// Subscriptions, against a real Redis, over both versions of the protocol.
@Suite(.enabled(if: TestServer.realURL != nil, "needs a real Redis in WEIR_REDIS_URL"))
struct SubscriptionTests {
    private static func onLoop(
        _ version: RESPVersion, client: String? = nil, _ body: @escaping @Sendable (LocalRedis, RedisPool) async throws -> Void
    ) async throws {
        var configuration = RedisConfiguration.patient
        configuration.version = version
        configuration.clientName = client
        try await withRedis(.real, configuration: configuration) { redis in
            let loop = testGroup.any()
            try await Task(executorPreference: loop.weirExecutor) { try await body(redis[loop], redis) }.value
        }
    }

    private static func name() -> String { "weir:test:\(UInt64.random(in: 0 ... .max))" }

    private static func publish(_ redis: LocalRedis, _ channel: String, _ payload: String, command: String = "PUBLISH") async throws
        -> Int64?
    {
        try await redis.send(.raw(command, channel, payload)).integer
    }

    @Test(arguments: [RESPVersion.resp2, .resp3]) func messagesComeInTheirOrder(version: RESPVersion) async throws {
        try await Self.onLoop(version) { redis, _ in
            let channel = Self.name()
            let messages = try redis.messages(of: .channel(channel)).makeAsyncIterator()
            #expect(try await messages.next() == .subscribed(.channel(channel)))
            for number in 0..<100 { #expect(try await Self.publish(redis, channel, "\(number)") == 1) }
            for number in 0..<100 {
                guard case .message(let message) = try await messages.next() else { return #expect(Bool(false), "no message") }
                #expect(message.payload == ByteBuffer("\(number)") && message.channel == ByteBuffer(channel))
            }
        }
    }

    @Test(arguments: [RESPVersion.resp2, .resp3]) func patternsAndShards(version: RESPVersion) async throws {
        try await Self.onLoop(version) { redis, _ in
            let name = Self.name()
            let pattern = try redis.messages(of: .pattern(name + "*")).makeAsyncIterator()
            let shard = try redis.messages(of: .shard(name + "s")).makeAsyncIterator()
            #expect(try await pattern.next() == .subscribed(.pattern(name + "*")))
            #expect(try await shard.next() == .subscribed(.shard(name + "s")))
            _ = try await Self.publish(redis, name + "x", "p")
            _ = try await Self.publish(redis, name + "s", "s", command: "SPUBLISH")
            let first = try await pattern.next()
            #expect(first == .message(RedisMessage(topic: .pattern(name + "*"), channel: ByteBuffer(name + "x"), payload: "p")))
            let second = try await shard.next()
            #expect(second == .message(RedisMessage(topic: .shard(name + "s"), channel: ByteBuffer(name + "s"), payload: "s")))
        }
    }

    @Test(arguments: [RESPVersion.resp2, .resp3]) func severalShareOneConnectionAndTheLastGivesItUp(version: RESPVersion) async throws {
        try await Self.onLoop(version) { redis, pool in
            let channel = Self.name()
            do {
                let first = try redis.messages(of: .channel(channel)).makeAsyncIterator()
                #expect(try await first.next() == .subscribed(.channel(channel)))
                let second = try redis.messages(of: .channel(channel), .channel(channel + "2")).makeAsyncIterator()
                #expect(try await second.next() == .subscribed(.channel(channel)))
                #expect(try await second.next() == .subscribed(.channel(channel + "2")))
                #expect(try await Self.publish(redis, channel, "both") == 1)
                guard case .message = try await first.next(), case .message = try await second.next() else {
                    return #expect(Bool(false), "no message")
                }
                #expect(try await pool.connections.statistics().get().connects == 2)
            }
            while try await pool.connections.statistics().get().active > 1 { await Task.yield() }
            while try await Self.publish(redis, channel, "nobody") != 0 { await Task.yield() }
        }
    }

    /// Kills the connections of this client that have subscriptions, and no others.
    private static func killSubscriptions(of client: String, _ redis: LocalRedis) async throws {
        let list = try await redis.send(.raw("CLIENT", "LIST")).string.map { String(buffer: $0) } ?? ""
        for line in list.split(separator: "\n") where line.contains(" name=\(client) ") && !line.contains(" sub=0 ") {
            guard let id = line.split(separator: " ").first?.dropFirst("id=".count) else { continue }
            _ = try await redis.send(.raw("CLIENT", "KILL", "ID", String(id)))
        }
    }

    @Test(arguments: [RESPVersion.resp2, .resp3]) func everythingIsSubscribedToAgain(version: RESPVersion) async throws {
        let client = Self.name()
        try await Self.onLoop(version, client: client) { redis, _ in
            let channel = Self.name()
            let messages = try redis.messages(of: .channel(channel), .pattern(channel + "?")).makeAsyncIterator()
            _ = try await messages.next()
            _ = try await messages.next()
            try await Self.killSubscriptions(of: client, redis)
            #expect(try await messages.next() == .interrupted)
            var again: Set<RedisTopic> = []
            while again.count < 2 {
                switch try await messages.next() {
                case .subscribed(let topic): again.insert(topic)
                case .interrupted: break
                default: return #expect(Bool(false), "neither")
                }
            }
            #expect(again == [.channel(channel), .pattern(channel + "?")])
            #expect(try await Self.publish(redis, channel, "after") == 1)
            guard case .message(let message) = try await messages.next() else { return #expect(Bool(false), "no message") }
            #expect(message.payload == "after")
        }
    }

    @Test func aTaskThatIsTooSlowIsTold() async throws {
        try await Self.onLoop(.resp3) { redis, _ in
            let channel = Self.name()
            let messages = try redis.messages(of: .channel(channel), buffer: 3).makeAsyncIterator()
            _ = try await messages.next()
            while try await Self.publish(redis, channel, "x") == 1 {}
            for _ in 0..<3 { _ = try await messages.next() }
            let error = await #expect(throws: RedisError.self) { _ = try await messages.next() }
            #expect(error?.code == .tooManyPending)
        }
    }

    @Test func cancellationEndsTheSequence() async throws {
        try await Self.onLoop(.resp3) { redis, pool in
            let channel = Self.name()
            let loop = redis.loop
            let task = Task(executorPreference: loop.weirExecutor) {
                var count = 0
                for try await _ in try pool[loop].messages(of: .channel(channel)) { count += 1 }
                return count
            }
            while try await Self.publish(redis, channel, "x") == 0 { await Task.yield() }
            task.cancel()
            #expect(try await task.value >= 1)
            while try await Self.publish(redis, channel, "x") != 0 { await Task.yield() }
        }
    }
}
