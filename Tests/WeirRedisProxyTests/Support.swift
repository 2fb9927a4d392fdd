import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// Where clients and scripted servers live.
let clientGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
/// Only a hang reaches it.
let patience = TimeAmount.seconds(60)

/// A proxy in this process, and the sessions of its clients.
final class TestProxy: Sendable {
    let group: MultiThreadedEventLoopGroup
    let proxy: RedisProxy
    let address: SocketAddress
    /// What became of those who have left.
    let left: NIOLockedValueBox<[RedisProxyClientSummary]>
    let slow: NIOLockedValueBox<[RedisSlowCommand]>
    private let channel: any Channel
    private let sessions: LoopLocal<Sessions>

    private init(
        _ group: MultiThreadedEventLoopGroup, _ proxy: RedisProxy, _ channel: any Channel, _ sessions: LoopLocal<Sessions>, _ logs: Logs
    ) {
        self.group = group
        self.proxy = proxy
        self.channel = channel
        self.address = channel.localAddress!
        self.sessions = sessions
        self.left = logs.left
        self.slow = logs.slow
    }

    static func start(
        _ url: RedisURL, loops: Int = 2, configuration: RedisProxyConfiguration = .patient, connections: Int = 64
    ) async throws -> TestProxy {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let logs = Logs()
        var pool = PoolConfiguration(maximum: connections)
        pool.maximumWaiters = 10_000
        pool.acquireTimeout = configuration.connectionTimeout
        pool.connectTimeout = configuration.connectionTimeout
        pool.backoff = Backoff(initial: .milliseconds(5), maximum: .milliseconds(50), multiplier: 2, jitter: .equal)
        pool.overload = nil
        pool.circuitThreshold = 1_000_000
        pool.maximumConcurrentConnects = 64
        let proxy = RedisProxy(
            url: url, group: group, configuration: configuration, pool: pool, metrics: MetricRegistry(group: group),
            observer: { _ in Observer(logs) })
        let sessions = LoopLocal<Sessions>(group) { _ in Sessions() }
        let isShared = configuration.mode == .shared
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let local = proxy[channel.eventLoop]
                    if isShared {
                        let handler = RedisProxyHandler(local)
                        sessions[channel.eventLoop].add(handler, channel)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    } else {
                        let handler = RedisPassThroughHandler(local)
                        sessions[channel.eventLoop].add(handler, channel)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return TestProxy(group, proxy, channel, sessions, logs)
    }

    func connect(reads: Bool = true) async throws -> TestClient { try await TestClient.connect(self.address, reads: reads) }

    /// What `body` says of each loop.
    func onEachLoop<Value: Sendable>(_ body: @escaping @Sendable (LocalRedisProxy, Sessions) -> Value) async throws -> [Value] {
        var values: [Value] = []
        for loop in self.sessions.loops {
            values.append(try await loop.submit { body(self.proxy[loop], self.sessions[loop]) }.get())
        }
        return values
    }

    var loops: Int { self.sessions.loops.count }
    func openSessions() async throws -> Int { try await self.onEachLoop { $1.open.count }.reduce(0, +) }
    func drain() async throws { _ = try await self.onEachLoop { for session in $1.open.values { session.drain() } } }
    func closeNow() async throws { _ = try await self.onEachLoop { for session in $1.open.values { session.closeNow() } } }
    func statistics() async throws -> PoolStatistics { try await self.proxy.connections.statistics().get() }

    func count(_ counter: any KeyPath<LocalRedisProxy, LocalCounter> & Sendable) async throws -> UInt64 {
        try await self.onEachLoop { proxy, _ in proxy[keyPath: counter].value }.reduce(0, +)
    }

    func shutdown() async throws {
        try await self.channel.close().get()
        try await self.closeNow()
        try await self.proxy.shutdown().get()
        try await self.group.shutdownGracefully()
    }

    struct Logs: Sendable {
        let left = NIOLockedValueBox<[RedisProxyClientSummary]>([])
        let slow = NIOLockedValueBox<[RedisSlowCommand]>([])
    }

    private final class Observer: RedisProxyObserver {
        private let logs: Logs
        init(_ logs: Logs) { self.logs = logs }
        func redisClientLeft(_ client: RedisProxyClientSummary) { self.logs.left.withLockedValue { $0.append(client) } }
        func redisCommandWasSlow(_ command: RedisSlowCommand) { self.logs.slow.withLockedValue { $0.append(command) } }
    }
}

/// A client's handler, of either mode.
protocol ProxySession: AnyObject {
    func drain()
    func closeNow()
}

extension RedisProxyHandler: ProxySession {}
extension RedisPassThroughHandler: ProxySession {}

/// The open sessions of a loop.
final class Sessions {
    private(set) var open: [ObjectIdentifier: any ProxySession] = [:]

    func add(_ session: any ProxySession, _ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        self.open[key] = session
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.open[key] = nil }
    }
}

extension RedisProxyConfiguration {
    /// Times that only a hang reaches.
    static var patient: RedisProxyConfiguration {
        var configuration = RedisProxyConfiguration()
        configuration.connectionTimeout = patience
        configuration.closeTimeout = patience
        return configuration
    }
}

/// Runs `body` with a proxy in front of a Redis of its own, and ends both.
func withProxy(
    loops: Int = 2, redis arguments: [String] = [], login: (user: String?, password: String)? = nil,
    configuration: RedisProxyConfiguration = .patient, connections: Int = 64, _ body: (TestProxy, OwnRedis) async throws -> Void
) async throws {
    let redis = try await OwnRedis.start(arguments)
    defer { redis.signal(SIGKILL) }
    var url = redis.url
    url.user = login?.user
    url.password = login?.password
    let proxy = try await TestProxy.start(url, loops: loops, configuration: configuration, connections: connections)
    do {
        try await body(proxy, redis)
    } catch {
        try await proxy.shutdown()
        throw error
    }
    try await proxy.shutdown()
}

/// Waits for what must come.
func eventually(
    _ what: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let deadline = NIODeadline.now() + patience
    while NIODeadline.now() < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    Issue.record(what ?? "it never came", sourceLocation: sourceLocation)
    throw Hang()
}

/// What must come did not.
struct Hang: Error {}
/// The connection has ended.
struct Ended: Error {}

/// Commands as they are sent.
func command(_ words: [String]) -> ByteBuffer { RESPRequest(words.map { ByteBuffer(string: $0) }).bytes }
func command(_ words: String...) -> ByteBuffer { command(words) }
func commands(_ commands: [[String]]) -> ByteBuffer {
    commands.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(command($1)) }
}
/// A string as a reply.
func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

/// A client of one connection, which sees every byte.
final class TestClient: Sendable {
    let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>
    /// Whether its end is nothing to be surprised at.
    private let mayEnd: Bool

    private init(_ channel: any Channel, _ inbox: NIOLoopBound<Inbox>, mayEnd: Bool) {
        self.channel = channel
        self.inbox = inbox
        self.mayEnd = mayEnd
    }

    static func connect(_ address: SocketAddress, reads: Bool = true, mayEnd: Bool = false) async throws -> TestClient {
        let loop = clientGroup.next()
        return try await loop.flatSubmit {
            let inbox = NIOLoopBound(Inbox(), eventLoop: loop)
            return ClientBootstrap(group: loop)
                .channelOption(.autoRead, value: reads)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(inbox.value) }
                }
                .connect(to: address).map { TestClient($0, inbox, mayEnd: mayEnd) }
        }.get()
    }

    // MARK: Sending

    /// Done when the socket has taken it.
    func sent(_ bytes: ByteBuffer) async throws { try await self.channel.writeAndFlush(bytes).get() }
    func send(_ bytes: ByteBuffer) { self.channel.writeAndFlush(bytes, promise: nil) }
    func send(_ text: String) { self.send(ByteBuffer(string: text)) }
    func send(_ words: [String]) { self.send(command(words)) }
    func finish() async throws { try await self.channel.close(mode: .output).get() }

    func reading(_ reads: Bool) async throws { try await self.channel.setOption(.autoRead, value: reads).get() }

    func close() async { try? await self.channel.close().get() }

    /// Ends by RST.
    func reset() async {
        try? await (self.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await self.close()
    }

    // MARK: Receiving

    /// The next value: a reply, or a push.
    func frame(_ sourceLocation: SourceLocation = #_sourceLocation) async throws -> RESPFrame {
        try await self.take("a frame", sourceLocation) { bytes, _ in
            guard let length = try frameLength(bytes) else { return nil }
            // Of memory of its own: it leaves the loop.
            return try RESPFrame(ByteBuffer(bytes: bytes.readSlice(length: length)!.readableBytesView))
        }
    }

    /// The next value to the byte.
    func reply(_ sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        String(buffer: try await self.frame(sourceLocation).bytes)
    }

    func replies(_ count: Int, _ sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String] {
        var replies: [String] = []
        for _ in 0..<count { replies.append(try await self.reply(sourceLocation)) }
        return replies
    }

    /// So many bytes.
    func bytes(_ count: Int, _ sourceLocation: SourceLocation = #_sourceLocation) async throws -> ByteBuffer {
        try await self.take("\(count) bytes", sourceLocation) { bytes, _ in
            bytes.readSlice(length: count).map { ByteBuffer(bytes: $0.readableBytesView) }
        }
    }

    /// All there is up to the end of the connection.
    func rest(_ sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        try await self.take("the end", sourceLocation, atEnd: true) { bytes, isEnded in
            isEnded ? String(buffer: bytes.readSlice(length: bytes.readableBytes)!) : nil
        }
    }

    /// What has come and was not looked at.
    func unread() async throws -> Int { try await self.channel.eventLoop.submit { self.inbox.value.bytes.readableBytes }.get() }

    @discardableResult
    func ask(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        self.send(words)
        return try await self.reply(sourceLocation)
    }

    private func take<Value: Sendable>(
        _ what: String, _ sourceLocation: SourceLocation, atEnd: Bool = false,
        _ body: @escaping @Sendable (inout ByteBuffer, _ isEnded: Bool) throws -> Value?
    ) async throws -> Value {
        let loop = self.channel.eventLoop
        do {
            return try await loop.flatSubmit {
                let promise = loop.makePromise(of: Value.self)
                let inbox = self.inbox.value
                var isDone = false
                inbox.changed = { inbox in
                    guard !isDone else { return }
                    do {
                        if let value = try body(&inbox.bytes, inbox.isEnded) {
                            isDone = true
                            promise.succeed(value)
                        } else if inbox.isEnded {
                            throw Ended()
                        }
                    } catch {
                        isDone = true
                        promise.fail(error)
                    }
                }
                let timeout = loop.assumeIsolated().scheduleTask(in: patience) {
                    isDone = true
                    promise.fail(Hang())
                }
                promise.futureResult.assumeIsolated().whenComplete { _ in
                    inbox.changed = nil
                    timeout.cancel()
                }
                inbox.changed?(inbox)
                return promise.futureResult
            }.get()
        } catch {
            if !(self.mayEnd && error is Ended) { Issue.record("\(what) did not come: \(error)", sourceLocation: sourceLocation) }
            throw error
        }
    }

    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var bytes = ByteBuffer()
        var isEnded = false
        var changed: ((Inbox) -> Void)?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes.writeImmutableBuffer(Self.unwrapInboundIn(data))
            self.changed?(self)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.isEnded = true
            self.changed?(self)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

private func frameLength(_ bytes: ByteBuffer) throws -> Int? {
    guard bytes.readableBytes > 0 else { return nil }
    var splitter = RESPFrameSplitter()
    var left = 1
    let end = try bytes.withUnsafeReadableBytes { try splitter.pass($0, from: 0, values: &left, stopsAtPush: false) }
    return left == 0 ? end : nil
}

/// What the server's list of clients says of connections but that of who asks.
struct ServerClients {
    let flags: [String]
    let lines: [String]

    static func of(_ address: SocketAddress) async throws -> ServerClients {
        let text = try await OwnRedis.ask(address, "CLIENT", "LIST").bytes.map { String(buffer: $0) } ?? ""
        let lines = text.split(separator: "\n").map(String.init).filter { !$0.contains("cmd=client|list") }
        return ServerClients(flags: lines.map { Self.field("flags", of: $0) }, lines: lines)
    }

    static func field(_ name: String, of line: String) -> String {
        line.split(separator: " ").first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) } ?? ""
    }

    /// None is blocked, in a transaction, subscribed or spoiled by a watched key's change.
    var areClean: Bool {
        self.lines.allSatisfy { line in
            Set(Self.field("flags", of: line)).isDisjoint(with: "bxPdOt") && Self.field("multi", of: line) == "-1"
                && Self.field("sub", of: line) == "0" && Self.field("psub", of: line) == "0"
        }
    }
}
