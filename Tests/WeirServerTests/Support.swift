import Foundation
import NIOCore
import NIOPosix
import Testing

struct WaitedTooLong: Error {}

extension EventLoopFuture where Value: Sendable {
    /// As `get()`, for half a minute at most: a test of something that may hang then fails and goes on.
    func boundedGet() async throws -> Value {
        let clock = MultiThreadedEventLoopGroup.singleton.next()
        let promise = clock.makePromise(of: Value.self)
        let timer = clock.scheduleTask(in: .seconds(30)) { promise.fail(WaitedTooLong()) }
        self.whenComplete { result in
            timer.cancel()
            promise.completeWith(result)
        }
        return try await promise.futureResult.get()
    }
}

/// Asks again until it is so, for half a minute at most.
func wait(until condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw WaitedTooLong() }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// Where nothing is, short enough for a Unix socket.
func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UInt64.random(in: 0...UInt64.max))").path
}

/// Runs a test on loops of its own.
func withLoops<Result>(_ count: Int, _ body: (MultiThreadedEventLoopGroup) async throws -> Result) async throws -> Result {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    do {
        let result = try await body(group)
        try await group.shutdownGracefully()
        return result
    } catch {
        try? await group.shutdownGracefully()
        throw error
    }
}

/// The other end of a connection: sends bytes and waits for bytes.
final class Peer: Sendable {
    let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    private init(_ channel: any Channel, _ inbox: NIOLoopBound<Inbox>) {
        self.channel = channel
        self.inbox = inbox
    }

    /// - Parameter source: The address to come from.
    static func connect(to address: SocketAddress, from source: String? = nil) async throws -> Peer {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let inbox = try await loop.submit { NIOLoopBound(Inbox(), eventLoop: loop) }.get()
        var bootstrap = ClientBootstrap(group: loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(inbox.value) }
            }
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        return Peer(try await bootstrap.connect(to: address).boundedGet(), inbox)
    }

    func send(_ text: String) async throws { try await self.channel.writeAndFlush(ByteBuffer(string: text)).boundedGet() }
    /// Sends what the other end may not take, or not all of it.
    func sendWithoutWaiting(_ text: String) { self.channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
    func finish() async throws { try await self.channel.close(mode: .output).boundedGet() }
    func close() async throws { try await self.channel.close().boundedGet() }

    /// Closes so that the other end reads an error.
    func reset() async throws {
        try await (self.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).boundedGet()
        try await self.close()
    }

    /// What came up to now, as soon as it holds `text`, or all there is when the other end closed.
    func text(until text: String) async throws -> String { try await self.wait { $0.contains(text) } }

    /// Everything until the other end closes.
    func all() async throws -> String { try await self.wait { _ in false } }

    private func wait(_ condition: @escaping @Sendable (String) -> Bool) async throws -> String {
        try await self.channel.eventLoop.flatSubmit { self.inbox.value.wait(condition, on: self.channel.eventLoop) }.boundedGet()
    }

    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var text = ""
        private var isClosed = false
        private var waiting: (condition: (String) -> Bool, promise: EventLoopPromise<String>)?

        func wait(_ condition: @escaping (String) -> Bool, on loop: any EventLoop) -> EventLoopFuture<String> {
            let promise = loop.makePromise(of: String.self)
            self.waiting = (condition, promise)
            self.check()
            return promise.futureResult
        }

        private func check() {
            guard let waiting = self.waiting, self.isClosed || waiting.condition(self.text) else { return }
            self.waiting = nil
            waiting.promise.succeed(self.text)
        }

        private func end() {
            self.isClosed = true
            self.check()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.text += String(buffer: Self.unwrapInboundIn(data))
            self.check()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { self.end() }
        }

        func channelInactive(context: ChannelHandlerContext) { self.end() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
