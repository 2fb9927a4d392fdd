import NIOCore
import NIOPosix

/// A TCP server that does to each connection what a script says, for peers that misbehave to the byte.
///
/// ```swift
/// let server = try await ScriptedServer.start(on: group) { _ in [.awaitBytes(14), .send("$5\r\nhe"), .close] }.get()
/// ```
public final class ScriptedServer: Sendable {
    /// What to do next on a connection.
    public enum Step: Sendable {
        /// Wait until so many bytes more have come; they are thrown away.
        case awaitBytes(Int)
        /// Wait until these bytes have come, somewhere in what comes.
        case awaitString(String)
        /// Send these.
        case send(ByteBuffer)
        /// Say that nothing more will be sent (FIN) and go on.
        case finish
        /// Close (FIN both ways).
        case close
        /// Close by a reset (RST), so that the peer's next read fails.
        case reset
        /// Do nothing more; the connection stays open until the peer or ``shutdown()`` closes it.
        case hold
        /// Begin again at the first step.
        case again

        /// Send a string's UTF-8.
        public static func send(_ string: String) -> Step { .send(ByteBuffer(string: string)) }
    }

    /// Where it listens.
    public let address: SocketAddress
    private let channel: any Channel
    private let connections: OpenChannels

    /// The port it listens on.
    public var port: Int { self.address.port! }

    private init(channel: any Channel, connections: OpenChannels) {
        self.channel = channel
        self.address = channel.localAddress!
        self.connections = connections
    }

    /// Starts a server on one loop of the group, on 127.0.0.1. May be called from any thread.
    ///
    /// - Parameter script: called on the loop with the number of the connection, from 1 on.
    public static func start(
        on group: any EventLoopGroup, port: Int = 0, script: @escaping @Sendable (_ connection: Int) -> [Step]
    ) -> EventLoopFuture<ScriptedServer> {
        let loop = group.next()
        let connections = OpenChannels(loop)
        let number = NIOLoopBoundBox.makeBoxSendingValue(0, eventLoop: loop)
        return ServerBootstrap(group: loop, childGroup: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                connections.add(channel)
                number.value += 1
                let steps = script(number.value)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(steps))
                }
            }
            .bind(host: "127.0.0.1", port: port)
            .map { ScriptedServer(channel: $0, connections: connections) }
    }

    /// Connections accepted since it started. May be called from any thread.
    public func acceptedConnections() -> EventLoopFuture<Int> { self.connections.acceptedCount() }

    /// Connections now open. May be called from any thread.
    public func openConnections() -> EventLoopFuture<Int> { self.connections.openCount() }

    /// Stops listening and closes all connections. May be called from any thread, and again.
    public func shutdown() -> EventLoopFuture<Void> {
        self.channel.close(promise: nil)
        let connections = self.connections
        return self.channel.closeFuture.flatMap { connections.closeAll() }
    }
}

private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let steps: [ScriptedServer.Step]
    private var next = 0
    private var received = ByteBuffer()

    init(_ steps: [ScriptedServer.Step]) { self.steps = steps }

    func channelActive(context: ChannelHandlerContext) { self.run(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received.writeImmutableBuffer(Self.unwrapInboundIn(data))
        self.run(context)
    }

    private func run(_ context: ChannelHandlerContext) {
        while self.next < self.steps.count {
            switch self.steps[self.next] {
            case .awaitBytes(let count):
                guard self.received.readableBytes >= count else { return }
                self.received.moveReaderIndex(forwardBy: count)
            case .awaitString(let string):
                let text = self.received.readableBytesView
                guard let found = text.firstRange(of: Array(string.utf8)) else { return }
                self.received.moveReaderIndex(to: found.upperBound)
            case .send(let bytes):
                context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
            case .finish:
                context.close(mode: .output, promise: nil)
            case .close:
                context.close(promise: nil)
            case .reset:
                context.channel.closeWithReset()
            case .hold:
                return
            case .again:
                self.next = -1
            }
            self.next += 1
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
