import Logging
import NIOCore
import NIOHTTP1
import WeirCore
import WeirPool

/// HTTP/1.1 connections to one origin for all loops of a group. Make one for each origin, keep it, and ask `pool[loop]`.
public final class HTTPPool: Sendable {
    /// The pool underneath: its statistics, its drain, and `run()` for a service group.
    public let connections: Pool<HTTPConnection>
    /// The server.
    public let origin: HTTPOrigin
    private let locals: LoopLocal<LocalHTTPPool>

    /// - Parameters:
    ///   - origin: the server.
    ///   - name: names the pool in reports and metrics.
    ///   - group: whose loops may ask.
    ///   - deadlines: of exchanges that name none of their own.
    ///   - pool: of the pool of connections.
    ///   - responseLimits: what a response's head may be at most. 16 KiB a field, 64 KiB in all and 128 fields unless set.
    ///   - metrics: where the pool counts, if anywhere.
    ///   - logger: where the pool reports leaks, if anywhere.
    public init(
        origin: HTTPOrigin, name: String = "http", group: any EventLoopGroup, deadlines: HTTPDeadlines = HTTPDeadlines(),
        pool: PoolConfiguration, responseLimits: NIOHTTPDecoderLimitConfiguration = .weir, metrics: MetricRegistry? = nil,
        logger: Logger? = nil
    ) {
        self.origin = origin
        let connections = Pool<HTTPConnection>(
            name: name, group: group, configuration: pool, metrics: metrics, logger: logger
        ) { loop in HTTPConnectionFactory(origin: origin, limits: responseLimits, loop: loop) }
        self.connections = connections
        self.locals = LoopLocal(group) { loop in
            LocalHTTPPool(origin: origin, pool: connections[loop], loopContext: LoopContext.of(loop), deadlines: deadlines)
        }
    }

    /// The part of this loop; on the loop only. Look it up once per connection.
    public subscript(loop: any EventLoop) -> LocalHTTPPool { self.locals[loop] }

    /// Drains and closes. See `Pool.shutdown(deadline:)`.
    public func shutdown(deadline: NIODeadline) -> EventLoopFuture<Void> { self.connections.shutdown(deadline: deadline) }
}

/// An ``HTTPPool`` on one loop: touch it on that loop only.
public final class LocalHTTPPool {
    /// The server.
    public let origin: HTTPOrigin
    private let pool: LocalPool<HTTPConnection>
    private let loopContext: LoopContext
    private let deadlines: HTTPDeadlines

    init(origin: HTTPOrigin, pool: LocalPool<HTTPConnection>, loopContext: LoopContext, deadlines: HTTPDeadlines) {
        self.origin = origin
        self.pool = pool
        self.loopContext = loopContext
        self.deadlines = deadlines
    }

    /// Sends a request; the response goes to the delegate, which may be called before this returns.
    ///
    /// - Parameters:
    ///   - head: method, target and headers. Its framing headers and `Connection` are replaced; `Host` is added if missing.
    ///   - body: how the body is framed that the caller will write.
    ///   - deadlines: by default the pool's.
    ///   - owner: who holds the connection meanwhile.
    ///   - delegate: held weakly; without it the exchange ends by its deadlines.
    /// - Returns: the exchange, to write the body to, to pause and to cancel.
    /// - Throws: ``HTTPError/Code/invalidRequest`` for a head that no server may be sent. Nothing was sent then.
    public func exchange(
        _ head: HTTPRequestHead, body: HTTPRequestBody = .none, deadlines: HTTPDeadlines? = nil, owner: Owner = .none,
        delegate: any HTTPExchangeDelegate
    ) throws(HTTPError) -> HTTPExchange {
        let exchange = HTTPExchange(
            pool: self.pool, loopContext: self.loopContext, head: try HTTPRequestFraming.head(head, body: body, origin: self.origin),
            body: body, deadlines: deadlines ?? self.deadlines, owner: owner, delegate: delegate)
        exchange.start()
        return exchange
    }
}

extension NIOHTTPDecoderLimitConfiguration {
    /// What Weir accepts of a message's head: 16 KiB a field, 64 KiB and 128 fields in all.
    public static var weir: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 16 * 1024
        limits.maxHeaderListSize = 64 * 1024
        limits.maxHeaderFieldCount = 128
        return limits
    }
}
