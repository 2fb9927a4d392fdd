public import NIOCore
public import NIOSSL
public import WeirRESP

/// How a ``RedisPool`` behaves beside its pool's own configuration.
public struct RedisConfiguration: Sendable {
    /// From the call to the reply, the wait for a connection included. Five seconds unless set.
    public var commandTimeout: TimeAmount = .seconds(5)
    /// Connections of each loop that all its requests share. One unless set; more help only where single replies are large.
    public var sharedConnections = 1
    /// Commands without a reply on one connection, those included that nobody waits for any more; one more is refused. 16,384 unless set.
    public var maximumPending = 16_384
    /// Bytes of commands that wait for a shared connection or for its socket, and of those that may be repeated until their replies come;
    /// when there are so many, one more is refused. 16 MiB unless set.
    public var maximumUnsentBytes = 16 * 1024 * 1024
    /// What a reply may be at most.
    public var replyLimits = RESPLimits()
    /// When a command's time is up and the server has said nothing at all for so long, the connection is closed. Five seconds unless set.
    public var stallTimeout: TimeAmount = .seconds(5)
    /// A shared connection on which nothing was asked for so long is asked by `PING` whether it lives, and over TCP the operating system asks
    /// on every connection that has been silent for so long, also while a command waits on it without a deadline; after as long again
    /// without an answer it is lost. Thirty seconds unless set; nil: never.
    public var keepAlive: TimeAmount? = .seconds(30)
    /// Topics that all subscriptions of a loop may have. 65,536 unless set.
    public var maximumSubscriptions = 65_536
    /// The version to ask for. A server that does not know `HELLO` or this version is spoken to in RESP2; for one that
    /// closes the connection at a command it does not know, as some proxies do, set RESP2.
    public var version = RESPVersion.resp3
    /// What `CLIENT LIST` shows as the connection's name, if anything. Characters from `!` to `~`; a name with others is not set, nor is
    /// one that the server refuses.
    public var clientName: String?

    // MARK: Connecting

    /// How TLS is spoken over TCP. Setting it turns TLS on, whatever the URL says; nil for `rediss://` is
    /// `TLSConfiguration.makeClientConfiguration()`: certificates are verified against the roots of the system. Own roots
    /// (`trustRoots`), a client certificate (`certificateChain`, `privateKey`) and the rest are there. What it names is read once, when the
    /// pool is made, on the calling thread. Unix sockets speak no TLS.
    public var tls: TLSConfiguration?
    /// The name that the server's certificate must have, which is also asked for (SNI). Nil: the host of the URL; for an IP address the
    /// certificate must name that address, and nothing is asked for.
    public var tlsServerName: String?
    /// Of several addresses of a URL each may take so long, from the dial to the end of the login, and then the next is tried; all
    /// together have the pool's connect timeout. Every loop begins with the first one, stays with the one that worked last, and goes through
    /// the others in their order when that one fails. A single address has all of the pool's time. Three seconds unless set; more than 0.
    public var addressTimeout: TimeAmount = .seconds(3)
    /// For a connect that the pool has given up: the operating system's own end of it.
    static var connectTimeout: TimeAmount { .seconds(60) }

    public init() {}

    var limits: RedisPipeline.Limits {
        RedisPipeline.Limits(pending: self.maximumPending, unsentBytes: self.maximumUnsentBytes, stallTimeout: self.stallTimeout)
    }
}
