import Logging
public import NIOCore
public import ServiceLifecycle
public import WeirCore
public import WeirPool

/// Postgres for all loops of a group. Make one, keep it, and ask `pool[loop]` on each loop.
///
/// A `Pool` of ``PostgresConnection``s underneath: no statement leaves the loop it was given on. Each loop holds up to
/// ``PostgresConfiguration/sharedConnections`` of them for all its independent statements and leases the others out; the pool's bounds count
/// both.
public final class PostgresPool: Sendable, Service {
    /// The pool underneath: its statistics, and its administration. Not to be shut down by itself: the shared connections are leases.
    public let connections: Pool<PostgresConnection>
    /// Where the server is.
    public let url: PostgresURL
    private let locals: LoopLocal<LocalPostgres>

    /// - Parameters:
    ///   - url: where the server is and how to log in.
    ///   - name: names the pool in reports and metrics.
    ///   - group: whose loops may ask.
    ///   - configuration: of statements.
    ///   - pool: of the pool of connections.
    ///   - metrics: where the pool counts, if anywhere.
    ///   - logger: where the pool reports leaks, if anywhere.
    public init(
        url: PostgresURL, name: String = "postgres", group: any EventLoopGroup,
        configuration: PostgresConfiguration = PostgresConfiguration(), pool: PoolConfiguration, metrics: MetricRegistry? = nil,
        logger: Logger? = nil
    ) {
        self.url = url
        let target = PostgresServerTarget(url: url, configuration: configuration)
        let connections = Pool<PostgresConnection>(
            name: name, group: group, configuration: pool, metrics: metrics, logger: logger
        ) { loop in PostgresConnectionFactory(target: target, loop: loop) }
        self.connections = connections
        self.locals = LoopLocal(group) { loop in
            LocalPostgres(pool: connections[loop], loopContext: LoopContext.of(loop), configuration: configuration, backoff: pool.backoff)
        }
    }

    /// The part of this loop; on the loop only. Look it up once per connection.
    public subscript(loop: any EventLoop) -> LocalPostgres { self.locals[loop] }

    /// As a service: runs until graceful shutdown or the task's cancellation; then it drains for up to ``drainTime`` and closes.
    public func run() async throws {
        try? await gracefulShutdown()
        try await self.shutdown(deadline: .now() + Self.drainTime).get()
    }

    /// How long ``run()`` lets statements end and leases come back: half a minute.
    public static var drainTime: TimeAmount { .seconds(30) }

    /// Takes no more statements, answers those that wait until the deadline, and closes everything. See `Pool.shutdown(deadline:)`.
    public func shutdown(deadline: NIODeadline) -> EventLoopFuture<Void> {
        let (locals, connections) = (self.locals, self.connections)
        let ended = PostgresError(.shutdown, "an event loop of the group has ended without an answer")
        return LoopInquiry<Void>.ask(locals.loops, ended: ended) { loop in
            // Also where it was never used: so that it takes nothing there any more.
            locals[loop].drain(deadline: deadline)
        }.map { _ in }.flatMapErrorThrowing { _ in }.flatMap { connections.shutdown(deadline: deadline) }
    }
}
