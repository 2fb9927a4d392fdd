import NIOSSL
import WeirSockets

/// What all connections of a pool are made from: where to connect, how to log in, how to speak TLS. Shared by the loops.
struct PostgresServerTarget: Sendable {
    let url: PostgresURL
    let configuration: PostgresConfiguration
    /// Nil for none.
    let tls: ClientTLS?
    let keys: PostgresKeyDerivation
    /// Sessions are those of a proxy's clients, and begin as the server has it.
    let isForClients: Bool

    var usesTLS: Bool { self.tls != nil }

    /// Reads the certificates that the URL and the configuration name, on the calling thread. What is wrong with them is found by each connect.
    init(url: PostgresURL, configuration: PostgresConfiguration, isForClients: Bool = false) {
        self.isForClients = isForClients
        self.url = url
        self.configuration = configuration
        self.keys = PostgresKeyDerivation(password: url.password ?? "")
        guard url.tlsMode != .disable else {
            self.tls = nil
            return
        }
        // A root that is named is there to be verified with, as libpq has it.
        let namesRoot = url.rootCertificateFile != nil
        self.tls = ClientTLS(serverName: configuration.tlsServerName) {
            var tls = try configuration.tls ?? Self.configuration(of: url)
            switch url.tlsMode {
            case .require where namesRoot: tls.certificateVerification = .noHostnameVerification
            case .disable, .prefer, .require: tls.certificateVerification = .none
            case .verifyCA: tls.certificateVerification = .noHostnameVerification
            case .verifyFull: tls.certificateVerification = .fullVerification
            }
            return tls
        }
    }

    private init(withoutTLS other: PostgresServerTarget) {
        (self.url, self.configuration, self.keys, self.isForClients) = (other.url, other.configuration, other.keys, other.isForClients)
        self.tls = nil
    }

    /// The same, in plain text.
    var withoutTLS: PostgresServerTarget { PostgresServerTarget(withoutTLS: self) }

    private static func configuration(of url: PostgresURL) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let file = url.rootCertificateFile { tls.trustRoots = .file(file) }
        if let file = url.certificateFile {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
        }
        if let file = url.privateKeyFile { tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem)) }
        return tls
    }
}
