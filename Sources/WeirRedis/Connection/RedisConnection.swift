public import NIOCore
import WeirCore
import WeirRESP

/// One connection to a Redis server: commands go out in the order in which they are given, and each gets one answer, its own
/// reply or an error.
///
/// Commands of one pass of the loop share one write. Replies are matched by order: a command that was cancelled or whose deadline passed
/// keeps its place, and its late reply is nobody's. What puts the order in doubt (a reply that nobody asked for, bytes that are not the
/// protocol) closes the connection.
///
/// Belongs to its channel's loop: touch it there only. It is the last handler of its pipeline; ``RedisConnectionFactory`` sees to that.
public final class RedisConnection: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    let loopContext: LoopContext
    private var context: ChannelHandlerContext?
    // Behind a pointer, so that no exclusivity check is paid for each frame.
    private let reader: UnsafeMutablePointer<RESPFrameReader>
    /// Whose commands it carries: its own, or those of a shared link.
    private(set) var pipeline: RedisPipeline
    private let own: RedisPipeline
    private var isClosed = false
    private(set) var isWritable = false

    /// The version that the handshake has agreed on.
    public internal(set) var version = RESPVersion.resp2
    /// The server's number of this connection, if it told it (RESP3): what `CLIENT KILL ID` takes.
    public internal(set) var serverID: Int64?
    /// A command has left it in another state than the next user expects.
    private var isAltered = false
    /// How often keys were watched, and as of when that has ended with a transaction.
    private(set) var watches = 0
    private var endedWatches = 0

    /// Called with what the server sends out of band, on the loop: invalidations, messages of subscriptions.
    public var onPush: ((RESPFrame) -> Void)?
    /// Shown every frame before it is taken for a reply; true if it was none. For subscriptions of RESP2.
    var interceptor: ((RESPFrame) -> Bool)? {
        didSet { if self.interceptor != nil { self.hadSubscriptions = true } }
    }
    private var hadSubscriptions = false
    /// Called when the socket takes more again.
    var onWritable: (() -> Void)?
    /// Called once when the connection is of no more use, before any command fails.
    var onClose: (() -> Void)?
    /// Takes what arrives in place of the commands' replies, as long as it is there.
    var relay: (any RedisRelay)?
    /// As whom, where and how commands are run on it, for those who change that: of a new connection without a handshake.
    var identity = RedisIdentity()
    /// The pool has ordered it to be closed and is told when its socket is.
    var isRetired = false

    init(loopContext: LoopContext, limits: RedisPipeline.Limits, replyLimits: RESPLimits) {
        self.loopContext = loopContext
        self.reader = .allocate(capacity: 1)
        self.reader.initialize(to: RESPFrameReader(limits: replyLimits))
        self.own = RedisPipeline(loopContext: loopContext, limits: limits)
        self.pipeline = self.own
    }

    deinit {
        self.reader.deinitialize(count: 1)
        self.reader.deallocate()
    }

    /// True while commands may be sent.
    public var isUsable: Bool { !self.isClosed && self.context != nil }

    /// Commands that wait for a reply, those included that nobody waits for any more.
    public var pendingCount: Int { self.pipeline.pending }

    /// Whether the next user finds it as this one did: in the state that the handshake left, nothing due.
    var isClean: Bool {
        self.isUsable && !self.isAltered && self.watches == self.endedWatches && !self.hadSubscriptions && self.pipeline.pending == 0
            && self.onPush == nil && self.relay == nil
    }

    // MARK: Sending

    /// Sends a command; its reply or error goes to the receiver, which may be called before this returns if nothing can be sent.
    ///
    /// - Parameters:
    ///   - command: what to send.
    ///   - deadline: without a reply by then it fails with ``RedisError/Code/timeout``; `.distantFuture` waits as long as the connection lives.
    ///   - tag: handed to the receiver.
    ///   - receiver: held until it is called.
    /// - Returns: by what to ``cancel(_:)`` it; nil if it has its answer.
    @inlinable
    @discardableResult
    public func send<Reply: Sendable>(
        _ command: RedisCommand<Reply>, deadline: NIODeadline, tag: UInt64 = 0, to receiver: any RedisReplyReceiver
    ) -> RedisTicket? {
        self.send(command.request, deadline: deadline, tag: tag, to: receiver)
    }

    @usableFromInline
    func send(_ request: RedisRequest, deadline: NIODeadline, tag: UInt64, to receiver: any RedisReplyReceiver) -> RedisTicket? {
        self.send(request, deadline: deadline, .receiver(receiver, tag: tag))
    }

    /// Sends a command. The future is of this loop; it fails with a ``RedisError``, also when the reply is an error.
    public func send<Reply: Sendable>(_ command: RedisCommand<Reply>, deadline: NIODeadline) -> EventLoopFuture<Reply> {
        let promise = self.loopContext.loop.makePromise(of: Reply.self)
        _ = self.send(command.request, deadline: deadline, .completing(promise, command))
        return promise.futureResult
    }

    func send(_ request: RedisRequest, deadline: NIODeadline, _ answer: RedisAnswer) -> RedisTicket? {
        if !request.traits.isDisjoint(with: [.changesConnection, .breaksOrder]) {
            guard !request.traits.contains(.breaksOrder) else {
                answer.fail(RedisError(.notSupported, "this command is not answered by one reply"))
                return nil
            }
            if request.traits.contains(.watches) { self.watches += 1 } else { self.isAltered = true }
        }
        return self.pipeline.send(request, deadline: deadline, answer: answer)
    }

    /// Takes a command back: its receiver is not called. It may run all the same.
    ///
    /// - Returns: whether it was still waiting.
    @discardableResult
    public func cancel(_ ticket: RedisTicket) -> Bool { self.pipeline.cancel(ticket) }

    /// Closes the connection; what is pending fails.
    public func close() {
        self.end(.connectionLost, "the connection was closed on this side")
    }

    /// The server says nothing, and commands have waited for too long.
    func stalled() {
        self.end(.connectionLost, "the server has said nothing for too long")
    }

    /// From now on it carries the commands of this pipeline.
    func carry(_ pipeline: RedisPipeline) {
        self.pipeline = pipeline
        pipeline.attach(self)
    }

    /// In the state that the handshake left. From now on replies have the user's limits.
    ///
    /// - Returns: false if bytes are here that are the reply to nothing.
    func handshakeDone(replyLimits: RESPLimits) -> Bool {
        self.isAltered = false
        guard self.reader.pointee.unreadBytes == 0 else { return false }
        self.reader.pointee = RESPFrameReader(limits: replyLimits)
        return true
    }

    /// Nil when its socket is closed.
    var channel: (any Channel)? { self.context?.channel }

    /// A transaction has ended, and with it what `WATCH` had left before it.
    func transactionEnded(afterWatches watches: Int) { self.endedWatches = max(self.endedWatches, watches) }

    func send(_ transaction: RedisTransaction, deadline: NIODeadline, _ answer: RedisAnswer) {
        guard !transaction.traits.contains(.breaksOrder) else {
            return answer.fail(RedisError(.notSupported, "a command of the transaction is not answered by one reply"))
        }
        if transaction.traits.contains(.changesConnection) { self.isAltered = true }
        _ = self.pipeline.send(transaction.requests, deadline: deadline, answer: answer)
    }

    func write(_ bytes: ByteBuffer) {
        self.context?.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    }

    /// Tells the server that nothing more will be asked.
    func closeOutput() { self.context?.channel.close(mode: .output, promise: nil) }

    // MARK: The channel

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.isWritable = true
        self.own.attach(self)
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the connection was closed")
        self.context = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosed else { return }
        if let relay { return relay.relayReceived(Self.unwrapInboundIn(data)) }
        self.pipeline.bytesArrived()
        self.reader.pointee.append(Self.unwrapInboundIn(data))
        do throws(RESPError) {
            while let frame = try self.reader.pointee.next() {
                self.received(frame)
                // Whoever was told may have closed it.
                if self.isClosed { return }
            }
        } catch {
            self.end(.protocolViolation, "the server sent what is not the protocol", cause: error)
        }
    }

    @inline(__always)
    private func received(_ frame: RESPFrame) {
        if frame.bytes.getInteger(at: frame.bytes.readerIndex, as: UInt8.self) == RESPKind.push.rawValue || self.interceptor != nil {
            if self.receivedAside(frame) { return }
        }
        if !self.pipeline.replied(frame) { self.end(.protocolViolation, "the server sent a reply that nobody asked for") }
    }

    /// - Returns: whether the frame is the reply to no command.
    private func receivedAside(_ frame: RESPFrame) -> Bool {
        if let interceptor, interceptor(frame) { return true }
        guard frame.kind == .push else { return false }
        self.onPush?(frame)
        return true
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if let relay {
            relay.relayWritabilityChanged(self.isWritable)
        } else if self.isWritable {
            self.pipeline.writabilityChanged()
            self.onWritable?()
        }
        context.fireChannelWritabilityChanged()
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the server closed the connection")
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(.connectionLost, "the connection broke", cause: error)
    }

    /// Everything ends here, once: the pool hears of it first, so that nobody is given this connection by a receiver that fails.
    private func end(_ code: RedisError.Code, _ message: String, cause: (any Error)? = nil) {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.isWritable = false
        let onClose = self.onClose.take()
        self.onPush = nil
        self.onWritable = nil
        self.interceptor = nil
        self.relay = nil
        self.context?.close(promise: nil)
        onClose?()
        let error = { (mayHaveRun: Bool) in RedisError(code, message, cause: cause, mayHaveRun: mayHaveRun) }
        if self.pipeline !== self.own { self.pipeline.detach(replyIsBad: code == .protocolViolation, error) }
        self.own.end(error)
    }
}

extension RedisCommand {
    /// What a reply means, errors of the server included.
    func read(_ frame: RESPFrame) -> Result<Reply, RedisError> {
        if frame.isError { return .failure(.serverError(frame, ofScript: self.request.runsScript)) }
        do {
            return .success(try self.decode(frame))
        } catch {
            return .failure(
                error as? RedisError ?? RedisError(.unexpectedReply, "the reply could not be read", cause: error, mayHaveRun: true))
        }
    }
}

extension RedisAnswer {
    /// Completes a promise with what the reply means.
    static func completing<Reply: Sendable>(_ promise: EventLoopPromise<Reply>, _ command: RedisCommand<Reply>) -> RedisAnswer {
        .closure { result in promise.complete(result.flatMap(command.read)) }
    }
}
