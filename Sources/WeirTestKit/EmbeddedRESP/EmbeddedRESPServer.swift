import NIOCore
import NIOPosix
import WeirRESP

/// A small server of the Redis protocol inside the process, for tests and for examples that must run with nothing else
/// installed. Not Redis, and it says so in `INFO` and `HELLO`.
///
/// It has strings, counters and expiry, over RESP2 and RESP3, pipelined: `GET SET SETNX SETEX PSETEX GETSET GETDEL MGET MSET
/// APPEND STRLEN INCR INCRBY DECR DECRBY DEL UNLINK EXISTS EXPIRE PEXPIRE TTL PTTL PERSIST TYPE DBSIZE FLUSHALL FLUSHDB
/// PING ECHO SELECT AUTH HELLO RESET QUIT INFO CLIENT COMMAND`. Replies and errors are worded as Redis 7.0 words them; every other command
/// is answered `ERR unknown command`. It lacks other types, persistence, scripts, transactions, subscriptions and inline
/// commands.
///
/// One loop owns the store and serves all connections, so there is no lock. What it holds is bounded by
/// ``Configuration``.
public final class EmbeddedRESPServer: Sendable {
    /// The bounds of a server.
    public struct Configuration: Sendable {
        /// Keys held at most; a command that would add one more is answered `OOM`. 1,048,576 unless set.
        public var maximumKeys = 1 << 20
        /// Bytes of keys and values, with an overhead of 192 a key; over it `OOM`. 256 MiB unless set.
        public var maximumMemory = 256 * 1024 * 1024
        /// Bytes of a value, and of an argument on the wire. 16 MiB unless set.
        public var maximumValueLength = 16 * 1024 * 1024
        /// Connections at once; one more is answered an error and closed. 10,000 unless set.
        public var maximumConnections = 10_000
        /// What `AUTH` must give before anything else is answered. None unless set.
        public var password: String?
        /// The user that `AUTH` with two arguments must name. `default` unless set.
        public var user = "default"

        public init() {}
    }

    /// Where it listens.
    public let address: SocketAddress
    private let channel: any Channel
    private let core: NIOLoopBound<EmbeddedRESPCore>

    /// The port it listens on.
    public var port: Int { self.address.port! }

    private init(channel: any Channel, core: NIOLoopBound<EmbeddedRESPCore>) {
        self.channel = channel
        self.address = channel.localAddress!
        self.core = core
    }

    /// Starts a server on one loop of the group, on 127.0.0.1.
    ///
    /// - Parameters:
    ///   - group: its next loop is the server's.
    ///   - port: 0 for any free one.
    ///   - configuration: the bounds.
    /// - Returns: the listening server, or the error of binding. May be called from any thread.
    public static func start(
        on group: any EventLoopGroup, port: Int = 0, configuration: Configuration = Configuration()
    ) -> EventLoopFuture<EmbeddedRESPServer> {
        let loop = group.next()
        return loop.flatSubmit {
            let core = NIOLoopBound(EmbeddedRESPCore(configuration: configuration, loop: loop), eventLoop: loop)
            return ServerBootstrap(group: loop, childGroup: loop)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let longest = configuration.maximumValueLength
                        let limits = RESPLimits(
                            maximumBulkLength: longest, maximumElements: 64 * 1024, maximumFrameLength: longest + 1024 * 1024)
                        try channel.pipeline.syncOperations.addHandlers(
                            ByteToMessageHandler(RESPRequestDecoder(limits: limits)), EmbeddedRESPConnection(core: core.value))
                    }
                }
                .bind(host: "127.0.0.1", port: port)
                .map { EmbeddedRESPServer(channel: $0, core: core) }
        }
    }

    /// Connections now open. May be called from any thread.
    public func connectionCount() -> EventLoopFuture<Int> {
        let core = self.core
        return self.channel.eventLoop.submit { core.value.connections.count }
    }

    /// Closes all connections and goes on listening, as a server that restarts does to its clients. May be called from any thread.
    public func closeConnections() -> EventLoopFuture<Void> {
        let core = self.core
        return self.channel.eventLoop.submit {
            for connection in Array(core.value.connections.values) { connection.close(promise: nil) }
        }
    }

    /// Stops listening and closes all connections. May be called from any thread, and again.
    public func shutdown() -> EventLoopFuture<Void> {
        let closed = self.channel.closeFuture
        self.channel.close(promise: nil)
        return closed.flatMap { self.closeConnections() }
    }
}

/// What the connections of one server share. Belongs to the server's loop.
final class EmbeddedRESPCore {
    let configuration: EmbeddedRESPServer.Configuration
    let loop: any EventLoop
    let started: NIODeadline
    var store: EmbeddedStore
    var connections: [Int: any Channel] = [:]
    var lastConnection = 0
    var commandsProcessed = 0

    init(configuration: EmbeddedRESPServer.Configuration, loop: any EventLoop) {
        self.configuration = configuration
        self.loop = loop
        self.started = .now()
        self.store = EmbeddedStore(maximumKeys: configuration.maximumKeys, maximumMemory: configuration.maximumMemory)
    }
}
