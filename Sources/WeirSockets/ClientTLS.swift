internal import NIOCore
package import NIOSSL

/// TLS as one pool speaks it. The context, which reads certificates and takes a while, is made once and shared by all loops.
package struct ClientTLS: Sendable {
    private let context: Result<NIOSSLContext, any Error>
    private let serverName: String?

    /// Reads what the configuration names, on the calling thread. What is wrong with it is found by each connect.
    ///
    /// - Parameter serverName: instead of the host's name.
    package init(_ configuration: TLSConfiguration, serverName: String?) {
        self.init(serverName: serverName) { configuration }
    }

    /// As ``init(_:serverName:)``, of a configuration that may be found wrong itself.
    package init(serverName: String?, _ configuration: () throws -> TLSConfiguration) {
        self.context = Result { try NIOSSLContext(configuration: try configuration()) }
        self.serverName = serverName
    }

    /// What speaks TLS with one host.
    ///
    /// A name is asked for (SNI) and verified; without one the certificate must name the IP address that was connected to. Throws if the
    /// configuration or the name cannot be used.
    package func handler(host: String) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: try self.context.get(), serverHostname: self.serverName ?? Self.name(host))
    }

    /// Nil for an IP address. A name that ends in a dot is one without it in certificates.
    private static func name(_ host: String) -> String? {
        if (try? SocketAddress(ipAddress: host, port: 0)) != nil { return nil }
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    /// Whether the connection ended because TLS was not agreed on, and not because it was cut.
    package static func isFailure(_ error: any Error) -> Bool {
        switch error {
        case is NIOSSLExtraError, is BoringSSLError: return true
        case let error as NIOSSLError: return error != .uncleanShutdown
        default: return false
        }
    }
}
