import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// A TCP client that knows nothing: sends bytes and waits for bytes, for at most half a minute.
final class Client: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    private init(_ channel: any Channel, _ inbox: NIOLoopBound<Inbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    static func connect(_ port: Int, readsByItself: Bool = true, tls: NIOSSLContext? = nil) async throws -> Client {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let inbox = try await loop.submit { NIOLoopBound(Inbox(), eventLoop: loop) }.get()
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: readsByItself)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(inbox.value)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return Client(channel, inbox)
    }

    func send(_ text: String) async throws { try await self.channel.writeAndFlush(ByteBuffer(string: text)).get() }
    func send(_ bytes: ByteBuffer) async throws { try await self.channel.writeAndFlush(bytes).get() }
    func sendWithoutWaiting(_ bytes: ByteBuffer) { self.channel.writeAndFlush(bytes, promise: nil) }
    func finish() async throws { try await self.channel.close(mode: .output).get() }
    func close() { self.channel.close(promise: nil) }
    func startReading() async throws { try await self.channel.setOption(.autoRead, value: true).get() }

    /// Everything up to now that was not given out yet, once it holds `text`, or all there is when the server closed.
    func text(until text: String) async throws -> String {
        String(buffer: try await self.wait { $0.text.contains(text) })
    }

    /// Everything until the server closes.
    func all() async throws -> String { String(buffer: try await self.wait { _ in false }) }

    /// Whether the connection ended by a reset.
    func wasReset() async throws -> Bool { try await self.channel.eventLoop.submit { self.inbox.value.wasReset }.get() }

    /// Waits for so many bytes, counts and drops them; fewer if the server closed first.
    func count(_ bytes: Int) async throws -> Int {
        try await self.channel.eventLoop.flatSubmit { self.inbox.value.count(bytes, on: self.channel.eventLoop) }.get()
    }

    private func wait(_ condition: @escaping @Sendable (Inbox) -> Bool) async throws -> ByteBuffer {
        let timer = self.channel.eventLoop.scheduleTask(in: .seconds(30)) { self.channel.close(promise: nil) }
        defer { timer.cancel() }
        return try await self.channel.eventLoop.flatSubmit {
            self.inbox.value.wait(condition, on: self.channel.eventLoop)
        }.get()
    }
}

/// What came.
private final class Inbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var bytes = ByteBuffer()
    private var isClosed = false
    private(set) var wasReset = false
    private var waiting: (condition: (Inbox) -> Bool, promise: EventLoopPromise<ByteBuffer>)?
    private var counting: (left: Int, counted: Int, promise: EventLoopPromise<Int>)?

    var text: String { String(buffer: self.bytes) }

    func wait(_ condition: @escaping (Inbox) -> Bool, on loop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        let promise = loop.makePromise(of: ByteBuffer.self)
        self.waiting = (condition, promise)
        self.check()
        return promise.futureResult
    }

    func count(_ bytes: Int, on loop: any EventLoop) -> EventLoopFuture<Int> {
        let promise = loop.makePromise(of: Int.self)
        self.counting = (bytes, 0, promise)
        self.check()
        return promise.futureResult
    }

    private func check() {
        if var counting = self.counting {
            counting.left -= self.bytes.readableBytes
            counting.counted += self.bytes.readableBytes
            self.bytes.clear()
            self.counting = counting
            if counting.left <= 0 || self.isClosed {
                self.counting = nil
                counting.promise.succeed(counting.counted)
            }
            return
        }
        guard let waiting = self.waiting, self.isClosed || waiting.condition(self) else { return }
        self.waiting = nil
        let bytes = self.bytes
        self.bytes = ByteBuffer()
        waiting.promise.succeed(bytes)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes.writeImmutableBuffer(Self.unwrapInboundIn(data))
        self.check()
    }

    private func end() {
        self.isClosed = true
        self.check()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { self.end() }
    }

    func channelInactive(context: ChannelHandlerContext) { self.end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, error.errnoCode == ECONNRESET { self.wasReset = true }
        context.close(promise: nil)
    }
}
