import NIOCore
import NIOHTTP1

/// One connection to a ``StatusServer``: reads one request, answers it, closes.
final class StatusHandler: ChannelInboundHandler, DrainableClient {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Next: answering, ending.
        case waitingForRequest
        /// Next: ending.
        case answering
        /// The response is written; what still comes is thrown away. Next: closed.
        case ending
    }

    /// A client that has more to say when its answer is written is listened to for so long, or it would get a reset instead.
    private static let lingerTime = TimeAmount.seconds(1)

    private let limits: StatusLimits
    private let respond: StatusServer.Respond
    private var context: ChannelHandlerContext?
    private var phase = Phase.waitingForRequest
    private var method = HTTPMethod.GET
    private var hasInputEnded = false
    private var deadline: Scheduled<Void>?
    private var linger: Scheduled<Void>?

    init(limits: StatusLimits, respond: @escaping StatusServer.Respond) {
        self.limits = limits
        self.respond = respond
    }

    // MARK: DrainableClient

    func drain() {
        switch self.phase {
        case .waitingForRequest: self.context?.close(promise: nil)
        case .answering, .ending: break
        }
    }

    func closeNow() { self.context?.close(promise: nil) }

    // MARK: ChannelHandler

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.limits.time) { self.closeNow() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        self.phase = .ending
        self.deadline?.cancel()
        self.linger?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (Self.unwrapInboundIn(data), self.phase) {
        case (.head(let head), .waitingForRequest): self.begin(head, context)
        // The end of the request, or one more that nobody answers: the response says that the connection closes.
        case (.head, .answering), (.head, .ending), (.body, _), (.end, _): break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.hasInputEnded = true
            switch self.phase {
            case .waitingForRequest: context.close(promise: nil)
            case .answering: break
            case .ending: if self.linger != nil { context.close(promise: nil) }
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
        case .waitingForRequest:
            let isTooLarge = error == .headerOverflow
            self.answer(
                isTooLarge ? .text("too large a head\n", status: .requestHeaderFieldsTooLarge) : .text("not HTTP/1\n", status: .badRequest))
        case .answering, .ending:
            break
        }
    }

    // MARK: One request

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.phase = .answering
        self.method = head.method
        guard head.method == .GET || head.method == .HEAD else {
            return self.answer(.text("only GET and HEAD\n", status: .methodNotAllowed), ["allow": "GET, HEAD"])
        }
        guard head.version.major == 1 else { return self.answer(.text("only HTTP/1\n", status: .httpVersionNotSupported)) }
        let lengths = head.headers["content-length"]
        guard lengths.allSatisfy({ $0 == "0" }), !head.headers.contains(name: "transfer-encoding") else {
            return self.answer(.text("a request with a body\n", status: .payloadTooLarge))
        }
        guard head.uri.utf8.first == UInt8(ascii: "/") else { return self.answer(.text("not a path\n", status: .badRequest)) }
        let path = String(head.uri.prefix { $0 != "?" })
        self.respond(path, context.eventLoop).hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let reply?): self.answer(reply)
            case .success(nil): self.answer(.text("no such path\n", status: .notFound))
            case .failure: self.answer(.text("no answer\n", status: .internalServerError))
            }
        }
    }

    private func answer(_ reply: StatusReply, _ headers: HTTPHeaders = [:]) {
        switch self.phase {
        case .waitingForRequest, .answering: self.phase = .ending
        case .ending: return
        }
        guard let context = self.context else { return }
        var head = HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers)
        head.headers.add(name: "content-type", value: reply.contentType)
        head.headers.add(name: "content-length", value: String(reply.body.readableBytes))
        head.headers.add(name: "cache-control", value: "no-store")
        head.headers.add(name: "connection", value: "close")
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if self.method != .HEAD { context.write(Self.wrapOutboundOut(.body(.byteBuffer(reply.body))), promise: nil) }
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in self.written() }
    }

    /// The response is with the kernel. Closing while the client still sends would reset the connection under it.
    private func written() {
        guard let context = self.context, context.channel.isActive else { return }
        guard !self.hasInputEnded else {
            context.close(promise: nil)
            return
        }
        context.close(mode: .output, promise: nil)
        self.linger = context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) { self.closeNow() }
    }
}
