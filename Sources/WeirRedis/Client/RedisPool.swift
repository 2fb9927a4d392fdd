import Logging
public import NIOCore
public import ServiceLifecycle
public import WeirCore
public import WeirPool

/// Redis for all loops of a group. Make one, keep it, and ask `pool[loop]` on each loop.
///
/// A `Pool` of ``RedisConnection``s underneath: no command leaves the loop it was given on. Each loop holds
/// ``RedisConfiguration/sharedConnections`` of them for all its requests, once there are any, and leases the others out; the pool's bounds
/// count both.
public final class RedisPool: Sendable, Service {
    /// The pool underneath: its statistics, and its administration. Not to be shut down by itself: the shared connections are leases.
    public let connections: Pool<RedisConnection>
    /// Where the server is.
    public let url: RedisURL
    private let locals: LoopLocal<LocalRedis>

    /// - Parameters:
    ///   - url: where the server is and how to log in.
    ///   - name: names the pool in reports and metrics.
    ///   - group: whose loops may ask.
    ///   - configuration: of commands.
    ///   - pool: of the pool of connections.
    ///   - metrics: where the pool counts, if anywhere.
    ///   - logger: where the pool reports leaks, if anywhere.
    public init(
        url: RedisURL, name: String = "redis", group: any EventLoopGroup, configuration: RedisConfiguration = RedisConfiguration(),
        pool: PoolConfiguration, metrics: MetricRegistry? = nil, logger: Logger? = nil
    ) {
        self.url = url
        let target = RedisTarget(url: url, configuration: configuration)
        let connections = Pool<RedisConnection>(
            name: name, group: group, configuration: pool, metrics: metrics, logger: logger
        ) { loop in RedisConnectionFactory(target: target, loop: loop) }
        self.connections = connections
        self.locals = LoopLocal(group) { loop in
            LocalRedis(
                pool: connections[loop], loopContext: LoopContext.of(loop), configuration: configuration, backoff: pool.backoff)
        }
    }

    var loops: [any EventLoop] { self.locals.loops }

    /// The part of this loop; on the loop only. Look it up once per connection.
    public subscript(loop: any EventLoop) -> LocalRedis { self.locals[loop] }

    /// As a service: runs until graceful shutdown or the task's cancellation; then it drains for up to ``drainTime`` and closes.
    public func run() async throws {
        try? await gracefulShutdown()
        try await self.shutdown(deadline: .now() + Self.drainTime).get()
    }

    /// How long ``run()`` lets commands be answered and leases come back: half a minute.
    public static var drainTime: TimeAmount { .seconds(30) }

    /// Takes no more commands, answers those that wait until the deadline, and closes everything. See `Pool.shutdown(deadline:)`.
    public func shutdown(deadline: NIODeadline) -> EventLoopFuture<Void> {
        let (locals, connections) = (self.locals, self.connections)
        let ended = RedisError(.shutdown, "an event loop of the group has ended without an answer")
        return LoopInquiry<Void>.ask(locals.loops, ended: ended) { loop in
            // Also where it was never used: so that it takes nothing there any more.
            locals[loop].drain(deadline: deadline)
        }.map { _ in }.flatMapErrorThrowing { _ in }.flatMap { connections.shutdown(deadline: deadline) }
    }
}
