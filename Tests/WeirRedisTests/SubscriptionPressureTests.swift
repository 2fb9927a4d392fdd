import NIOCore
import NIOEmbedded
import NIOPosix
import RedisProcess
import Testing
import WeirCore
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// Subscribers that come and go while the server takes nothing.
@Suite struct SubscriptionPressureTests {
    /// Touched on its loop only.
    private final class User: RedisSubscriber {
        private let redis: LocalRedis
        private let padding: String
        private var subscriptions: [RedisSubscription] = []
        private(set) var confirmed: Set<RedisTopic> = []
        private(set) var messages = 0
        private(set) var isOver = false
        private(set) var mostEntries = 0
        private(set) var mostBytes = 0
        private var next = 0

        init(_ redis: LocalRedis, nameLength: Int) {
            self.redis = redis
            self.padding = String(repeating: "x", count: nameLength)
        }

        /// Subscribes to some new topics, and gives up those of the time before.
        func change(_ count: Int) throws {
            let old = self.subscriptions
            self.confirmed = []
            self.subscriptions = try (0..<count).map { _ in
                self.next += 1
                return try self.redis.subscribe(self, to: [.channel("\(self.next):\(self.padding)")])
            }
            for subscription in old { subscription.end() }
            let subscriptions = self.redis.subscriptions
            self.mostEntries = max(self.mostEntries, subscriptions.entries)
            let buffered = try subscriptions.connection?.channel?.syncOptions?.getOption(.bufferedWritableBytes)
            self.mostBytes = max(self.mostBytes, buffered ?? 0)
        }

        var wanted: Set<RedisTopic> { Set(self.subscriptions.flatMap(\.topics)) }

        func redisSubscribed(to topic: RedisTopic) { self.confirmed.insert(topic) }
        func redisMessage(_ message: RedisMessage) { self.messages += 1 }
        func redisInterrupted(_ error: RedisError) { self.isOver = true }
        func redisSubscriptionEnded(_ error: RedisError) { self.isOver = true }
    }

    /// With names so long that the kernel cannot take what may be unanswered, it is the socket that says stop.
    @Test(
        .enabled(if: TestServer.realURL != nil && OwnRedis.program != nil, "needs WEIR_REDIS_URL and a redis-server"),
        arguments: [(16, 100_000), (32_768, 2_000)])
    func littleIsHeldForAServerThatTakesNothing(nameLength: Int, cycles: Int) async throws {
        let own = try await OwnRedis.start()
        let proxy = try await FaultProxy.start(on: testGroup, to: own.address).get()
        var configuration = RedisConfiguration.patient
        configuration.keepAlive = nil
        try await withRedis(url: RedisURL(host: "127.0.0.1", port: proxy.port), configuration: configuration) { redis in
            let loop = testGroup.any()
            let user = try await loop.submit { NIOLoopBound(User(redis[loop], nameLength: nameLength), eventLoop: loop) }.get()
            try await loop.submit { try user.value.change(1) }.get()
            try await Self.eventually(loop) { user.value.confirmed == user.value.wanted }

            try await proxy.update { $0.stallsRequests = true }.get()
            let each = 20
            for _ in 0..<(cycles / each) { try await loop.submit { try user.value.change(each) }.get() }
            let (entries, bytes) = try await loop.submit { (user.value.mostEntries, user.value.mostBytes) }.get()
            print("subscriptions under pressure: \(cycles) of \(nameLength) bytes: at most \(entries) entries, \(bytes) bytes buffered")
            #expect(entries < 8 * RedisSubscriptionTable.maximumUnanswered)
            #expect(bytes < 160 * 1024)

            try await proxy.update { $0.stallsRequests = false }.get()
            try await Self.eventually(loop) { user.value.confirmed == user.value.wanted }
            let (wanted, isOver) = try await loop.submit { (user.value.wanted, user.value.isOver) }.get()
            #expect(wanted.count == each && !isOver)
            guard case .array(let names) = try await own.ask("PUBSUB", "CHANNELS") else { return #expect(Bool(false), "no list") }
            #expect(Set(names.compactMap(\.bytes)) == Set(wanted.map(\.name)))
            for topic in wanted {
                let hearers = try await redis.send(.raw(["PUBLISH", topic.name, "here"]), on: loop).integer
                #expect(hearers == 1)
            }
            try await Self.eventually(loop) { user.value.messages == each }
        }
        try await proxy.shutdown().get()
        await own.crash()
    }

    private static func eventually(_ loop: any EventLoop, _ condition: @escaping @Sendable () -> Bool) async throws {
        let deadline = NIODeadline.now() + .seconds(60)
        while try await !loop.submit(condition).get() {
            try #require(NIODeadline.now() < deadline, "only a hang takes so long")
            await Task.yield()
        }
    }
}
