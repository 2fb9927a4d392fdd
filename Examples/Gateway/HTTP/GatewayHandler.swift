import NIOCore
import NIOHTTP1
import NIOPosix
import WeirCore
import WeirServer

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// One client connection: checks each request, gives it to its route, and sees that the response is right whatever the route does.
///
/// Requests come one at a time, as a `HTTPServerPipelineHandler` stands before it. Back-pressure goes both ways: nothing is read
/// from a client while its route cannot take more, and the route hears when the client takes no more.
final class GatewayHandler: ChannelDuplexHandler, DeadlineReceiver, DrainableClient {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    /// A connection that is closed before its request was read is read for so long, or the client would get a reset instead of
    /// its response.
    private static let lingerTime = TimeAmount.seconds(1)
    /// When no more requests are to come, a connection that was busy a moment ago is given so long for the one that may be on its way.
    private static let drainGrace = TimeAmount.milliseconds(250)
    private static let busyTime = TimeAmount.seconds(1)
    /// What a client must take of a response's end in each timeout, or it is closed.
    private static let minimumProgress = 32 * 1024

    enum Phase {
        /// No request, or not all of its head.
        case idle
        /// A request runs.
        case running(Running)
        /// The last response is written, though perhaps not all with the kernel; what still comes is thrown away.
        case lingering(isWriting: Bool)
        case closed
    }

    /// One request from its head to the end of its response.
    final class Running {
        let request: Request
        let started: NIODeadline
        var route: (any Route)?
        var hasRequestEnded = false
        var hasResponseBegun = false
        var status = HTTPResponseStatus.ok
        var bytes = 0
        var keepsAlive: Bool
        /// True if the end of the response waits for the client to take what is before it.
        var isEndHeld = false
        /// True if only the end of the connection shows the end of the response.
        var endsWithConnection = false

        init(_ request: Request, started: NIODeadline, keepsAlive: Bool) {
            self.request = request
            self.started = started
            self.keepsAlive = keepsAlive
        }
    }

    let loopContext: LoopContext
    private let routes: Routes
    let clients: ClientRoster
    private let log: LocalAccessLog?
    let timeout: TimeAmount
    var context: ChannelHandlerContext?
    private var target: DeadlineTarget?
    private var deadline = DeadlineToken.none
    var lastActivity = NIODeadline.distantPast
    var phase = Phase.idle
    private var clientAddress = "-"
    private var readIsPending = false
    var hasInputEnded = false
    var hasServed = false
    /// What was with the channel when a held end was last looked at.
    var unwrittenBefore = 0
    /// True inside the write that ends a response: the next pipelined request may come from within it.
    var isEnding = false

    init(loopContext: LoopContext, routes: Routes, clients: ClientRoster, log: LocalAccessLog?, timeout: TimeAmount) {
        self.loopContext = loopContext
        self.routes = routes
        self.clients = clients
        self.log = log
        self.timeout = timeout
    }

    var loop: any EventLoop { self.loopContext.loop }
    /// The client's IP address.
    private(set) var clientIP = "unknown"

    /// While true nothing more of the request's body is read, but for what one read already brought.
    var isReadingPaused = false {
        didSet {
            guard oldValue, !self.isReadingPaused else { return }
            self.lastActivity = self.loopContext.passTime
            self.resumeReading()
        }
    }

    // MARK: Ending

    /// Stops after the request that runs or is on its way, or now.
    func drain() {
        guard case .idle = self.phase else { return }
        if self.hasServed, self.lastActivity + Self.busyTime > self.loopContext.passTime {
            self.arm(at: self.loopContext.passTime + Self.drainGrace)
        } else {
            self.closeWhenWritten()
        }
    }

    func closeNow() {
        if case .running(let running) = self.phase, running.hasResponseBegun { return self.cut(running) }
        self.context?.close(promise: nil)
    }

    /// Between two requests, when no other is to come: the end of the last response may still be on its way.
    func closeWhenWritten() {
        guard let context = self.context else { return }
        guard self.unwrittenBytes > 0 else {
            context.close(promise: nil)
            return
        }
        self.phase = .lingering(isWriting: true)
        self.arm(at: self.loopContext.passTime + self.timeout)
        // No part of a response, so not for the encoder: it is done when all that was written before it is.
        let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        let written = encoder?.writeAndFlush(NIOAny(ByteBuffer())) ?? self.loop.makeSucceededVoidFuture()
        written.assumeIsolated().whenComplete { _ in self.closeAfterResponse(hasRequestEnded: false) }
    }

    /// The last response is with the kernel. Closing while the client still sends would reset the connection under it.
    func closeAfterResponse(hasRequestEnded: Bool) {
        guard let context = self.context else { return }
        self.phase = .lingering(isWriting: false)
        guard !hasRequestEnded, !self.hasInputEnded else {
            context.close(promise: nil)
            return
        }
        context.close(mode: .output, promise: nil)
        self.arm(at: self.loopContext.passTime + Self.lingerTime)
        self.resumeReading()
    }

    func logRequest(_ running: Running, wasCut: Bool) {
        guard let log = self.log else { return }
        let head = running.request.head
        log.add(
            client: self.clientAddress, method: head.method.rawValue, target: head.uri, status: Int(running.status.code),
            bytes: running.bytes, duration: self.loop.now - running.started, wasCut: wasCut)
    }

    // MARK: Deadlines: one at a time, moved on while there is nobody to blame

    func arm(at deadline: NIODeadline) {
        guard let target = self.target else { return }
        self.loopContext.deadlines.cancel(self.deadline)
        self.deadline = self.loopContext.deadlines.arm(at: deadline, target: target, tag: 0)
    }

    func deadlineReached(tag: UInt64) {
        let now = self.loopContext.passTime
        switch self.phase {
        case .closed:
            return
        case .lingering:
            self.context?.close(promise: nil)
        case .idle:
            // A head has one timeout from its first byte or from the response before it, however slowly it drips.
            if self.clients.isDraining {
                self.closeWhenWritten()
            } else if self.lastActivity + self.timeout > now {
                self.arm(at: self.lastActivity + self.timeout)
            } else {
                self.context?.close(promise: nil)
            }
        case .running(let running):
            if running.isEndHeld {
                let unwritten = self.unwrittenBytes
                if unwritten + Self.minimumProgress <= self.unwrittenBefore { self.lastActivity = now }
                self.unwrittenBefore = unwritten
            }
            let isClientToBlame = !self.isWritable || (!running.hasRequestEnded && !self.isReadingPaused)
            guard isClientToBlame else {
                self.arm(at: now + self.timeout)
                return
            }
            guard self.lastActivity + self.timeout <= now else {
                self.arm(at: self.lastActivity + self.timeout)
                return
            }
            running.route?.cancelled()
            running.route = nil
            if running.hasResponseBegun {
                self.abortResponse()
            } else {
                self.respond(.requestTimeout, text: "the request's body did not come")
            }
        }
    }

    // MARK: ChannelHandler

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.target = self.loopContext.deadlines.register(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        if let address = context.remoteAddress {
            self.clientIP = address.ipAddress ?? "unknown"
            self.clientAddress = "\(self.clientIP):\(address.port ?? 0)"
        }
        self.lastActivity = self.loopContext.passTime
        self.arm(at: self.lastActivity + self.timeout)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func end() {
        guard let target = self.target else { return }
        self.target = nil
        self.loopContext.deadlines.cancel(self.deadline)
        self.loopContext.deadlines.unregister(target)
        if case .running(let running) = self.phase {
            self.phase = .closed
            self.logRequest(running, wasCut: true)
            running.route?.cancelled()
            running.route = nil
        }
        self.phase = .closed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (Self.unwrapInboundIn(data), self.phase) {
        case (_, .lingering), (_, .closed):
            return
        case (.head(let head), _):
            self.began(head)
        case (.body(let bytes), .running(let running)):
            self.lastActivity = self.loopContext.passTime
            running.route?.received(bytes)
        case (.end, .running(let running)):
            running.hasRequestEnded = true
            self.lastActivity = self.loopContext.passTime
            running.route?.requestEnded()
        case (.body, .idle), (.end, .idle):
            return
        }
    }

    private func began(_ head: HTTPRequestHead) {
        self.lastActivity = self.loopContext.passTime
        self.arm(at: self.lastActivity + self.timeout)
        do {
            let request = try Request(checking: head)
            let running = Running(request, started: self.loop.now, keepsAlive: request.keepsAlive)
            self.phase = .running(running)
            running.route = self.routes.route(request, self)
            running.route?.begin()
        } catch {
            self.refuse(head, error)
        }
    }

    /// Answers what was not even a request, and closes.
    private func refuse(_ head: HTTPRequestHead, _ refusal: Refusal) {
        let request = Request(refused: head)
        self.phase = .running(Running(request, started: self.loop.now, keepsAlive: false))
        self.respond(refusal.status, text: refusal.message)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .running(let running) = self.phase { running.route?.readComplete() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.lastActivity = self.loopContext.passTime
        if case .running(let running) = self.phase {
            if !running.isEndHeld {
                running.route?.writabilityChanged(context.channel.isWritable)
            } else if context.channel.isWritable {
                self.endResponse()
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if self.isReadingPaused { self.readIsPending = true } else { context.read() }
    }

    private func resumeReading() {
        guard self.readIsPending, let context = self.context else { return }
        self.readIsPending = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.hasInputEnded = true
            switch self.phase {
            case .idle: self.closeWhenWritten()
            case .lingering(isWriting: false): context.close(promise: nil)
            // It is closed when that is done.
            case .lingering(isWriting: true): break
            case .running(let running): running.keepsAlive = false
            case .closed: break
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            context.close(promise: nil)
            return
        }
        switch self.phase {
        case .lingering, .closed:
            return
        case .idle:
            // Too large a head is the one error that has a status of its own.
            let refusal =
                error == .headerOverflow ? Refusal(.requestHeaderFieldsTooLarge, "too large a head") : Refusal(.badRequest, "not HTTP/1.1")
            self.refuse(HTTPRequestHead(version: .http1_1, method: .RAW(value: "-"), uri: "-"), refusal)
        case .running(let running):
            // The response is whole, and what still comes of the request is not looked at.
            guard !running.isEndHeld else { return }
            running.route?.cancelled()
            running.route = nil
            if running.hasResponseBegun {
                self.abortResponse()
            } else {
                self.respond(.badRequest, text: "the request's body is not HTTP/1.1")
            }
        }
    }
}

extension Request {
    /// For the log of a request that was refused.
    fileprivate init(refused head: HTTPRequestHead) {
        self.head = head
        self.path = ""
        self.query = nil
        self.body = .none
        self.expectsContinue = false
        self.keepsAlive = false
    }
}
