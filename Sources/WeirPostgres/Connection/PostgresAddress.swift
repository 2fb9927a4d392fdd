/// Where one Postgres server listens.
public enum PostgresAddress: Hashable, Sendable {
    /// A TCP port. The host is a name or an IP address, an IPv6 address without brackets.
    case tcp(host: String, port: Int)
    /// A Unix domain socket, by its whole path: `/var/run/postgresql/.s.PGSQL.5432`.
    case unixSocket(path: String)

    /// Postgres' own port.
    public static var defaultPort: Int { 5432 }

    /// The socket of the server on this port in a directory, as the server names it.
    public static func unixSocket(directory: String, port: Int = PostgresAddress.defaultPort) -> PostgresAddress {
        .unixSocket(path: "\(directory.hasSuffix("/") ? String(directory.dropLast()) : directory)/.s.PGSQL.\(port)")
    }
}

extension PostgresAddress: CustomStringConvertible {
    /// `host:port`, or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixSocket(let path): return path
        }
    }
}
