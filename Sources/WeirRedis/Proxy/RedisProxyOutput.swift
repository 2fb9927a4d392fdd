import NIOCore
import WeirSockets

/// What goes to a client, and whether it takes it.
///
/// What a client takes at once is handed on as it came, a slice of what was read from the server. What it does not take at once is copied:
/// a slice would hold all that was read with it.
final class RedisProxyOutput {
    private let writesToSocket: Bool
    /// Nil: everything goes through the channel.
    @exclusivity(unchecked) private var socket: DirectSocket?
    /// Given to the channel since it was last asked whether it has sent that.
    private var unchecked = 0
    private var uncheckedWrites = 0
    /// With the channel until it says that it was taken, and what has come meanwhile.
    private var sending = 0
    private var held = ByteBuffer()
    /// It has not taken what it was given.
    @exclusivity(unchecked) private(set) var isSlow = false
    /// So much waits for it that nothing more should be asked for.
    @exclusivity(unchecked) private(set) var isFull = false
    @exclusivity(unchecked) private(set) var bytesSent: UInt64 = 0
    private var whenTaken: (() -> Void)?

    /// Between two looks at what the channel has left.
    private static var bytesPerLook: Int { 64 * 1024 }
    private static var writesPerLook: Int { 16 }

    init(writesToSocket: Bool) { self.writesToSocket = writesToSocket }

    func begin(_ context: ChannelHandlerContext) {
        guard self.writesToSocket else { return }
        self.socket = DirectSocket(context)
    }

    @inline(__always)
    func write(_ bytes: ByteBuffer, _ client: RedisProxyHandler, _ context: ChannelHandlerContext) {
        self.bytesSent &+= UInt64(bytes.readableBytes)
        if self.isSlow { return self.hold(bytes, client) }
        // Nothing is with the channel: nothing is overtaken.
        if let socket {
            guard context.channel.isActive else { return }
            let count = socket.send(bytes)
            if count != bytes.readableBytes { self.writeRest(of: bytes, count, client, context) }
            return
        }
        context.writeAndFlush(RedisProxyHandler.wrapOutboundOut(bytes), promise: nil)
        self.unchecked &+= bytes.readableBytes
        self.uncheckedWrites &+= 1
        if self.uncheckedWrites >= Self.writesPerLook || self.unchecked >= Self.bytesPerLook { self.look(client, context) }
    }

    /// The socket is full, or broken: the channel finds out which.
    @inline(never)
    private func writeRest(of bytes: ByteBuffer, _ written: Int, _ client: RedisProxyHandler, _ context: ChannelHandlerContext) {
        self.isSlow = true
        client.outputChanged()
        self.send(ByteBuffer(bytes: bytes.readableBytesView.dropFirst(written)), client, context)
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
        let maximum = client.proxy.configuration.maximumOutput
        let waiting = self.sending + self.held.readableBytes + bytes.readableBytes
        guard waiting <= maximum else { return client.cut("took no replies") }
        self.held.writeImmutableBuffer(bytes)
        if !self.isFull, waiting > maximum / 2 {
            self.isFull = true
            client.outputChanged()
        }
    }

    /// Sends it and, when it has been taken, what has come meanwhile.
    private func send(_ bytes: ByteBuffer, _ client: RedisProxyHandler, _ context: ChannelHandlerContext) {
        self.sending = bytes.readableBytes
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess {
            guard !client.isGone else { return }
            self.isFull = false
            let held = self.held
            self.held = ByteBuffer()
            if held.readableBytes > 0 {
                self.send(held, client, context)
            } else {
                self.sending = 0
                self.isSlow = false
                self.whenTaken.take()?()
            }
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
