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

/// Servers that take subscriptions away by themselves.
@Suite(.timeLimit(.minutes(1))) struct SubscriptionLossTests {
    private static var quickly: PoolConfiguration {
        var pool = PoolConfiguration(maximum: 8)
        pool.backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(20), multiplier: 2, jitter: .equal)
        pool.overload = nil
        return pool
    }

    /// What a sequence says while a server does this to `SSUBSCRIBE s`.
    private static func elements(_ steps: [ScriptedServer.Step]) async throws -> ([RedisMessages.Element], RedisError?) {
        let server = try await ScriptedServer.start(on: testGroup) { _ in .handshake + steps + [.hold] }.get()
        var configuration = RedisConfiguration.patient
        configuration.keepAlive = nil
        let redis = RedisPool(
            url: RedisURL(host: "127.0.0.1", port: server.port), group: testGroup, configuration: configuration, pool: self.quickly)
        let loop = testGroup.any()
        let result = await withTaskExecutorPreference(loop.weirExecutor) { () async -> ([RedisMessages.Element], RedisError?) in
            var all: [RedisMessages.Element] = []
            do {
                for try await element in try redis[loop].messages(of: .shard("s")) {
                    all.append(element)
                    if case .message = element { break }
                }
            } catch {
                return (all, error as? RedisError)
            }
            return (all, nil)
        }
        #expect(try await server.acceptedConnections().get() == 1)
        try await redis.shutdown(deadline: .now() + .seconds(30)).get()
        try await server.shutdown().get()
        return result
    }

    private static let asked = ScriptedServer.Step.awaitString("SSUBSCRIBE\r\n$1\r\ns\r\n")
    private static let granted = ScriptedServer.Step.send(ServerSays.push("ssubscribe", "s", "1"))
    private static let taken = ScriptedServer.Step.send(ServerSays.push("sunsubscribe", "s", "0"))
    private static let message = ScriptedServer.Step.send(ServerSays.message("smessage", "s", "here"))
    private static let heard = RedisMessages.Element.message(RedisMessage(topic: .shard("s"), channel: "s", payload: "here"))
    private static let shard = RedisTopic.shard("s")

    @Test func itIsSubscribedToAgain() async throws {
        let (elements, error) = try await Self.elements([
            Self.asked, Self.granted, Self.taken, Self.asked, Self.granted, Self.taken, Self.asked, Self.granted, Self.message,
        ])
        let again: [RedisMessages.Element] = [.unsubscribed(Self.shard), .subscribed(Self.shard)]
        #expect(error == nil && elements == [.subscribed(Self.shard)] + again + again + [Self.heard])
    }

    @Test func aClusterThatIsDownIsWaitedFor() async throws {
        let (elements, error) = try await Self.elements([
            Self.asked, Self.granted, Self.taken, Self.asked, .send("-CLUSTERDOWN Hash slot not served\r\n"), Self.asked,
            .send("-TRYAGAIN\r\n"), Self.asked, Self.granted, Self.message,
        ])
        #expect(error == nil)
        #expect(elements == [.subscribed(Self.shard), .unsubscribed(Self.shard), .subscribed(Self.shard), Self.heard])
    }

    @Test func whatIsElsewhereEndsWithAnError() async throws {
        let (elements, error) = try await Self.elements([
            Self.asked, Self.granted, Self.taken, Self.asked, .send("-MOVED 1 127.0.0.1:1\r\n"),
        ])
        #expect(elements == [.subscribed(Self.shard), .unsubscribed(Self.shard)])
        #expect(error?.code == .serverError && error?.serverErrorKind == .moved)
    }

    @Test func whatWasNeverGrantedEndsWithAnyRefusal() async throws {
        let (elements, error) = try await Self.elements([Self.asked, .send("-CLUSTERDOWN Hash slot not served\r\n")])
        #expect(elements == [] && error?.serverErrorKind == .clusterDown)
    }
}

/// The same from a real Redis.
@Suite(
    .enabled(if: TestServer.realURL != nil && OwnRedis.program != nil, "needs WEIR_REDIS_URL and a redis-server"),
    .timeLimit(.minutes(1)))
struct SubscriptionLossRealTests {
    private static func onLoop(
        _ own: OwnRedis, _ version: RESPVersion, _ body: @escaping @Sendable (LocalRedis) async throws -> Void
    ) async throws {
        var configuration = RedisConfiguration.patient
        configuration.version = version
        try await withRedis(url: own.url, configuration: configuration) { redis in
            let loop = testGroup.any()
            try await withTaskExecutorPreference(loop.weirExecutor) { try await body(redis[loop]) }
        }
        await own.crash()
    }

    /// A cluster of one gives a slot up and takes it again.
    @Test(arguments: [RESPVersion.resp2, .resp3]) func aSlotThatComesAndGoes(version: RESPVersion) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let probe = try await ServerBootstrap(group: testGroup).bind(host: "127.0.0.1", port: 0).get()
        let bus = "\(probe.localAddress!.port!)"
        try await probe.close().get()
        let own = try await OwnRedis.start("--cluster-enabled", "yes", "--cluster-port", bus, "--dir", directory.path)
        let address = own.address
        _ = try await own.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await Self.onLoop(own, version) { redis in
            while String(buffer: try await redis.send(.raw("CLUSTER", "INFO")).string ?? "").contains("cluster_state:ok") == false {
                try await Task.sleep(for: .milliseconds(10))
            }
            let slot = "\(try await redis.send(.raw("CLUSTER", "KEYSLOT", "s")).integer ?? -1)"
            let messages = try redis.messages(of: .shard("s"), .channel("c")).makeAsyncIterator()
            let both = Set([try await messages.next(), try await messages.next()])
            #expect(both == [.subscribed(.shard("s")), .subscribed(.channel("c"))])
            _ = try await OwnRedis.ask(address, "CLUSTER", "DELSLOTS", slot)
            #expect(try await messages.next() == .unsubscribed(.shard("s")))
            // The rest goes on.
            _ = try await redis.send(.raw("PUBLISH", "c", "meanwhile"))
            #expect(try await messages.next() == .message(RedisMessage(topic: .channel("c"), channel: "c", payload: "meanwhile")))
            _ = try await OwnRedis.ask(address, "CLUSTER", "ADDSLOTS", slot)
            #expect(try await messages.next() == .subscribed(.shard("s")))
            #expect(try await redis.send(.raw("SPUBLISH", "s", "again")).integer == 1)
            #expect(try await messages.next() == .message(RedisMessage(topic: .shard("s"), channel: "s", payload: "again")))
        }
    }

    /// A user loses a channel: Redis ends its connection and refuses the channel on the next.
    @Test(arguments: [RESPVersion.resp2, .resp3]) func aChannelThatIsForbiddenMeanwhile(version: RESPVersion) async throws {
        let own = try await OwnRedis.start()
        let address = own.address
        try await Self.onLoop(own, version) { redis in
            let secret = try redis.messages(of: .channel("secret")).makeAsyncIterator()
            let open = try redis.messages(of: .channel("open")).makeAsyncIterator()
            #expect(try await secret.next() == .subscribed(.channel("secret")))
            #expect(try await open.next() == .subscribed(.channel("open")))
            _ = try await OwnRedis.ask(address, "ACL", "SETUSER", "default", "resetchannels", "&open")
            #expect(try await secret.next() == .interrupted)
            let error = await #expect(throws: RedisError.self) { while try await secret.next() == .interrupted {} }
            #expect(error?.serverErrorKind == .noPermission)
            var next = try await open.next()
            while next == .interrupted { next = try await open.next() }
            #expect(next == .subscribed(.channel("open")))
            _ = try await redis.send(.raw("PUBLISH", "open", "on"))
            #expect(try await open.next() == .message(RedisMessage(topic: .channel("open"), channel: "open", payload: "on")))
        }
    }
}
