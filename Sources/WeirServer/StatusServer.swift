import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers GET and HEAD on a port of its own: health, numbers as JSON, metrics for Prometheus.
///
///     let status = try await StatusServer.bind(host: "127.0.0.1", port: 9090, group: group) { path, loop in
///         guard path == "/status" else { return loop.makeSucceededFuture(nil) }
///         return pool.statistics().map { .json(encoded($0)) }
///     }.get()
///
/// It tells what it knows to whoever asks: bind it where only those ask who may know.
///
/// Each connection serves one request and has ``StatusLimits/time`` for all of it, from the accept to the end of the response. A
/// request with a body is refused (413), as are other methods (405), large heads (431) and what is not HTTP/1 (400).
public final class StatusServer: Sendable {
    /// Answers a path, which begins with `/`, without its query and still percent-encoded: nil for one that there is not (404). A
    /// failure is answered with 500, and nothing is said about it. Called on the loop of the client's connection, which it is given;
    /// the future may be one of any loop.
    public typealias Respond = @Sendable (_ path: String, _ loop: any EventLoop) -> EventLoopFuture<StatusReply?>

    /// Where it listens.
    public let address: SocketAddress
    private let channel: any Channel
    private let clients: ClientRosters

    private init(address: SocketAddress, channel: any Channel, clients: ClientRosters) {
        self.address = address
        self.channel = channel
        self.clients = clients
    }

    /// Listens.
    ///
    /// - Parameters:
    ///   - host: An address or a name of this machine.
    ///   - port: 0 for any free one: see ``address``.
    ///   - group: The loops that serve it.
    ///   - limits: How many connections there may be, how long and how large.
    ///   - respond: Answers a path.
    /// - Returns: Fails with NIO's error if it cannot listen there.
    public static func bind(
        host: String, port: Int, group: any EventLoopGroup, limits: StatusLimits = StatusLimits(), respond: @escaping Respond
    ) -> EventLoopFuture<StatusServer> {
        let gate = ClientGate(maximum: limits.maximumConnections)
        let clients = ClientRosters(group)
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // A client that has said all it has to say still gets its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard gate.admit(channel) == .admitted else { return try ClientGate.turnAway(channel) }
                    let handler = StatusHandler(limits: limits, respond: respond)
                    clients[channel.eventLoop].add(handler, channel: channel)
                    var encoding = HTTPResponseEncoder.Configuration()
                    encoding.automaticallySetFramingHeaders = false
                    try channel.pipeline.syncOperations.addHandlers(
                        HTTPResponseEncoder(configuration: encoding),
                        ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: limits.head)), handler)
                }
            }
            .bind(host: host, port: port)
            .flatMapThrowing { channel in
                guard let address = channel.localAddress else { throw ChannelError.ioOnClosedChannel }
                return StatusServer(address: address, channel: channel, clients: clients)
            }
    }

    /// Stops listening, lets requests end that have begun, and closes the others. May be called on any thread, and again.
    ///
    /// - Returns: Succeeds when no connection is open.
    public func shutdown(until deadline: NIODeadline = .now() + .seconds(1)) -> EventLoopFuture<Void> {
        // It may be closed already.
        self.channel.close().flatMapError { _ in self.channel.eventLoop.makeSucceededVoidFuture() }
            .flatMap { self.clients.drain(until: deadline) }.map { _ in }
    }
}

/// What a ``StatusServer`` bears.
public struct StatusLimits: Sendable {
    /// How many connections there may be; more are closed as they come.
    public var maximumConnections = 64
    /// How long a connection may last.
    public var time = TimeAmount.seconds(10)
    /// How large the head of a request may be: 16 KiB in all, 4 KiB a field, 64 fields.
    public var head: NIOHTTPDecoderLimitConfiguration

    public init() {
        self.head = NIOHTTPDecoderLimitConfiguration()
        self.head.maxHeaderFieldSize = 4 * 1024
        self.head.maxHeaderListSize = 16 * 1024
        self.head.maxHeaderFieldCount = 64
    }
}
