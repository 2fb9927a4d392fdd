import NIOCore
import WeirRESP

/// One client of an ``EmbeddedRESPServer``: runs its commands as they come and answers a whole read by one write.
final class EmbeddedRESPConnection: ChannelDuplexHandler {
    typealias InboundIn = RESPRequest
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A string longer than this goes out as a write of its own and is not copied.
    private static let longestCopiedString = 16 * 1024

    let core: EmbeddedRESPCore
    private(set) var identifier = 0
    /// The version the client asked for by `HELLO`.
    var version = RESPVersion.resp2
    var name = ByteBuffer()
    var isAuthenticated: Bool
    private var out = ByteBuffer()
    private var context: ChannelHandlerContext?
    private var isClosing = false
    private var readIsPending = false

    init(core: EmbeddedRESPCore) {
        self.core = core
        self.isAuthenticated = core.configuration.password == nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        self.core.lastConnection += 1
        self.identifier = self.core.lastConnection
        if self.core.connections.count >= self.core.configuration.maximumConnections {
            self.error("ERR max number of clients reached")
            self.closeAfterReplies()
            self.send(context)
        } else {
            self.core.connections[self.identifier] = context.channel
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.core.connections.removeValue(forKey: self.identifier)
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosing else { return }
        self.core.commandsProcessed &+= 1
        EmbeddedCommand.run(Array(Self.unwrapInboundIn(data).arguments), on: self)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.send(context)
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? RESPError, !self.isClosing {
            self.protocolError(error.message)
            self.send(context)
        } else {
            context.close(promise: nil)
        }
    }

    // MARK: Back-pressure: a client that does not read its replies is not read from

    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            context.read()
        } else {
            self.readIsPending = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, self.readIsPending {
            self.readIsPending = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Replies

    func ok() { self.out.writeStaticString("+OK\r\n") }
    func null() { self.out.writeRESPNull(version: self.version) }
    func integer(_ integer: Int) { self.out.writeRESPInteger(Int64(integer)) }
    func simple(_ text: String) { self.out.writeRESPSimple(text) }
    func error(_ text: String) { self.out.writeRESPSimple(text, isError: true) }
    func array(count: Int) { self.out.writeRESPArrayHeader(count: count) }
    func value(_ value: RESPValue) { self.out.writeRESP(value, version: self.version) }

    func string(_ bytes: ByteBuffer?) {
        guard let bytes else {
            self.null()
            return
        }
        guard bytes.readableBytes > Self.longestCopiedString, let context = self.context else {
            self.out.writeRESPBulkString(bytes)
            return
        }
        self.out.writeString("$\(bytes.readableBytes)\r\n")
        context.write(Self.wrapOutboundOut(self.out), promise: nil)
        context.write(Self.wrapOutboundOut(bytes), promise: nil)
        self.out = ByteBuffer(string: "\r\n")
    }

    /// No further command is read; the channel closes once what was answered is written.
    func closeAfterReplies() { self.isClosing = true }

    private func protocolError(_ message: String) {
        self.error("ERR Protocol error: \(message)")
        self.closeAfterReplies()
    }

    private func send(_ context: ChannelHandlerContext) {
        guard self.out.readableBytes > 0 else { return }
        let out = self.out
        self.out = ByteBuffer()
        guard self.isClosing else {
            context.writeAndFlush(Self.wrapOutboundOut(out), promise: nil)
            return
        }
        let channel = context.channel
        context.writeAndFlush(Self.wrapOutboundOut(out)).whenComplete { _ in channel.close(promise: nil) }
    }
}
