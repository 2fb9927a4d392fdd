public import NIOCore
public import NIOSSL
public import WeirPostgresWire

/// How a ``PostgresProxy`` treats its clients and its servers.
public struct PostgresProxyConfiguration: Sendable {
    /// How long a client has a server connection for itself.
    public enum Mode: Hashable, Sendable {
        /// For each transaction; ``PostgresProxyTable`` says what keeps one longer.
        case transaction
        /// From its first statement until it leaves. What it sets and prepares is its own affair.
        case session
    }

    /// Who gets in.
    public enum Authentication: Sendable {
        /// These users, whoever says that he is one of them; nil: any. For Unix sockets and closed networks.
        case trust(users: Set<String>?)
        /// Those of the list, by SCRAM-SHA-256.
        case scram(PostgresProxyUsers)
    }

    /// As whom the proxy logs in at the server.
    public enum ServerLogin: Hashable, Sendable {
        /// As the URL's user, for all clients.
        case url
        /// As the client's user, with the password of the list where it stands there as it is, or else the URL's.
        case client
    }

    public var mode = Mode.transaction
    public var authentication = Authentication.trust(users: nil)
    public var serverLogin = ServerLogin.url
    /// How servers are connected to and watched.
    public var connection = PostgresConfiguration()
    /// With it a client that asks for TLS gets it.
    public var tls: NIOSSLContext?
    /// Whether a client that does not speak TLS is refused. False unless set.
    public var requiresTLS = false

    // MARK: What a client may do

    /// What messages of clients may be at most. A statement or a row of 1 GiB unless set; they are passed on piece by piece.
    public var wireLimits = PostgresWireLimits()
    /// From the connect to the end of the login. A minute unless set.
    public var loginTimeout: TimeAmount = .seconds(60)
    /// Messages of a client without an answer; with more, nothing is read of it until answers have come. 4,096 unless set, and never less
    /// than that, as a server may hold back so many answers until it is asked for more.
    public var maximumPending = 4096
    /// Prepared statements that a client may have; the next is refused. 4,096 unless set.
    public var maximumStatementsOfClient = 4096
    /// Bytes of a prepared statement that is shared; a longer one is its client's own, who then keeps a server connection. 256 KiB unless set.
    public var maximumStatementLength = 256 * 1024
    /// Parameters of a StartupMessage that are passed over; those that are neither tracked nor named here are refused.
    public var ignoredStartupParameters: Set<String> = []
    /// A client whose connection is to be closed has so long to take what was sent to it. Five seconds unless set.
    public var closeTimeout: TimeAmount = .seconds(5)

    // MARK: The server's side

    /// Prepared statements that each server connection keeps; the one not used for longest is closed. 512 unless set.
    public var maximumStatementsOfServer = 512
    /// Pairs of user and database there may be; another is refused. 256 unless set.
    public var maximumPools = 256

    public init() {}
}

/// Told on its loop what becomes of clients.
public protocol PostgresProxyObserver: AnyObject {
    /// A client has left, or was made to.
    func postgresClientLeft(_ client: PostgresProxyClientSummary)
}

/// What a client did.
public struct PostgresProxyClientSummary: Sendable {
    public let address: SocketAddress?
    /// Nil before the login.
    public let user: String?
    public let database: String?
    public let transactions: UInt64
    public let bytesReceived: UInt64
    public let bytesSent: UInt64
    public let duration: TimeAmount
    /// Why it was disconnected; nil if it left by itself.
    public let reason: String?
}
