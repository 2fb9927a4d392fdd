import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A server over TLS that knows what a login needs, and ends connections as it is told: `GET CUT` without close_notify,
/// `GET QUIT` with, `GET HALF` in one direction.
final class TLSServer: Sendable {
    struct Counts {
        var accepted = 0
        var open = 0
        var received = 0
        var cleanShutdowns = 0
        var names: [String] = []
    }

    private let channel: any Channel
    private let counts: NIOLockedValueBox<Counts>

    private init(channel: any Channel, counts: NIOLockedValueBox<Counts>) {
        self.channel = channel
        self.counts = counts
    }

    var port: Int { self.channel.localAddress!.port! }
    var accepted: Int { self.counts.withLockedValue { $0.accepted } }
    var open: Int { self.counts.withLockedValue { $0.open } }
    /// Bytes that came through TLS.
    var received: Int { self.counts.withLockedValue { $0.received } }
    /// Connections that ended with close_notify of the client.
    var cleanShutdowns: Int { self.counts.withLockedValue { $0.cleanShutdowns } }
    /// The names that clients asked for.
    var names: [String] { self.counts.withLockedValue { $0.names } }

    /// - Parameter isDeaf: stops to read when the login begins, so that it answers nothing, not even a goodbye.
    static func start(certificate name: String, isDeaf: Bool = false) async throws -> TLSServer {
        let certificates = try NIOSSLCertificate.fromPEMFile(Services.certificate(name))
        let key = try NIOSSLPrivateKey(file: Services.key(name), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        let counts = NIOLockedValueBox(Counts())
        configuration.sslContextCallback = { values, promise in
            if let name = values.serverHostname { counts.withLockedValue { $0.names.append(name) } }
            promise.succeed(NIOSSLContextConfigurationOverride())
        }
        let context = try NIOSSLContext(configuration: configuration)
        let channel = try await ServerBootstrap(group: testGroup)
            .childChannelInitializer { channel in
                counts.withLockedValue {
                    $0.accepted += 1
                    $0.open += 1
                }
                channel.closeFuture.whenComplete { _ in counts.withLockedValue { $0.open -= 1 } }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(NIOSSLServerHandler(context: context), Handler(counts, isDeaf: isDeaf))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return TLSServer(channel: channel, counts: counts)
    }

    func shutdown() async throws { try await self.channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let counts: NIOLockedValueBox<Counts>
        private let isDeaf: Bool
        private var wasCut = false

        init(_ counts: NIOLockedValueBox<Counts>, isDeaf: Bool) {
            self.counts = counts
            self.isDeaf = isDeaf
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data)
            self.counts.withLockedValue { $0.received += bytes.readableBytes }
            if self.isDeaf { return context.channel.setOption(.autoRead, value: false).whenFailure { fatalError("\($0)") } }
            let text = String(buffer: bytes)
            if text.contains("CUT") {
                if let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) { tls.close(promise: nil) }
                return
            }
            if text.contains("HALF") { return context.close(mode: .output, promise: nil) }
            if text.contains("QUIT") { return context.close(promise: nil) }
            var replies = ""
            for word in text.split(separator: "\r\n") {
                switch word {
                case "HELLO", "SETINFO": replies += "-ERR unknown command\r\n"
                case "AUTH": replies += "+OK\r\n"
                case "PING": replies += "+PONG\r\n"
                default: break
                }
            }
            if !replies.isEmpty { context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: replies)), promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            if !self.wasCut { self.counts.withLockedValue { $0.cleanShutdowns += 1 } }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.wasCut = true
            context.close(promise: nil)
        }
    }
}
