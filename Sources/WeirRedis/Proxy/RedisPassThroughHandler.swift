public import NIOCore
import WeirCore
import WeirPool

/// One client of a ``RedisProxy`` in the mode ``RedisProxyConfiguration/Mode/passThrough``: it has a connection to the server for itself,
/// and everything passes both ways byte for byte.
///
/// The last handler of a client's pipeline, on whose loop it belongs. Neither side is read from faster than the other takes it.
public final class RedisPassThroughHandler: ChannelInboundHandler, RedisRelay {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    private let proxy: LocalRedisProxy
    private var context: ChannelHandlerContext?
    private var lease: Lease<RedisConnection>?
    private var connection: RedisConnection?
    private var request: LeaseRequest?
    /// What came before there was a connection.
    private var pending = ByteBuffer()
    private var isInputClosed = false
    private var isGone = false
    /// Whether the client spoke last: it may be owed something.
    private var isOwed = false
    private var isDraining = false
    private var quiet: Scheduled<Void>?
    private var hasBegun = false
    private var reason: StaticString?
    private var address: SocketAddress?
    private var startedAt: NIODeadline = .uptimeNanoseconds(0)
    private var bytesReceived: UInt64 = 0
    private var bytesSent: UInt64 = 0

    /// On the client's loop.
    public init(_ proxy: LocalRedisProxy) { self.proxy = proxy }

    // MARK: The client's side

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.begin(context) }
    }

    public func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
        context.fireChannelActive()
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.left()
        self.context = nil
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !self.hasBegun else { return }
        self.hasBegun = true
        self.address = context.channel.remoteAddress
        self.startedAt = context.eventLoop.now
        self.read(from: context.channel, false)
        let deadline = self.startedAt + self.proxy.configuration.connectionTimeout
        var isDone = false
        let request = self.proxy.pool.lease(owner: .proxyClient, deadline: deadline) { [self] result in
            isDone = true
            self.request = nil
            switch consume result {
            case .failure: self.end(saying: RedisProxyHandler.unreachable, "there was no connection to the server")
            case .success(let lease): self.connected(lease)
            }
        }
        if !isDone { self.request = request }
    }

    private func connected(_ lease: consuming Lease<RedisConnection>) {
        let connection = lease.resource
        guard !self.isGone, let context, connection.isUsable else { return lease.discard() }
        lease.holdForLong()
        self.lease = consume lease
        self.connection = connection
        let closed = connection.onClose
        connection.onClose = { [weak self] in
            closed?()
            // Having heard that the client has said all, the server ends it by itself.
            self?.end(saying: ByteBuffer(), self?.isInputClosed == true ? nil : "the server disconnected it")
        }
        connection.relay = self
        if self.pending.readableBytes > 0 { connection.write(self.pending) }
        self.pending = ByteBuffer()
        if self.isInputClosed { connection.closeOutput() }
        self.read(from: context.channel, !self.isDraining)
        if self.isDraining { self.endWhenQuiet() }
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        self.bytesReceived &+= UInt64(bytes.readableBytes)
        self.proxy.bytesReceived.increment(by: UInt64(bytes.readableBytes))
        self.isOwed = true
        guard let connection else {
            self.pending.writeBuffer(&bytes)
            return
        }
        connection.write(bytes)
        if !connection.isWritable { self.read(from: context.channel, false) }
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if let channel = self.connection?.channel { self.read(from: channel, context.channel.isWritable) }
        context.fireChannelWritabilityChanged()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.isInputClosed = true
            self.connection?.closeOutput()
        }
        context.fireUserInboundEventTriggered(event)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.left()
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) { self.cut("the connection broke") }

    // MARK: The server's side

    func relayReceived(_ bytes: ByteBuffer) {
        guard !self.isGone, let context else { return }
        self.bytesSent &+= UInt64(bytes.readableBytes)
        self.proxy.bytesSent.increment(by: UInt64(bytes.readableBytes))
        self.isOwed = false
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        if !context.channel.isWritable, let channel = self.connection?.channel { self.read(from: channel, false) }
        if self.isDraining { self.endWhenQuiet() }
    }

    func relayWritabilityChanged(_ isWritable: Bool) {
        if let context { self.read(from: context.channel, isWritable && !self.isDraining) }
    }

    private func read(from channel: any Channel, _ isReading: Bool) {
        try? channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    // MARK: The end

    /// How long the server says nothing more when it has said all. Where a reply ends is not known here.
    private static var quietTime: TimeAmount { .milliseconds(100) }

    /// For shutdown: no more is read of the client, and it is disconnected when the server has spoken last and is quiet. That is also so for
    /// one whose pipeline was answered in part and then blocks: replies are not counted here.
    public func drain() {
        guard !self.isDraining, !self.isGone, let context else { return }
        self.isDraining = true
        self.read(from: context.channel, false)
        self.endWhenQuiet()
    }

    private func endWhenQuiet() {
        self.quiet?.cancel()
        guard !self.isOwed, !self.isGone, let context else { return }
        self.quiet = context.eventLoop.assumeIsolated().scheduleTask(in: Self.quietTime) {
            self.end(saying: ByteBuffer(), "the proxy stops")
        }
    }

    /// Disconnects it at once.
    public func closeNow() { self.cut("the proxy stops") }

    /// Lets the client have what it is owed, and closes.
    private func end(saying bytes: ByteBuffer, _ reason: StaticString?) {
        guard !self.isGone, let context else { return }
        self.reason = self.reason ?? reason
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.cut(reason) }
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: promise)
        context.eventLoop.assumeIsolated().scheduleTask(in: self.proxy.configuration.closeTimeout) { self.cut(reason) }
    }

    private func cut(_ reason: StaticString?) {
        guard !self.isGone, let context else { return }
        self.reason = self.reason ?? reason
        self.left()
        context.close(promise: nil)
    }

    private func left() {
        guard !self.isGone else { return }
        self.isGone = true
        self.quiet?.cancel()
        if let request = self.request.take() { self.proxy.pool.cancel(request) }
        self.connection?.relay = nil
        self.connection = nil
        // Whatever was said on it is the client's.
        self.lease.take()?.discard()
        self.proxy.observer?.redisClientLeft(
            RedisProxyClientSummary(
                address: self.address, user: nil, commands: 0, bytesReceived: self.bytesReceived, bytesSent: self.bytesSent,
                duration: self.proxy.loop.now - self.startedAt, reason: self.reason))
    }
}
