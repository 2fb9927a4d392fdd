public import NIOCore
public import WeirRESP

/// How a ``RedisProxy`` treats its clients and its server.
public struct RedisProxyConfiguration: Sendable {
    /// How clients get to the server.
    public enum Mode: Hashable, Sendable {
        /// Clients share connections, and lease one for what ``RedisProxyTable`` says.
        case shared
        /// Each client has a connection of its own, over which everything passes as it is: it logs in itself, whatever the URL says.
        case passThrough
    }

    /// How clients get to the server. Shared unless set.
    public var mode = Mode.shared
    /// How the server is connected to and watched. Its version is of no meaning here: that is each client's own.
    public var connection = RedisConfiguration()
    /// Who may use the proxy. Nil: the server decides, and `AUTH` is passed on to it. Of no meaning when passing through.
    public var users: RedisUsers?

    // MARK: What a client may do

    /// What a command may be at most. A longer one is an error after which the client is disconnected, as with Redis. 64 MiB in all unless set.
    public var commandLimits = RESPLimits(maximumBulkLength: 64 * 1024 * 1024, maximumFrameLength: 64 * 1024 * 1024 + 1024)
    /// Commands of a client without a reply; more are not passed on until replies have come. A client begins with 16 and has more as replies
    /// come that are small. 1,024 unless set.
    public var maximumPending = 1024
    /// Bytes of commands that are read of a client whose turn it is not. 1 MiB unless set.
    public var maximumInput = 1024 * 1024
    /// Bytes of replies that are held for a client that does not take them; with half of it no more commands of it are read, and with more
    /// than all it is disconnected. 64 MiB unless set.
    public var maximumOutput = 64 * 1024 * 1024
    /// A client that says nothing for so long, and waits for nothing, is disconnected. Nil, which it is unless set: never. Of no meaning when
    /// passing through, where the server's own `timeout` does it.
    public var idleTimeout: TimeAmount?
    /// Commands that take longer are told to the observer. Nil, which it is unless set: none. Of no meaning when passing through.
    public var slowThreshold: TimeAmount?

    // MARK: The server's side

    /// Bytes of commands that wait for a shared connection; with more, clients are not read from. 1 MiB unless set.
    public var maximumUnsent = 1024 * 1024
    /// A command for which there is no connection by then gets an error. Five seconds unless set.
    public var connectionTimeout: TimeAmount = .seconds(5)
    /// A shared connection that owes replies and is silent for so long is closed, and with it the clients that wait. A minute unless set;
    /// scripts take so long at most.
    public var stallTimeout: TimeAmount = .seconds(60)
    /// A client whose connection is to be closed has so long to take what was sent to it. Five seconds unless set.
    public var closeTimeout: TimeAmount = .seconds(5)

    public init() {}
}

/// Told on its loop what becomes of clients.
public protocol RedisProxyObserver: AnyObject {
    /// A client has left, or was made to.
    func redisClientLeft(_ client: RedisProxyClientSummary)
    /// A command, or several that were sent together, took longer than ``RedisProxyConfiguration/slowThreshold``.
    func redisCommandWasSlow(_ command: RedisSlowCommand)
}

/// What a client did.
public struct RedisProxyClientSummary: Sendable {
    public let address: SocketAddress?
    /// As whom it had logged in last with the proxy's list of users.
    public let user: String?
    public let commands: UInt64
    public let bytesReceived: UInt64
    public let bytesSent: UInt64
    public let duration: TimeAmount
    /// Why it was disconnected; nil if it left by itself.
    public let reason: StaticString?
}

/// A command that was slow, without its arguments.
public struct RedisSlowCommand: Sendable {
    public let address: SocketAddress?
    /// The name of the first of them, up to sixteen characters, printable ones.
    public let name: String
    /// Commands that were sent together with it, counted with it.
    public let count: Int
    /// From the last byte of the command to the last of its reply.
    public let duration: TimeAmount
}
