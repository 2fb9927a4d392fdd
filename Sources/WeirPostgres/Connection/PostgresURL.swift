/// Which server, as whom, and how: what libpq calls a connection string.
///
/// - `postgres://[user[:password]@][host[:port][,host[:port]…]][/database][?option=value[&…]]`, also `postgresql://`
/// - `host=… port=… dbname=… user=… password=… option=…`, values with blanks in single quotes, `\'` and `\\` inside
///
/// In a URL everything is percent-decoded, and a host that begins with `/` (`%2Fvar%2Frun%2Fpostgresql`) is the directory of a Unix socket.
/// Options in either form: `host`, `hostaddr`, `port`, `dbname`, `user`, `password`, `sslmode`, `sslrootcert`, `sslcert`, `sslkey`,
/// `channel_binding`, `target_session_attrs`, `connect_timeout`, `application_name`, `options`, `client_encoding` (UTF8 or auto only).
/// Anything else is refused, as silence about an option that nobody reads would mislead. No environment variable and no password file is
/// read. Nothing that it prints shows the password.
///
/// Source: <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING>.
public struct PostgresURL: Hashable, Sendable {
    /// The servers, in the order in which they are tried. Never empty.
    public var addresses: [PostgresAddress] {
        didSet { precondition(!self.addresses.isEmpty, "a PostgresURL has at least one address") }
    }
    /// Who logs in.
    public var user: String
    /// Nil for none, where the server asks for none.
    public var password: String?
    /// Nil for the database named as the user.
    public var database: String?
    /// Whether TCP connections speak TLS. `prefer` unless given, as libpq has it.
    public var tlsMode: PostgresTLSMode
    /// Files of PEM, nil for the system's authorities and for no certificate of one's own. ``PostgresConfiguration/tls`` says it in more ways.
    public var rootCertificateFile: String?
    public var certificateFile: String?
    public var privateKeyFile: String?
    /// `prefer` unless given.
    public var channelBinding: PostgresChannelBinding
    /// `any` unless given.
    public var sessionAttributes: PostgresSessionAttributes
    /// Seconds for each address, nil for ``PostgresConfiguration/addressTimeout``.
    public var connectTimeoutSeconds: Int?
    /// What `pg_stat_activity` shows.
    public var applicationName: String?
    /// Command-line options of the session (`-c statement_timeout=5s`).
    public var options: String?

    /// Servers by their parts.
    ///
    /// - Precondition: there is at least one address.
    public init(
        addresses: [PostgresAddress], user: String, password: String? = nil, database: String? = nil, tlsMode: PostgresTLSMode = .prefer
    ) {
        precondition(!addresses.isEmpty, "a PostgresURL has at least one address")
        self.addresses = addresses
        self.user = user
        self.password = password
        self.database = database
        self.tlsMode = tlsMode
        self.channelBinding = .prefer
        self.sessionAttributes = .any
    }
}

extension PostgresURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL without its password, for people: not all of it is encoded as a URL would have it.
    public var description: String {
        let hosts = self.addresses.map(\.description).joined(separator: ",")
        return "postgres://\(self.user)@\(hosts)/\(self.database ?? self.user)?sslmode=\(self.tlsMode.rawValue)"
    }
    public var debugDescription: String { self.description }
    /// What `dump` shows: no password.
    public var customMirror: Mirror { Mirror(self, children: ["url": self.description]) }
}
