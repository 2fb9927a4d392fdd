import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import WeirCore
import WeirHTTP
import WeirServer

/// Listens, and on graceful shutdown stops listening, lets running requests end, and closes what is left at the deadline.
final class GatewayServer: Service {
    /// Client connections at once, for each loop; one more is refused as it comes.
    private static let maximumConnectionsPerLoop = 16 * 1024
    private static let refusal = ByteBuffer(
        string: "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n")

    private let announcement: String
    private let channel: any Channel
    private let clients: ClientRosters
    private let backends: Backends
    private let drain: TimeAmount

    private init(channel: any Channel, announcement: String, clients: ClientRosters, backends: Backends, drain: TimeAmount) {
        self.channel = channel
        self.announcement = announcement
        self.clients = clients
        self.backends = backends
        self.drain = drain
    }

    static func bind(
        _ settings: Settings, group: any EventLoopGroup, backends: Backends, log: AccessLog
    ) async throws -> GatewayServer {
        let started = NIODeadline.now()
        let clients = ClientRosters(group)
        let gate = ClientGate(maximum: clients.loops.count * Self.maximumConnectionsPerLoop)
        let status = StatusSource(backends: backends, clients: clients, group: group, started: started)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // A client that has said all it has to say still gets its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard gate.admit(channel) == .admitted else { return try ClientGate.turnAway(channel, saying: Self.refusal) }
                    let local = clients[channel.eventLoop]
                    let handler = GatewayHandler(
                        loopContext: LoopContext.of(channel.eventLoop),
                        routes: Routes(backends: LocalBackends(backends, on: channel.eventLoop), status: status), clients: local,
                        log: log.local(channel.eventLoop), timeout: settings.clientTimeout)
                    local.add(handler, channel: channel)
                    var encoding = HTTPResponseEncoder.Configuration()
                    encoding.automaticallySetFramingHeaders = false
                    try channel.pipeline.syncOperations.addHandlers(
                        HTTPResponseEncoder(configuration: encoding),
                        ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: .weir)), HTTPServerPipelineHandler(), handler)
                }
            }
        do {
            let channel = try await bootstrap.bind(host: settings.host, port: settings.port).get()
            let port = channel.localAddress?.port ?? settings.port
            let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
            let announcement =
                "Gateway listens on http://\(host):\(port); Redis: \(backends.redisDescription); upstream: \(backends.upstreamDescription)\n"
            return GatewayServer(
                channel: channel, announcement: announcement, clients: clients, backends: backends, drain: settings.drain)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw StartError("cannot listen on \(settings.host):\(settings.port): the port is taken; set PORT to another")
        } catch {
            throw StartError("cannot listen on \(settings.host):\(settings.port): \(error)")
        }
    }

    func run() async throws {
        // Said here and not earlier: by now the signals are caught that whoever reads this may send.
        LogDestination.standardOutput.write(self.announcement)
        try? await gracefulShutdown()
        try await self.channel.close().get()
        let drain = try await self.clients.drain(until: .now() + self.drain).get()
        // A back end that is silent would hold up the end for what no client waits for any more.
        if drain.wasCutShort { try await self.backends.closeNow() }
    }

    /// Closes what is left now. From any thread; before the drain, it will have no time.
    func endDrain() { self.clients.endDrain() }
}
