import NIOCore
import NIOSSL

/// TLS as one pool speaks it. The context, which reads certificates and takes a while, is made once and shared by all loops.
struct RedisTLS: Sendable {
    private let context: Result<NIOSSLContext, any Error>
    private let serverName: String?

    /// Reads what the configuration names, on the calling thread. What is wrong with it is found by each connect.
    ///
    /// - Parameter serverName: instead of the host's name.
    init(_ configuration: TLSConfiguration, serverName: String?) {
        self.context = Result { try NIOSSLContext(configuration: configuration) }
        self.serverName = serverName
    }

    /// What speaks TLS with one host.
    ///
    /// A name is asked for (SNI) and verified; without one the certificate must name the IP address that was connected to.
    func handler(host: String) throws(RedisError) -> NIOSSLClientHandler {
        do {
            return try NIOSSLClientHandler(context: try self.context.get(), serverHostname: self.serverName ?? Self.name(host))
        } catch {
            throw RedisError(.tlsFailed, "the TLS configuration or the server's name cannot be used", cause: error)
        }
    }

    /// Nil for an IP address. A name that ends in a dot is one without it in certificates.
    private static func name(_ host: String) -> String? {
        if (try? SocketAddress(ipAddress: host, port: 0)) != nil { return nil }
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    /// Whether the connection ended because TLS was not agreed on, and not because it was cut.
    static func isFailure(_ error: any Error) -> Bool {
        switch error {
        case is NIOSSLExtraError, is BoringSSLError: return true
        case let error as NIOSSLError: return error != .uncleanShutdown
        default: return false
        }
    }
}
