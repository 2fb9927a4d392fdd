public import NIOCore
public import NIOSSL
public import WeirPostgresWire

/// How a ``PostgresPool`` behaves beside its pool's own configuration.
public struct PostgresConfiguration: Sendable {
    /// From the call to the end of the result, the wait for a connection included. Thirty seconds unless set.
    public var statementTimeout: TimeAmount = .seconds(30)
    /// Connections of each loop that independent statements share, opened as they are needed. Four unless set.
    public var sharedConnections = 4
    /// Statements in flight on one shared connection; more wait for one whose turn has come. Sixty-four unless set; 1 for no pipelining.
    public var pipelineDepth = 64
    /// Statements of a loop that wait or are in flight; one more is refused. 16,384 unless set.
    public var maximumPending = 16_384
    /// Bytes of statements that wait for a connection or its socket; when there are so many, one more is refused. 16 MiB unless set.
    public var maximumUnsentBytes = 16 * 1024 * 1024
    /// Prepared statements that each connection keeps; the one not used for longest is closed. 0 for a server behind a pooler that does not
    /// know prepared statements: then each statement is parsed each time. 256 unless set.
    public var maximumPreparedStatements = 256
    /// Rows and bytes of a result that is collected; one that is larger fails with ``PostgresError/Code/resultTooLarge``. A million rows and
    /// 256 MiB unless set.
    public var maximumCollectedRows = 1_000_000
    public var maximumCollectedBytes = 256 * 1024 * 1024
    /// What a message of the server may be at most.
    public var wireLimits = PostgresWireLimits()
    /// A shared connection on which nothing was asked for so long is asked by an empty statement whether it lives, and over TCP the operating
    /// system asks on every connection that was silent for so long; after as long again without an answer it is lost. Thirty seconds unless
    /// set; nil: never.
    public var keepAlive: TimeAmount? = .seconds(30)
    /// How long the server may take to end a statement that was cancelled before its connection is given up. Five seconds unless set.
    public var cancelTimeout: TimeAmount = .seconds(5)
    /// What is done with a connection that was leased before the next one gets it. ``PostgresReset/whenAltered`` unless set.
    public var reset = PostgresReset.whenAltered
    /// Settings of each session (`search_path`, `statement_timeout`, `TimeZone`). `client_encoding` is UTF8, `DateStyle` ISO and cannot be set.
    public var parameters: [String: String] = [:]
    /// Called on the connection's loop with what the server has to say beside the results.
    public var onNotice: (@Sendable (PostgresServerError) -> Void)?

    // MARK: Connecting

    /// How TLS is spoken, instead of what the URL's files say. ``PostgresURL/tlsMode`` still says what is verified.
    public var tls: TLSConfiguration?
    /// The name that the server's certificate must have. Nil: the host of the URL.
    public var tlsServerName: String?
    /// Of several addresses each may take so long, from the dial to the end of the login. Three seconds unless set.
    public var addressTimeout: TimeAmount = .seconds(3)
    /// Whether the password may be sent as it is: over TLS that verifies the server, or over a Unix socket, and only if this is set. False
    /// unless set.
    public var allowsCleartextPassword = false
    /// Whether the password may be sent hashed by MD5, which keeps little from those who listen. True unless set, as servers still ask for it.
    public var allowsMD5Password = true
    /// What SCRAM may make this side compute: rounds of hashing. 100,000 unless set; servers use 4,096.
    public var maximumSCRAMIterations = 100_000
    /// For a connect that the pool has given up: the operating system's own end of it.
    static var connectTimeout: TimeAmount { .seconds(60) }

    public init() {}
}

/// When the session of a connection that was leased is reset (`DISCARD ALL`) before somebody else gets it. A transaction that was left open is
/// rolled back in any case.
public enum PostgresReset: Hashable, Sendable {
    /// Never: what one sets, the next one finds.
    case never
    /// When statements were run that leave something behind: `SET`, `LISTEN`, `PREPARE`, tables that may be temporary, functions that were
    /// called by name. What a `SELECT` of a function leaves behind (`pg_advisory_lock`) is seen only if it is a setting that the server tells.
    case whenAltered
    /// Each time. The prepared statements are gone each time, too.
    case always
}
