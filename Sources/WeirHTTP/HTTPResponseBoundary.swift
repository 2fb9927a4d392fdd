import NIOCore

/// Stands before the parser and knows where the response ends, so that no byte beyond it is ever taken for the next response.
///
/// A parser alone keeps the beginning of what follows a response, or of what comes while nobody asked, and takes it for the
/// beginning of the next one: a server, or whoever can write to it, could answer a request that was not made yet. Here a connection
/// with bytes left over is closed, and so is an idle one on which anything arrives.
///
/// The parser runs synchronously inside `fireChannelRead`, and tells the framing through ``HTTPConnection`` before the next byte is given to it.
final class HTTPResponseBoundary: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    enum Position: Equatable {
        /// No request is out: nothing may come.
        case idle
        /// In a head, of whose ending CRLF CRLF so many bytes have been seen.
        case head(seen: Int)
        case body(left: Int)
        case chunked
        case untilClose
    }

    var position = Position.idle
    unowned let connection: HTTPConnection

    init(connection: HTTPConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = Self.unwrapInboundIn(data)
        while bytes.readableBytes > 0 {
            switch self.position {
            case .idle:
                self.connection.receivedTooMuch()
                return
            case .head(let seen):
                self.passHead(&bytes, seen: seen, context)
            case .body(let left):
                let count = min(left, bytes.readableBytes)
                self.position = .body(left: left - count)
                self.pass(bytes.readSlice(length: count)!, context)
                if count == left { self.position = .idle }
            case .chunked:
                self.passChunks(&bytes, context)
            case .untilClose:
                self.pass(bytes.readSlice(length: bytes.readableBytes)!, context)
            }
            guard self.connection.isOpen else { return }
        }
        self.connection.readWasProcessed(isBetweenResponses: self.position == .idle)
    }

    private func pass(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        context.fireChannelRead(Self.wrapInboundOut(bytes))
    }

    private func passHead(_ bytes: inout ByteBuffer, seen: Int, _ context: ChannelHandlerContext) {
        var seen = seen
        var length = 0
        for byte in bytes.readableBytesView {
            length += 1
            switch (byte, seen) {
            case (UInt8(ascii: "\r"), 0), (UInt8(ascii: "\n"), 1), (UInt8(ascii: "\r"), 2), (UInt8(ascii: "\n"), 3): seen += 1
            case (UInt8(ascii: "\r"), _): seen = 1
            default: seen = 0
            }
            if seen == 4 { break }
        }
        // The connection sets the position when the parser hands it the head, and sets it to a head again after an informational one.
        self.position = .head(seen: seen == 4 ? 0 : seen)
        self.connection.isAtEndOfHead = seen == 4
        self.pass(bytes.readSlice(length: length)!, context)
        if self.connection.isAtEndOfHead, self.connection.isOpen { self.connection.headWasNotUnderstood() }
    }

    /// The end of a chunked body is found by the parser and is always a LF. All but the last byte first, then that one: if the
    /// parser has its end before the last byte, that byte is left over.
    private func passChunks(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        if bytes.readableBytes > 1, bytes.getInteger(at: bytes.writerIndex - 1, as: UInt8.self) == UInt8(ascii: "\n") {
            self.pass(bytes.readSlice(length: bytes.readableBytes - 1)!, context)
            return
        }
        let last = bytes.getInteger(at: bytes.writerIndex - 1, as: UInt8.self)
        self.pass(bytes.readSlice(length: bytes.readableBytes)!, context)
        if self.position == .idle, last != UInt8(ascii: "\n") { self.connection.receivedTooMuch() }
    }
}
