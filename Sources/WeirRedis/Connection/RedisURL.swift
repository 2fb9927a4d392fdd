/// Where Redis is and how to log in.
///
/// - `redis://[user[:password]@]host[:port][,host[:port]…][/database]`
/// - `rediss://…`, the same over TLS
/// - `redis+unix://[user[:password]@]/path/to/socket[?db=database]`, also written `unix://`
///
/// What follows `?` may give `db` (or `database`), `user` (or `username`) and `password` where the URL has not given them before;
/// anything else is refused, as silence about an option that nobody reads would mislead. User, password, path and what follows `?` are
/// percent-decoded: in a user or password `:` (`%3A`), `@` (`%40`), `/` (`%2F`), `%` (`%25`), `?` (`%3F`) and `#` (`%23`) must be encoded,
/// but for a `:` in the password. `redis://:password@host` has a password and no user, `redis://user:@host` a user
/// who needs no password. An IPv6 address stands in brackets.
///
/// No description, no reflection and no error shows the password. The forms are those that redis-py, go-redis and lettuce agree on, with
/// several hosts as lettuce writes them; `redis+unix` is `unix` of redis-py and go-redis under the name that other tools use.
public struct RedisURL: Hashable, Sendable {
    /// The servers, each as good as the other: see ``RedisConfiguration/addressTimeout`` for the order. Never empty.
    public var addresses: [RedisAddress] {
        didSet { precondition(!self.addresses.isEmpty, "a RedisURL has at least one address") }
    }
    /// Nil for the default user.
    public var user: String?
    /// Nil for no login, or for a user who needs none.
    public var password: String?
    /// The database to select, 0 unless given.
    public var database: Int
    /// Whether TCP connections speak TLS. ``RedisConfiguration/tls`` says how, and turns it on too.
    public var usesTLS: Bool

    /// Servers by their parts.
    ///
    /// - Precondition: there is at least one address.
    public init(addresses: [RedisAddress], user: String? = nil, password: String? = nil, database: Int = 0, usesTLS: Bool = false) {
        precondition(!addresses.isEmpty, "a RedisURL has at least one address")
        self.addresses = addresses
        self.user = user
        self.password = password
        self.database = database
        self.usesTLS = usesTLS
    }

    /// One server over TCP by its parts. An IPv6 address has no brackets here.
    public init(
        host: String, port: Int = RedisAddress.defaultPort, user: String? = nil, password: String? = nil, database: Int = 0,
        usesTLS: Bool = false
    ) {
        self.init(addresses: [.tcp(host: host, port: port)], user: user, password: password, database: database, usesTLS: usesTLS)
    }

    /// The host of the first address, empty for a Unix socket. Setting it makes the first address a TCP one.
    public var host: String {
        get { self.firstTCP.host }
        set { self.addresses[0] = .tcp(host: newValue, port: self.firstTCP.port) }
    }

    /// The port of the first address, 6379 for a Unix socket. Setting it makes the first address a TCP one.
    public var port: Int {
        get { self.firstTCP.port }
        set { self.addresses[0] = .tcp(host: self.firstTCP.host, port: newValue) }
    }

    /// What to log in with, if at all. For a user who needs no password any will do.
    var login: (user: String?, password: String)? {
        self.user == nil && self.password == nil ? nil : (self.user, self.password ?? "")
    }

    private var firstTCP: (host: String, port: Int) {
        guard case .tcp(let host, let port) = self.addresses[0] else { return ("", RedisAddress.defaultPort) }
        return (host, port)
    }
}

extension RedisURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL without its password, for people: not all of it is encoded as a URL would have it.
    public var description: String {
        let login = self.user.map { "\($0)@" } ?? ""
        if self.addresses.count == 1, case .unixSocket(let path) = self.addresses[0] {
            return "redis+unix://\(login)\(path)?db=\(self.database)"
        }
        let addresses = self.addresses.map(\.description).joined(separator: ",")
        return "\(self.usesTLS ? "rediss" : "redis")://\(login)\(addresses)/\(self.database)"
    }

    public var debugDescription: String { self.description }

    /// What `dump` shows: no password.
    public var customMirror: Mirror { Mirror(self, children: ["url": self.description]) }
}
