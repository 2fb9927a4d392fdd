import NIOCore

/// What goes to a client, and whether it takes it.
///
/// What a client takes at once is handed on as it came, a slice of what was read from the server. What it does not take at once is copied:
/// a slice would hold all that was read with it.
final class RedisProxyOutput {
    /// Bytes that were given to the channel since it was last asked whether it has sent them.
    private var unchecked = 0
    private var uncheckedWrites = 0
    private var held = ByteBuffer()
    /// It does not take what it is given; nothing more should be asked for.
    private(set) var isSlow = false
    private(set) var bytesSent: UInt64 = 0
    private var whenTaken: (() -> Void)?

    /// Between two looks at what the channel has left.
    private static var bytesPerLook: Int { 64 * 1024 }
    private static var writesPerLook: Int { 16 }

    @inline(__always)
    func write(_ bytes: ByteBuffer, _ client: RedisProxyHandler, _ context: ChannelHandlerContext) {
        self.bytesSent &+= UInt64(bytes.readableBytes)
        if self.isSlow { return self.hold(bytes, client) }
        context.writeAndFlush(RedisProxyHandler.wrapOutboundOut(bytes), promise: nil)
        self.unchecked &+= bytes.readableBytes
        self.uncheckedWrites &+= 1
        if self.uncheckedWrites >= Self.writesPerLook || self.unchecked >= Self.bytesPerLook { self.look(client, context) }
    }

    private func look(_ client: RedisProxyHandler, _ context: ChannelHandlerContext) {
        self.unchecked = 0
        self.uncheckedWrites = 0
        guard let left = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes), left > 0, !client.isGone else { return }
        self.isSlow = true
        client.outputChanged()
        self.send(ByteBuffer(), client, context)
    }

    private func hold(_ bytes: ByteBuffer, _ client: RedisProxyHandler) {
        guard self.held.readableBytes + bytes.readableBytes <= client.proxy.configuration.maximumOutput else {
            return client.cut("took no replies")
        }
        self.held.writeImmutableBuffer(bytes)
    }

    /// Sends it and, when it has been taken, what has come meanwhile.
    private func send(_ bytes: ByteBuffer, _ client: RedisProxyHandler, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess {
            guard !client.isGone else { return }
            let held = self.held
            self.held = ByteBuffer()
            if held.readableBytes > 0 { return self.send(held, client, context) }
            self.isSlow = false
            self.whenTaken.take()?()
            if !client.isGone { client.outputChanged() }
        }
        context.writeAndFlush(RedisProxyHandler.wrapOutboundOut(bytes), promise: promise)
    }

    /// Calls back when everything has been taken.
    func whenTaken(_ context: ChannelHandlerContext, _ body: @escaping () -> Void) {
        if self.isSlow {
            self.whenTaken = body
        } else {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenComplete { _ in body() }
            context.writeAndFlush(RedisProxyHandler.wrapOutboundOut(ByteBuffer()), promise: promise)
        }
    }

    func drop() {
        self.held = ByteBuffer()
        self.whenTaken = nil
    }
}
