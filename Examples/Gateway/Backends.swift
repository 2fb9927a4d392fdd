import Logging
import NIOCore
import NIOPosix
import WeirCore
import WeirHTTP
import WeirPool
import WeirRESP
import WeirRedis
import WeirTestKit

/// What stands behind the gateway: real servers where the environment names them, servers inside the process where not.
final class Backends: Sendable {
    let redis: RedisPool
    let http: HTTPPool
    /// What `/proxy` stands for.
    let upstream: HTTPBaseURL
    private let embeddedRedis: EmbeddedRESPServer?
    private let embeddedUpstream: EmbeddedUpstream?

    init(_ settings: Settings, group: any EventLoopGroup, embedded: any EventLoopGroup) async throws {
        self.embeddedRedis = settings.redis == nil ? try await EmbeddedRESPServer.start(on: embedded).get() : nil
        self.embeddedUpstream = settings.upstream == nil ? try await EmbeddedUpstream.start(on: embedded).get() : nil
        var redis = RedisConfiguration()
        redis.commandTimeout = min(settings.backendTimeout, .seconds(5))
        // Others may have put more into the same Redis than the gateway would.
        let longest = KeyValueRoute.maximumValueLength
        redis.replyLimits = RESPLimits(maximumBulkLength: longest, maximumFrameLength: longest + 64 * 1024)
        self.redis = RedisPool(
            url: settings.redis ?? RedisURL(host: "127.0.0.1", port: self.embeddedRedis!.port), group: group,
            configuration: redis, pool: Self.pool(settings.redisConnections, settings), logger: .quiet)
        var deadlines = HTTPDeadlines()
        deadlines.connect = min(settings.backendTimeout, .seconds(5))
        deadlines.firstByte = settings.backendTimeout
        deadlines.idle = settings.backendTimeout
        self.upstream = try settings.upstream ?? HTTPBaseURL("http://127.0.0.1:\(self.embeddedUpstream!.port)")
        self.http = HTTPPool(
            origin: self.upstream.origin, name: "upstream", group: group, deadlines: deadlines,
            pool: Self.pool(settings.upstreamConnections, settings), logger: .quiet)
    }

    private static func pool(_ connections: Int, _ settings: Settings) -> PoolConfiguration {
        var pool = PoolConfiguration(maximum: connections)
        pool.maximumWaiters = 4096
        pool.connectTimeout = min(settings.backendTimeout, .seconds(5))
        pool.acquireTimeout = pool.connectTimeout
        pool.idleTimeout = .seconds(60)
        // Who waits here is a person: a back end that is up again is found within a second.
        pool.backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(1), multiplier: 2, jitter: .equal)
        // Clients wait for their turn gladly for a moment; a queue that stands longer than that is shed.
        pool.overload = OverloadPolicy(target: .milliseconds(250), interval: .seconds(1))
        return pool
    }

    var isRedisEmbedded: Bool { self.embeddedRedis != nil }
    var isUpstreamEmbedded: Bool { self.embeddedUpstream != nil }
    var redisDescription: String { self.isRedisEmbedded ? "embedded (\(self.redis.url))" : "\(self.redis.url) (REDIS_URL)" }
    var upstreamDescription: String { self.isUpstreamEmbedded ? "embedded (\(self.upstream))" : "\(self.upstream) (UPSTREAM_URL)" }

    /// Closes all connections to the back ends, under the requests that use them or wait for one.
    func closeNow() async throws {
        let (redis, http) = (self.redis.shutdown(deadline: .now()), self.http.shutdown(deadline: .now()))
        try await redis.get()
        try await http.get()
    }

    /// The embedded servers end last; the pools are services and have ended by themselves.
    func shutdown() async throws {
        try await self.embeddedRedis?.shutdown().get()
        try await self.embeddedUpstream?.shutdown().get()
    }
}

/// What one loop's requests are served with: looked up once per client connection.
struct LocalBackends {
    let all: Backends
    let redis: LocalRedis
    let http: LocalHTTPPool

    init(_ all: Backends, on loop: any EventLoop) {
        self.all = all
        self.redis = all.redis[loop]
        self.http = all.http[loop]
    }
}
