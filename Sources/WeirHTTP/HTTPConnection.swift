import NIOCore
import NIOHTTP1
import WeirCore
import WeirPool

/// One keep-alive HTTP/1.1 connection: carries one ``HTTPExchange`` at a time.
///
/// Belongs to its channel's loop. It is made by ``HTTPConnectionFactory`` and leased from a pool; programs meet the exchange.
public final class HTTPConnection: ChannelDuplexHandler, DeadlineReceiver {
    public typealias InboundIn = HTTPClientResponsePart
    public typealias OutboundIn = Never
    public typealias OutboundOut = HTTPClientRequestPart

    /// Informational responses before the real one. None is of use to a client that does not wait for `100 Continue`.
    private static let maximumInformational = 16

    let loopContext: LoopContext
    private(set) var boundary: HTTPResponseBoundary!
    private var context: ChannelHandlerContext?
    private var target: DeadlineTarget?
    private var deadline = DeadlineToken.none
    /// The exchange under way. It holds the lease, and this reference, until it ends.
    private var exchange: HTTPExchange?
    private var framing = HTTPResponseFraming.none
    private var informational = 0
    private var readIsPending = false
    /// See ``HTTPResponseBoundary``.
    var isAtEndOfHead = false
    /// False once it is closed or closing.
    private(set) var isOpen = true
    /// True once an exchange has ended well on it: the server may close it just when the next one begins.
    private(set) var wasUsed = false
    /// Called once when the connection is of no more use, before its exchange fails.
    var onClose: (() -> Void)?

    init(loopContext: LoopContext) {
        self.loopContext = loopContext
        self.boundary = HTTPResponseBoundary(connection: self)
    }

    var isWritable: Bool { self.isOpen && (self.context?.channel.isWritable ?? false) }

    // MARK: What the exchange asks

    func begin(_ exchange: HTTPExchange, head: HTTPRequestHead) {
        precondition(self.exchange == nil, "a connection was leased while an exchange runs on it")
        guard self.isOpen else {
            exchange.connectionFailed(HTTPError(.connectionLost, "the connection is closed", mayHaveRun: false))
            return
        }
        self.exchange = exchange
        self.informational = 0
        self.boundary.position = .head(seen: 0)
        self.context?.write(Self.wrapOutboundOut(.head(head)), promise: nil)
    }

    func write(_ bytes: ByteBuffer) { self.context?.write(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }

    func writeEnd() { self.context?.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil) }

    func flush() { self.context?.flush() }

    /// Called when the exchange reads again.
    func resumeReading() {
        guard self.readIsPending, let context = self.context else { return }
        self.readIsPending = false
        context.read()
    }

    /// One deadline at a time, for the exchange.
    func arm(at deadline: NIODeadline) {
        guard let target = self.target else { return }
        self.loopContext.deadlines.cancel(self.deadline)
        self.deadline = self.loopContext.deadlines.arm(at: deadline, target: target, tag: 0)
    }

    /// The exchange has let go of the connection and gives its lease back itself.
    func endExchange(isClean: Bool) {
        self.exchange = nil
        self.loopContext.deadlines.cancel(self.deadline)
        self.wasUsed = true
        // An idle connection reads, to see that the server closes it.
        self.resumeReading()
        if !isClean { self.close(nil) }
    }

    func close() { self.close(nil) }

    // MARK: What the boundary finds

    /// Bytes that belong to no response.
    func receivedTooMuch() {
        self.close(HTTPError(.malformedResponse, "the response goes on beyond its length"))
    }

    /// A head ended, and the parser made nothing of it.
    func headWasNotUnderstood() { self.close(HTTPError(.malformedResponse, "the response's head is not HTTP/1")) }

    /// All bytes of a read are with the parser.
    func readWasProcessed(isBetweenResponses: Bool) {
        guard let exchange = self.exchange else { return }
        if exchange.hasResponseEnded {
            exchange.connectionFinished(isClean: isBetweenResponses)
        } else if isBetweenResponses {
            self.close(HTTPError(.malformedResponse, "the response's length and its parser disagree"))
        }
    }

    // MARK: ChannelHandler

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.target = self.loopContext.deadlines.register(self)
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.close(HTTPError(.connectionLost, "the connection was closed"))
        self.context = nil
    }

    public func read(context: ChannelHandlerContext) {
        if self.exchange?.isReadingPaused ?? false { self.readIsPending = true } else { context.read() }
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.exchange?.connectionWritabilityChanged(context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.isOpen, let exchange = self.exchange, !exchange.hasResponseEnded else { return }
        let part = Self.unwrapInboundIn(data)
        if case .head(let head) = part {
            self.isAtEndOfHead = false
            self.received(head, exchange)
            return
        }
        // The parser gives a body to some statuses below 200: passed on, it would stand before the head of the response.
        guard exchange.hasResponseBegun else {
            self.close(HTTPError(.malformedResponse, "a body comes before the final response's head"))
            return
        }
        switch part {
        case .head:
            return
        case .body(let bytes):
            exchange.connectionReceived(bytes)
        case .end(let trailers):
            if self.framing != .untilClose { self.boundary.position = .idle }
            exchange.connectionReceivedEnd(trailers)
        }
    }

    private func received(_ head: HTTPResponseHead, _ exchange: HTTPExchange) {
        if head.status.code < 200, head.status != .switchingProtocols {
            self.informational += 1
            guard self.informational <= Self.maximumInformational else {
                self.close(HTTPError(.informationalResponse, "too many informational responses"))
                return
            }
            return
        }
        guard head.status != .switchingProtocols else {
            self.close(HTTPError(.informationalResponse, "the server switches protocols, which nobody asked for"))
            return
        }
        do {
            self.framing = try HTTPResponseFraming(head, method: exchange.method)
        } catch {
            self.close(error)
            return
        }
        switch self.framing {
        case .none, .length(0): self.boundary.position = .idle
        case .length(let length): self.boundary.position = .body(left: length)
        case .chunked: self.boundary.position = .chunked
        case .untilClose: self.boundary.position = .untilClose
        }
        exchange.connectionReceived(head, keepsAlive: self.framing != .untilClose && HTTPResponseFraming.keepsAlive(head))
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        self.exchange?.connectionReadComplete()
        context.fireChannelReadComplete()
    }

    public func channelInactive(context: ChannelHandlerContext) {
        // A body until close has ended just before this, as the parser saw the end of the stream.
        self.close(HTTPError(.connectionLost, "the server closed the connection"))
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError, error != .invalidEOFState {
            self.close(HTTPError(.malformedResponse, "the response is not HTTP/1", cause: error))
        } else {
            self.close(HTTPError(.connectionLost, "the connection broke", cause: error))
        }
    }

    public func deadlineReached(tag: UInt64) { self.exchange?.deadlineReached() }

    /// Everything ends here, once; the pool hears of it before the exchange does.
    private func close(_ error: HTTPError?) {
        guard self.isOpen else { return }
        self.isOpen = false
        if let target = self.target {
            self.loopContext.deadlines.cancel(self.deadline)
            self.loopContext.deadlines.unregister(target)
            self.target = nil
        }
        let onClose = self.onClose
        self.onClose = nil
        let exchange = self.exchange
        self.exchange = nil
        self.context?.close(promise: nil)
        onClose?()
        guard let exchange else { return }
        // A response that is whole is good, whatever came after it.
        if exchange.hasResponseEnded {
            exchange.connectionFinished(isClean: false)
        } else {
            exchange.connectionFailed(error ?? HTTPError(.cancelled, "the connection was closed on this side"))
        }
    }
}
