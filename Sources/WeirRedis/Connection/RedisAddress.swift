/// Where one Redis server listens.
public enum RedisAddress: Hashable, Sendable {
    /// A TCP port. The host is a name or an IP address, an IPv6 address without brackets.
    case tcp(host: String, port: Int)
    /// A Unix domain socket.
    case unixSocket(path: String)

    /// Redis' own port.
    public static var defaultPort: Int { 6379 }
}

extension RedisAddress: CustomStringConvertible {
    /// `host:port`, or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixSocket(let path): return path
        }
    }
}
