public import Logging
import NIOConcurrencyHelpers
public import NIOCore
public import ServiceLifecycle
public import WeirCore
public import WeirPool
import WeirPostgresWire

/// A Postgres server for clients of any language, which passes what they say on to a real one over few connections.
///
/// Put a ``PostgresProxyHandler`` of the client's loop into each client's pipeline, as its last handler. On each loop the clients of one user
/// and database share a pool of connections: a client has one for itself during a transaction, or for its session. Messages pass as they came,
/// large ones piece by piece; ``PostgresProxyTable`` says what is done with what a client may leave behind.
public final class PostgresProxy: Sendable, Service {
    /// Where the server is.
    public let url: PostgresURL
    let pools: PostgresProxyPools
    private let locals: LoopLocal<LocalPostgresProxy>

    /// - Parameters:
    ///   - url: where the server is; its login as ``PostgresProxyConfiguration/serverLogin`` says. Its database is not used: that is the
    ///     client's.
    ///   - group: whose loops serve clients.
    ///   - configuration: of clients and servers.
    ///   - pool: of the connections of each user and database.
    ///   - metrics: where it counts.
    ///   - logger: where the pools report leaks, if anywhere.
    ///   - observer: makes what is told on each loop what becomes of its clients.
    public init(
        url: PostgresURL, group: any EventLoopGroup, configuration: PostgresProxyConfiguration = PostgresProxyConfiguration(),
        pool: PoolConfiguration, metrics: MetricRegistry, logger: Logger? = nil,
        observer: (@Sendable (any EventLoop) -> any PostgresProxyObserver)? = nil
    ) {
        self.url = url
        let pools = PostgresProxyPools(
            url: url, group: group, configuration: configuration, pool: pool, metrics: metrics, logger: logger)
        self.pools = pools
        let loops = Array(group.makeIterator())
        self.locals = LoopLocal(group) { loop in
            LocalPostgresProxy(
                pools: pools, loop: loop, number: loops.firstIndex { $0 === loop } ?? 0, loops: loops.count,
                configuration: configuration, metrics: metrics, observer: observer?(loop))
        }
        pools.cancels = { [locals = self.locals] number, secret in
            let index = Int(UInt32(bitPattern: number)) % locals.loops.count
            let loop = locals.loops[index]
            loop.execute { locals[loop].cancel(number, secret) }
        }
    }

    /// The part of this loop; on the loop only.
    public subscript(loop: any EventLoop) -> LocalPostgresProxy { self.locals[loop] }

    /// The pools that there are, by the name of their user and database. May be called on any thread.
    public var connections: [(user: String, database: String, pool: Pool<PostgresConnection>)] {
        self.pools.all.map { ($0.user, $0.database, $1) }
    }

    /// As a service: runs until graceful shutdown or the task's cancellation, and closes. Let the clients leave before.
    public func run() async throws {
        try? await gracefulShutdown()
        try await self.shutdown().get()
    }

    /// Closes all connections to the server.
    public func shutdown() -> EventLoopFuture<Void> {
        self.pools.end()
        let closed = self.pools.all.map { $0.1.shutdown(deadline: .now()) }
        return EventLoopFuture.andAllComplete(closed, on: self.locals.loops[0])
    }
}

/// The pools of all loops, made when a client first wants one.
final class PostgresProxyPools: Sendable {
    struct Key: Hashable, Sendable {
        let user: String
        let database: String
    }

    private struct State {
        var pools: [Key: Pool<PostgresConnection>] = [:]
        var hasEnded = false
        var cancels: (@Sendable (_ number: Int32, _ secret: UInt32) -> Void)?
    }

    private let url: PostgresURL
    private let group: any EventLoopGroup
    private let configuration: PostgresProxyConfiguration
    private let pool: PoolConfiguration
    private let metrics: MetricRegistry
    private let logger: Logger?
    private let state = NIOLockedValueBox(State())

    init(
        url: PostgresURL, group: any EventLoopGroup, configuration: PostgresProxyConfiguration, pool: PoolConfiguration,
        metrics: MetricRegistry, logger: Logger?
    ) {
        (self.url, self.group, self.configuration, self.pool) = (url, group, configuration, pool)
        (self.metrics, self.logger) = (metrics, logger)
    }

    var all: [(Key, Pool<PostgresConnection>)] { self.state.withLockedValue { $0.pools.map { ($0.key, $0.value) } } }

    /// Tells the loop that a number belongs to.
    var cancels: (@Sendable (_ number: Int32, _ secret: UInt32) -> Void)? {
        get { self.state.withLockedValue { $0.cancels } }
        set { self.state.withLockedValue { $0.cancels = newValue } }
    }

    func end() {
        self.state.withLockedValue {
            $0.hasEnded = true
            $0.cancels = nil
        }
    }

    /// The pool of a user and database; nil if there are too many, or no more.
    func pool(_ key: Key) -> Pool<PostgresConnection>? {
        self.state.withLockedValue { state in
            if let pool = state.pools[key] { return pool }
            guard state.pools.count < self.configuration.maximumPools, !state.hasEnded else { return nil }
            var url = self.url
            url.database = key.database
            if self.configuration.serverLogin == .client {
                url.user = key.user
                if case .scram(let users) = self.configuration.authentication, let password = users.password(of: key.user) {
                    url.password = password
                }
            }
            var configuration = self.configuration.connection
            // Names of the connection's own statements, of which it has none.
            configuration.maximumPreparedStatements = 0
            let target = PostgresServerTarget(url: url, configuration: configuration, isForClients: true)
            let pool = Pool<PostgresConnection>(
                name: "postgres:\(key.user)@\(key.database)", group: self.group, configuration: self.pool, metrics: self.metrics,
                logger: self.logger
            ) { loop in PostgresConnectionFactory(target: target, loop: loop) }
            state.pools[key] = pool
            return pool
        }
    }
}
