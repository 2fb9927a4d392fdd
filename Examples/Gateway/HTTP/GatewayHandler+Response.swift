import NIOCore
import NIOHTTP1
import NIOPosix
import WeirCore
import WeirServer

/// What routes do: answer, wholly or bit by bit.
extension GatewayHandler {
    /// False while the client does not take what is written. The route is told when it does again.
    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    /// The client waits for this before it sends the body, if it said so.
    func writeContinue() {
        guard case .running(let running) = self.phase, running.request.expectsContinue, !running.hasResponseBegun else { return }
        self.context?.writeAndFlush(
            Self.wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }

    /// A whole response.
    func respond(_ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.beginResponse(status, headers, body: status.mayHaveResponseBody ? .length(body.readableBytes) : .none)
        if body.readableBytes > 0 { self.write(body) }
        self.endResponse()
    }

    /// A whole response of one line of text.
    func respond(_ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:], text: String) {
        var headers = headers
        headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        self.respond(status, headers, body: ByteBuffer(string: text + "\n"))
    }

    /// The head of a response whose body follows. Framing and `Connection` are written here.
    func beginResponse(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, body: ResponseBody) {
        guard case .running(let running) = self.phase, !running.hasResponseBegun else { return }
        running.hasResponseBegun = true
        running.status = status
        // What was not read of the request cannot be told from the next one.
        if !running.hasRequestEnded || self.clients.isDraining { running.keepsAlive = false }
        var head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        switch body {
        case .none: break
        case .length(let length): head.headers.add(name: "content-length", value: String(length))
        case .unknown where running.request.method == .HEAD: break
        case .unknown where running.request.isHTTP11: head.headers.add(name: "transfer-encoding", value: "chunked")
        case .unknown:
            running.keepsAlive = false
            running.endsWithConnection = true
        }
        if !running.keepsAlive {
            head.headers.add(name: "connection", value: "close")
        } else if !running.request.isHTTP11 {
            head.headers.add(name: "connection", value: "keep-alive")
        }
        self.context?.write(Self.wrapOutboundOut(.head(head)), promise: nil)
    }

    /// A piece of the response's body. Nothing is sent of it where the method allows no body.
    func write(_ bytes: ByteBuffer) {
        guard case .running(let running) = self.phase, running.request.method != .HEAD else { return }
        running.bytes += bytes.readableBytes
        self.context?.write(Self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
    }

    func flush() { self.context?.flush() }

    /// The response is whole.
    func endResponse() {
        // A pipelined request that is answered at once, inside the end of the one before: not on the same stack, as there may be thousands.
        guard !self.isEnding else {
            self.loop.assumeIsolated().execute { self.endResponse() }
            return
        }
        guard case .running(let running) = self.phase, let context = self.context else { return }
        // The next request is not begun before the client has taken this response but for a rest: or requests without end, whose
        // responses nobody reads, would fill the memory.
        if !context.channel.isWritable {
            running.isEndHeld = true
            context.flush()
            self.unwrittenBefore = self.unwrittenBytes
            return
        }
        self.logRequest(running, wasCut: false)
        running.route = nil
        self.isReadingPaused = false
        self.lastActivity = self.loopContext.passTime
        let keepsAlive = running.keepsAlive && !self.hasInputEnded
        self.phase = keepsAlive ? .idle : .lingering(isWriting: true)
        self.arm(at: self.lastActivity + self.timeout)
        self.isEnding = true
        self.hasServed = true
        if keepsAlive {
            context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            let written = context.writeAndFlush(Self.wrapOutboundOut(.end(nil)))
            written.assumeIsolated().whenComplete { _ in self.closeAfterResponse(hasRequestEnded: running.hasRequestEnded) }
        }
        self.isEnding = false
        if keepsAlive, self.clients.isDraining, case .idle = self.phase { self.closeWhenWritten() }
    }

    /// What the kernel has not taken yet.
    var unwrittenBytes: Int {
        self.context.flatMap { try? $0.channel.syncOptions?.getOption(.bufferedWritableBytes) } ?? 0
    }

    /// The response cannot be brought to its end: the connection is cut, so that the client does not take it for whole.
    func abortResponse() {
        guard case .running(let running) = self.phase else { return }
        self.logRequest(running, wasCut: true)
        self.phase = .closed
        self.cut(running)
    }

    /// Closes in the middle of a response. Where only the end of the connection shows the end of the response, a plain close would
    /// look like it: that connection is reset.
    func cut(_ running: Running) {
        if running.endsWithConnection {
            _ = (self.context?.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        self.context?.close(promise: nil)
    }
}
