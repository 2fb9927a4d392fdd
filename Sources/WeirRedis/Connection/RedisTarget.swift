import NIOSSL
import WeirSockets

/// What all connections of a pool are made from: where to connect, how to log in, how to speak TLS. Shared by the loops.
struct RedisTarget: Sendable {
    let url: RedisURL
    let configuration: RedisConfiguration
    /// Nil for none.
    let tls: ClientTLS?
    /// Whether the handshake is done on a new connection; if not, it is as the server made it, not logged in.
    let shakesHands: Bool

    /// Reads the certificates that the configuration names, on the calling thread.
    init(url: RedisURL, configuration: RedisConfiguration, shakesHands: Bool = true) {
        self.url = url
        self.shakesHands = shakesHands
        self.configuration = configuration
        if let tls = configuration.tls ?? (url.usesTLS ? .makeClientConfiguration() : nil) {
            self.tls = ClientTLS(tls, serverName: configuration.tlsServerName)
        } else {
            self.tls = nil
        }
    }
}
