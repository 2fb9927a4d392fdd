import NIOCore
import NIOHTTP1

/// One connection of an ``EmbeddedUpstream``.
final class EmbeddedUpstreamHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private static let block = ByteBuffer(repeating: UInt8(ascii: "w"), count: 32 * 1024)

    /// Bytes of the running answer still to be made.
    private var bytesLeft = 0
    /// What comes after them.
    private var ending = Ending.end
    private var isEchoing = false
    private var isSilent = false
    private var head: HTTPRequestHead?
    private var readIsPending = false

    private enum Ending {
        case end
        case close
        case silence
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.isSilent = false
            if head.uri == "/echo" { self.beginEcho(head, context) }
        case .body(let bytes):
            if self.isEchoing { context.writeAndFlush(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            if self.isEchoing {
                self.isEchoing = false
                self.finish(context)
            } else {
                self.answer(head, context)
            }
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = head.uri.prefix { $0 != "?" }
        let parts = path.split(separator: "/")
        let number = parts.count == 2 ? Int(parts[1]) : nil
        switch (parts.first, number) {
        case ("bytes", .some(let count)) where count >= 0: self.stream(count, of: count, head, context)
        case ("chunked", .some(let count)) where count >= 0: self.stream(count, of: nil, head, context)
        case ("truncated", .some(let count)) where count > 0:
            self.stream(count / 2, of: count, head, context, ending: .close)
        case ("stall", .some(let count)) where count > 0:
            self.stream(count / 2, of: count, head, context, ending: .silence)
        case ("status", .some(let code)) where (200...999).contains(code):
            self.reply(HTTPResponseStatus(statusCode: code), "status \(code)\n", head, context)
        case ("slow", .some(let milliseconds)) where milliseconds >= 0:
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                self.reply(.ok, "after \(milliseconds) ms\n", head, context)
            }
        case ("reset", _): context.close(promise: nil)
        case ("silent", _): self.isSilent = true
        default:
            var text = "\(head.method) \(head.uri)\n"
            for (name, value) in head.headers { text += "\(name): \(value)\n" }
            self.reply(.ok, text, head, context)
        }
    }

    private func reply(_ status: HTTPResponseStatus, _ text: String, _ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        var head = HTTPResponseHead(version: .http1_1, status: status)
        head.headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        head.headers.add(name: "content-length", value: String(text.utf8.count))
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD, status.mayHaveResponseBody {
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        self.finish(context)
    }

    private func beginEcho(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.isEchoing = true
        var head = HTTPResponseHead(version: .http1_1, status: .ok)
        if let length = request.headers.first(name: "content-length") { head.headers.add(name: "content-length", value: length) }
        if let type = request.headers.first(name: "content-type") { head.headers.add(name: "content-type", value: type) }
        head.headers.add(name: "x-echo-method", value: request.method.rawValue)
        context.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
    }

    private func stream(
        _ count: Int, of announced: Int?, _ request: HTTPRequestHead, _ context: ChannelHandlerContext, ending: Ending = .end
    ) {
        var head = HTTPResponseHead(version: .http1_1, status: .ok)
        head.headers.add(name: "content-type", value: "application/octet-stream")
        if let announced { head.headers.add(name: "content-length", value: String(announced)) }
        if announced == nil, request.method == .HEAD { head.headers.add(name: "content-length", value: "0") }
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        self.bytesLeft = request.method == .HEAD ? 0 : count
        self.ending = ending
        self.pump(context)
    }

    /// Writes while the client takes it; the rest when the channel is writable again.
    private func pump(_ context: ChannelHandlerContext) {
        while self.bytesLeft > 0, context.channel.isWritable {
            let bytes = Self.block.getSlice(at: 0, length: min(self.bytesLeft, Self.block.readableBytes))!
            self.bytesLeft -= bytes.readableBytes
            context.writeAndFlush(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }
        guard self.bytesLeft == 0 else { return }
        self.bytesLeft = -1
        switch self.ending {
        case .end:
            self.finish(context)
        case .silence:
            self.isSilent = true
            context.flush()
        case .close:
            let channel = context.channel
            context.writeAndFlush(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer())))).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        // What a pipeline held back while this request ran.
        self.resumeReading(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            if self.bytesLeft > 0 { self.pump(context) }
            self.resumeReading(context)
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if self.isEchoing, !context.channel.isWritable {
            self.readIsPending = true
        } else {
            context.read()
        }
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard self.readIsPending else { return }
        self.readIsPending = false
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
