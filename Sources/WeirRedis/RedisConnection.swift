import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// Told on the loop what became of its commands. Nothing is allocated for a command.
public protocol RedisReplyReceiver: AnyObject {
    /// The reply to the command with this tag. An error that the server sent is a reply too.
    func redisReplied(_ reply: RESPValue, tag: UInt64)
    /// The command with this tag gets no reply.
    func redisFailed(_ error: RedisError, tag: UInt64)
}

/// One connection to a Redis server: commands go out in the order in which they are given, and each gets one answer, its own
/// reply or an error.
///
/// Commands of one pass of the loop share one write. Replies are matched by order, so whatever puts the order in doubt (a
/// deadline that passes, a reply that nobody asked for, bytes that are not the protocol) closes the connection; nothing is ever handed to the next caller.
///
/// Belongs to its channel's loop: touch it there only. Put it last in a pipeline, behind a `ByteToMessageHandler` of a
/// `RESPDecoder`; ``RedisConnectionFactory`` does.
public final class RedisConnection: ChannelInboundHandler, DeadlineReceiver {
    public typealias InboundIn = RESPValue
    public typealias OutboundOut = ByteBuffer

    private enum Answer {
        case receiver(any RedisReplyReceiver, tag: UInt64)
        case promise(EventLoopPromise<RESPValue>)

        func succeed(_ reply: RESPValue) {
            switch self {
            case .receiver(let receiver, let tag): receiver.redisReplied(reply, tag: tag)
            case .promise(let promise): promise.succeed(reply)
            }
        }

        func fail(_ error: RedisError) {
            switch self {
            case .receiver(let receiver, let tag): receiver.redisFailed(error, tag: tag)
            case .promise(let promise): promise.fail(error)
            }
        }
    }

    private struct Pending {
        let answer: Answer
        let deadline: DeadlineToken
    }

    private let loopContext: LoopContext
    private let maximumPending: Int
    private var context: ChannelHandlerContext?
    private var target: DeadlineTarget?
    private var isClosed = false

    /// Commands without a reply, oldest first. The first has the number ``firstNumber``.
    private var pending = CircularBuffer<Pending>(initialCapacity: 16)
    private var firstNumber: UInt64 = 0
    /// Commands below this number were given to the channel; the others are in ``out`` and were surely never seen.
    private var sentNumber: UInt64 = 0
    private var out = ByteBuffer()
    private var isFlushScheduled = false

    /// Called once when the connection is of no more use, before any command fails.
    var onClose: (() -> Void)?

    /// - Parameters:
    ///   - loopContext: what the channel's loop offers.
    ///   - maximumPending: commands that may wait for a reply at once; one more is refused.
    public init(loopContext: LoopContext, maximumPending: Int = 1024) {
        self.loopContext = loopContext
        self.maximumPending = maximumPending
    }

    /// True while commands may be sent.
    public var isUsable: Bool { !self.isClosed && self.context != nil }

    /// Commands that wait for a reply.
    public var pendingCount: Int { self.pending.count }

    // MARK: Sending

    /// Sends a command; its reply or error goes to the receiver, which may be called before this returns if nothing can be sent.
    ///
    /// - Parameters:
    ///   - command: what to send.
    ///   - deadline: without a reply by then the connection is closed.
    ///   - tag: handed to the receiver.
    ///   - receiver: held until it is called.
    public func send(_ command: RedisCommand, deadline: NIODeadline, tag: UInt64 = 0, to receiver: any RedisReplyReceiver) {
        self.send(command, deadline: deadline, answer: .receiver(receiver, tag: tag))
    }

    /// Sends a command. The future is of this loop; it fails with a ``RedisError``.
    public func send(_ command: RedisCommand, deadline: NIODeadline) -> EventLoopFuture<RESPValue> {
        let promise = self.loopContext.loop.makePromise(of: RESPValue.self)
        self.send(command, deadline: deadline, answer: .promise(promise))
        return promise.futureResult
    }

    private func send(_ command: RedisCommand, deadline: NIODeadline, answer: Answer) {
        self.loopContext.loop.assertInEventLoop()
        guard self.isUsable, let target = self.target else {
            answer.fail(RedisError(.connectionLost, "the connection is closed"))
            return
        }
        guard self.pending.count < self.maximumPending else {
            answer.fail(RedisError(.tooManyPending, "too many commands wait for replies on this connection"))
            return
        }
        let number = self.firstNumber + UInt64(self.pending.count)
        let token = self.loopContext.deadlines.arm(at: deadline, target: target, tag: number)
        self.pending.append(Pending(answer: answer, deadline: token))
        command.encode(into: &self.out)
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        // Runs when the events of this pass are done: what they send shares one write.
        self.loopContext.loop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        self.isFlushScheduled = false
        guard let context = self.context, !self.isClosed else { return }
        self.sentNumber = self.firstNumber + UInt64(self.pending.count)
        context.writeAndFlush(Self.wrapOutboundOut(self.out), promise: nil)
        // Reuses the memory if the write is done already, as it mostly is.
        self.out.clear()
    }

    /// Closes the connection; what is pending fails.
    public func close() {
        self.end(.connectionLost, "the connection was closed on this side")
    }

    // MARK: Receiving

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.target = self.loopContext.deadlines.register(self)
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the connection was closed")
        self.context = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let reply = Self.unwrapInboundIn(data)
        // Out of band: never the reply to a command.
        if case .push = reply { return }
        guard !self.isClosed else { return }
        guard let answered = self.pending.popFirst() else {
            self.end(.protocolViolation, "the server sent a reply that nobody asked for")
            return
        }
        self.firstNumber += 1
        self.loopContext.deadlines.cancel(answered.deadline)
        answered.answer.succeed(reply)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the server closed the connection")
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? RESPError, error.code != .unexpectedEnd {
            self.end(.protocolViolation, "the server sent what is not the protocol", cause: error)
        } else {
            self.end(.connectionLost, "the connection broke", cause: error)
        }
    }

    public func deadlineReached(tag: UInt64) {
        guard !self.isClosed, tag >= self.firstNumber, tag - self.firstNumber < UInt64(self.pending.count) else { return }
        self.end(.connectionLost, "the connection was closed as another command on it timed out", timedOut: tag)
    }

    /// Everything ends here, once: the pool hears of it first, so that nobody is given this connection by a receiver that fails.
    private func end(_ code: RedisError.Code, _ message: String, cause: (any Error)? = nil, timedOut: UInt64? = nil) {
        guard !self.isClosed else { return }
        self.isClosed = true
        let onClose = self.onClose
        self.onClose = nil
        if let target = self.target {
            for entry in self.pending { self.loopContext.deadlines.cancel(entry.deadline) }
            self.loopContext.deadlines.unregister(target)
            self.target = nil
        }
        self.context?.close(promise: nil)
        onClose?()
        let failed = self.pending
        self.pending = CircularBuffer()
        var number = self.firstNumber
        for entry in failed {
            let wasSent = number < self.sentNumber
            if number == timedOut {
                entry.answer.fail(RedisError(.timeout, "no reply came by the deadline", mayHaveRun: wasSent))
            } else {
                entry.answer.fail(RedisError(code, message, cause: cause, mayHaveRun: wasSent))
            }
            number += 1
        }
    }
}
