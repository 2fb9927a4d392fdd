import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import WeirCore
import WeirHTTP

/// Listens, and on graceful shutdown stops listening, lets running requests end, and closes what is left at the deadline.
final class GatewayServer: Service {
    /// Client connections of one loop at once; one more is closed as it comes.
    private static let maximumConnectionsPerLoop = 16 * 1024

    private let announcement: String
    private let channel: any Channel
    private let clients: LoopLocal<Clients>
    private let backends: Backends
    private let drain: TimeAmount

    private init(channel: any Channel, announcement: String, clients: LoopLocal<Clients>, backends: Backends, drain: TimeAmount) {
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
        let clients = LoopLocal<Clients>(group) { _ in Clients() }
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
                    let local = clients[channel.eventLoop]
                    guard local.handlers.count < Self.maximumConnectionsPerLoop else {
                        throw ChannelError.operationUnsupported
                    }
                    let handler = GatewayHandler(
                        loopContext: LoopContext.of(channel.eventLoop),
                        routes: Routes(backends: LocalBackends(backends, on: channel.eventLoop), status: status), clients: local,
                        log: log.local(channel.eventLoop), timeout: settings.clientTimeout)
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
        Console.out(self.announcement)
        try? await gracefulShutdown()
        try await self.channel.close().get()
        let deadline = NIODeadline.now() + self.drain
        let drained = self.clients.loops.map { loop in
            loop.flatSubmit { self.clients[loop].drain(deadline: deadline, on: loop) }
        }
        var wasCut = false
        for future in drained { wasCut = try await future.get() || wasCut }
        // A back end that is silent would hold up the end for what no client waits for any more.
        if wasCut { try await self.backends.closeNow() }
    }

    /// Closes what is left now. From any thread; before the drain, it will have no time.
    func endDrain() {
        for loop in self.clients.loops { loop.execute { self.clients[loop].endDrain() } }
    }
}

/// The client connections of one loop.
final class Clients {
    private(set) var handlers: [ObjectIdentifier: GatewayHandler] = [:]
    private(set) var isDraining = false
    private var isDrainOver = false
    private var closed: EventLoopPromise<Bool>?

    func add(_ handler: GatewayHandler) { self.handlers[ObjectIdentifier(handler)] = handler }

    func remove(_ handler: GatewayHandler) {
        self.handlers.removeValue(forKey: ObjectIdentifier(handler))
        self.endDrainIfEmpty()
    }

    /// Done when all are closed: idle ones now, the others as their request ends, or at the deadline. True if the drain was cut short.
    func drain(deadline: NIODeadline, on loop: any EventLoop) -> EventLoopFuture<Bool> {
        self.isDraining = true
        let closed = loop.makePromise(of: Bool.self)
        self.closed = closed
        for handler in Array(self.handlers.values) { handler.drain() }
        if self.isDrainOver { self.endDrain() }
        self.endDrainIfEmpty()
        let timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { self.endDrain() }
        closed.futureResult.whenComplete { _ in timer.cancel() }
        return closed.futureResult
    }

    /// Closes what is left of a drain, or of the one to come.
    func endDrain() {
        self.isDrainOver = true
        guard self.isDraining else { return }
        for handler in Array(self.handlers.values) { handler.closeNow() }
    }

    private func endDrainIfEmpty() {
        guard self.handlers.isEmpty, let closed = self.closed else { return }
        self.closed = nil
        closed.succeed(self.isDrainOver)
    }
}
