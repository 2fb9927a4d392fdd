public import Logging
public import NIOCore
public import ServiceLifecycle
public import WeirCore
public import WeirPool
import WeirRESP

/// A Redis server for clients of any language, which passes their commands on to a real one over few connections.
///
/// Put a ``RedisProxyHandler`` of the client's loop into each client's pipeline, as its last handler. On each loop clients share one
/// connection for each user, database and version of RESP in use; ``RedisProxyTable`` says what leases another. A client's replies are its
/// own, in its order, byte for byte as the server sent them.
public final class RedisProxy: Sendable, Service {
    /// The connections to the server, shared and leased ones.
    public let connections: Pool<RedisConnection>
    /// Where the server is.
    public let url: RedisURL
    private let locals: LoopLocal<LocalRedisProxy>

    /// - Parameters:
    ///   - url: where the server is. Its login is that of clients who have not logged in themselves.
    ///   - group: whose loops serve clients.
    ///   - configuration: of clients and server.
    ///   - pool: of the connections: its maximum bounds how many clients may lease one at a time, beside the shared ones.
    ///   - metrics: where it counts.
    ///   - logger: where the pool reports leaks, if anywhere.
    ///   - observer: makes what is told on each loop what becomes of its clients.
    public init(
        url: RedisURL, group: any EventLoopGroup, configuration: RedisProxyConfiguration = RedisProxyConfiguration(),
        pool: PoolConfiguration, metrics: MetricRegistry, logger: Logger? = nil,
        observer: (@Sendable (any EventLoop) -> any RedisProxyObserver)? = nil
    ) {
        self.url = url
        let target = RedisTarget(url: url, configuration: configuration.connection, shakesHands: false)
        let connections = Pool<RedisConnection>(name: "redis", group: group, configuration: pool, metrics: metrics, logger: logger) {
            loop in
            RedisConnectionFactory(target: target, loop: loop)
        }
        self.connections = connections
        self.locals = LoopLocal(group) { loop in
            LocalRedisProxy(
                pool: connections[loop], loop: loop, url: url, configuration: configuration, metrics: metrics, observer: observer?(loop))
        }
    }

    /// The part of this loop; on the loop only.
    public subscript(loop: any EventLoop) -> LocalRedisProxy { self.locals[loop] }

    /// As a service: runs until graceful shutdown or the task's cancellation, and closes. Let the clients leave before.
    public func run() async throws {
        try? await gracefulShutdown()
        try await self.shutdown().get()
    }

    /// Closes all connections to the server.
    public func shutdown() -> EventLoopFuture<Void> {
        let (locals, connections) = (self.locals, self.connections)
        let ended = RedisError(.shutdown, "an event loop of the group has ended without an answer")
        return LoopInquiry<Void>.ask(locals.loops, ended: ended) { loop in
            locals[loop].end()
            return loop.makeSucceededVoidFuture()
        }.map { _ in }.flatMapErrorThrowing { _ in }.flatMap { connections.shutdown(deadline: .now()) }
    }
}

/// A proxy's part of one loop. On that loop only.
public final class LocalRedisProxy {
    let pool: LocalPool<RedisConnection>
    let loopContext: LoopContext
    let configuration: RedisProxyConfiguration
    let observer: (any RedisProxyObserver)?
    let lookup = RedisProxyLookup()
    /// What a client is that has said nothing.
    let anonymous: RedisIdentity
    private var relays: [RedisIdentity: RedisSharedRelay] = [:]
    let commands: LocalCounter
    let bytesReceived: LocalCounter
    let bytesSent: LocalCounter
    let refusals: LocalCounter
    let upstreamLosses: LocalCounter
    let slowCommands: LocalCounter

    init(
        pool: LocalPool<RedisConnection>, loop: any EventLoop, url: RedisURL, configuration: RedisProxyConfiguration,
        metrics: MetricRegistry, observer: (any RedisProxyObserver)?
    ) {
        self.pool = pool
        self.loopContext = .of(loop)
        self.configuration = configuration
        self.observer = observer
        let login = url.login.map { login in
            RedisIdentity.Login(user: login.user.map { ByteBuffer(string: $0) }, password: ByteBuffer(string: login.password))
        }
        self.anonymous = RedisIdentity(login: login, database: url.database)
        func counter(_ name: String, _ help: String) -> LocalCounter { metrics.counter("redis_proxy_\(name)", help: help).local(loop) }
        self.commands = counter("commands", "commands of clients")
        self.bytesReceived = counter("received_bytes", "from clients")
        self.bytesSent = counter("sent_bytes", "to clients")
        self.refusals = counter("refused_commands", "commands that the proxy answered with an error")
        self.upstreamLosses = counter("clients_cut", "clients disconnected since the server's connection was lost under their commands")
        self.slowCommands = counter("slow_commands", "commands that took longer than the threshold")
    }

    /// Before another connection is asked for in place of one that was lost before it was of use.
    static var pause: TimeAmount { .milliseconds(20) }

    /// The loop that it belongs to.
    public var loop: any EventLoop { self.loopContext.loop }

    /// The connection that clients of this identity share; joined for as long as they may use it.
    func join(_ identity: RedisIdentity) -> RedisSharedRelay {
        let relay = self.relays[identity] ?? RedisSharedRelay(identity, proxy: self)
        self.relays[identity] = relay
        relay.users += 1
        return relay
    }

    func leave(_ relay: RedisSharedRelay) {
        relay.users -= 1
        self.unusedIfIdle(relay)
    }

    /// What nobody uses is given back, but for the connection that the next client will want.
    func unusedIfIdle(_ relay: RedisSharedRelay) {
        guard relay.users == 0, relay.inFlight == 0, relay.identity != self.anonymous, self.relays[relay.identity] === relay else { return }
        self.relays[relay.identity] = nil
        relay.end()
    }

    func wasSlow(_ name: RedisCommandName, count: Int, _ duration: TimeAmount, of client: RedisProxyHandler) {
        self.slowCommands.increment()
        self.observer?.redisCommandWasSlow(
            RedisSlowCommand(address: client.address, name: name.description, count: count, duration: duration))
    }

    func end() {
        for relay in self.relays.values { relay.end() }
        self.relays = [:]
    }
}
