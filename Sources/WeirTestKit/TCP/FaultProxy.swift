import NIOCore
import NIOPosix

/// A TCP proxy that does harm on purpose: put it between a client and its server.
///
/// The faults are set for all connections at once and may be changed while they run. Everything lives on one loop.
public final class FaultProxy: Sendable {
    /// What the proxy does to what passes.
    public struct Faults: Sendable {
        /// How a new connection is received.
        public enum Admission: Sendable {
            /// Connected to the server.
            case pass
            /// Reset as soon as it is accepted.
            case refuse
            /// Accepted and never answered; nothing is connected behind it.
            case blackHole
        }

        /// How a connection ends by force.
        public enum Cut: Sendable {
            /// An orderly end (FIN).
            case finish
            /// A reset (RST).
            case reset
        }

        /// How new connections are received.
        public var admission = Admission.pass
        /// Time added to everything, each way.
        public var latency = TimeAmount.zero
        /// What the client sends is held back and not read any more.
        public var stallsRequests = false
        /// What the server sends is held back and not read any more.
        public var stallsReplies = false
        /// After so many bytes from the server to the client the connection is cut; 0 is as soon as the server sends.
        public var cutAfterReplyBytes: Int?
        /// How it is cut.
        public var cut = Cut.reset

        public init() {}
    }

    /// Where it listens.
    public let address: SocketAddress
    private let channel: any Channel
    private let connections: OpenChannels
    private let state: NIOLoopBoundBox<FaultState>

    /// The port it listens on.
    public var port: Int { self.address.port! }

    private init(channel: any Channel, connections: OpenChannels, state: NIOLoopBoundBox<FaultState>) {
        self.channel = channel
        self.address = channel.localAddress!
        self.connections = connections
        self.state = state
    }

    /// Starts a proxy on one loop of the group, on 127.0.0.1. May be called from any thread.
    ///
    /// - Parameters:
    ///   - group: its next loop is the proxy's.
    ///   - target: where connections go.
    ///   - faults: what to begin with.
    public static func start(
        on group: any EventLoopGroup, to target: SocketAddress, faults: Faults = Faults()
    ) -> EventLoopFuture<FaultProxy> {
        let loop = group.next()
        let connections = OpenChannels(loop)
        let state = NIOLoopBoundBox.makeBoxSendingValue(FaultState(faults: faults), eventLoop: loop)
        return ServerBootstrap(group: loop, childGroup: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { client in
                connections.add(client)
                switch state.value.faults.admission {
                case .refuse:
                    client.eventLoop.execute { client.closeWithReset() }
                    return client.eventLoop.makeSucceededVoidFuture()
                case .blackHole:
                    return client.eventLoop.makeSucceededVoidFuture()
                case .pass:
                    return Self.connect(client, to: target, state: state, connections: connections)
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .map { FaultProxy(channel: $0, connections: connections, state: state) }
    }

    private static func connect(
        _ client: any Channel, to target: SocketAddress, state: NIOLoopBoundBox<FaultState>, connections: OpenChannels
    ) -> EventLoopFuture<Void> {
        let loop = client.eventLoop
        ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { server in
                connections.add(server)
                return loop.makeCompletedFuture {
                    let requests = FaultRelay(peer: server, state: state, isFromServer: false)
                    let replies = FaultRelay(peer: client, state: state, isFromServer: true)
                    try client.pipeline.syncOperations.addHandler(requests)
                    try server.pipeline.syncOperations.addHandler(replies)
                    state.value.relays.append(Weak(relay: requests))
                    state.value.relays.append(Weak(relay: replies))
                }
            }
            .connect(to: target)
            .whenComplete { result in
                switch result {
                case .success(let server):
                    client.read()
                    server.read()
                case .failure:
                    client.closeWithReset()
                }
            }
        return loop.makeSucceededVoidFuture()
    }

    /// Changes the faults, for connections that run too. May be called from any thread.
    public func update(_ change: @escaping @Sendable (inout Faults) -> Void) -> EventLoopFuture<Void> {
        let state = self.state
        return self.channel.eventLoop.submit {
            change(&state.value.faults)
            state.value.relays.removeAll { $0.relay == nil }
            for entry in state.value.relays { entry.relay?.faultsChanged() }
        }
    }

    /// Connections accepted and made since it started, both sides counted. May be called from any thread.
    public func acceptedConnections() -> EventLoopFuture<Int> { self.connections.acceptedCount() }

    /// Connections now open, both sides counted. May be called from any thread.
    public func openConnections() -> EventLoopFuture<Int> { self.connections.openCount() }

    /// Stops listening and closes all connections. May be called from any thread, and again.
    public func shutdown() -> EventLoopFuture<Void> {
        self.channel.close(promise: nil)
        let connections = self.connections
        return self.channel.closeFuture.flatMap { connections.closeAll() }
    }
}

/// What the relays of one proxy share, on its loop.
struct FaultState {
    var faults: FaultProxy.Faults
    fileprivate var relays: [Weak] = []

    init(faults: FaultProxy.Faults) { self.faults = faults }
}

private struct Weak {
    weak var relay: FaultRelay?
}

/// One direction of one connection: reads a piece, waits the latency, writes it to the peer, and only then reads again.
private final class FaultRelay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum Item {
        case bytes(ByteBuffer)
        /// The sender will send no more.
        case finish
        /// The sender is gone.
        case close
    }

    private let peer: any Channel
    private let state: NIOLoopBoundBox<FaultState>
    private let isFromServer: Bool
    private var channel: (any Channel)?
    private var passed = 0
    /// What a stall holds, in order.
    private var held = CircularBuffer<Item>()

    init(peer: any Channel, state: NIOLoopBoundBox<FaultState>, isFromServer: Bool) {
        self.peer = peer
        self.state = state
        self.isFromServer = isFromServer
    }

    private var isStalled: Bool {
        self.isFromServer ? self.state.value.faults.stallsReplies : self.state.value.faults.stallsRequests
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.channel = context.channel
        // What is held, the sender's end included, outlives the sender: this is here until the receiver has gone.
        self.peer.closeFuture.assumeIsolated().whenComplete { _ in self.held.removeAll() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.channel = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.delay(.bytes(Self.unwrapInboundIn(data)), context.eventLoop)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { self.delay(.finish, context.eventLoop) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.delay(.close, context.eventLoop)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func faultsChanged() {
        while !self.isStalled, let item = self.held.popFirst() { self.pass(item) }
    }

    private func delay(_ item: Item, _ loop: any EventLoop) {
        let latency = self.state.value.faults.latency
        if latency > .zero {
            loop.assumeIsolated().scheduleTask(in: latency) { self.admit(item) }
        } else {
            self.admit(item)
        }
    }

    private func admit(_ item: Item) {
        if self.isStalled || !self.held.isEmpty { self.held.append(item) } else { self.pass(item) }
    }

    private func pass(_ item: Item) {
        switch item {
        case .bytes(let bytes): self.pass(bytes)
        case .finish: self.peer.close(mode: .output, promise: nil)
        case .close: self.peer.close(promise: nil)
        }
    }

    private func pass(_ bytes: ByteBuffer) {
        let peer = self.peer
        let channel = self.channel
        if self.isFromServer, let limit = self.state.value.faults.cutAfterReplyBytes, self.passed + bytes.readableBytes >= limit {
            let last = bytes.getSlice(at: bytes.readerIndex, length: max(0, limit - self.passed))!
            self.passed = limit
            let cut = self.state.value.faults.cut
            peer.writeAndFlush(last).whenComplete { _ in
                switch cut {
                case .finish: peer.close(promise: nil)
                case .reset: peer.closeWithReset()
                }
                channel?.close(promise: nil)
            }
            return
        }
        self.passed += bytes.readableBytes
        peer.writeAndFlush(bytes).whenComplete { result in
            if case .success = result { channel?.read() } else { channel?.close(promise: nil) }
        }
    }
}
