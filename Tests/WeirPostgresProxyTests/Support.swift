import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// One loop for all proxies and their clients here, so that a pool of one connection is one connection. Nobody shuts it down.
let testGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// The server of dev/services; tests that want it are skipped without.
enum TestServer {
    static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment["WEIR_POSTGRES_\(name)"].flatMap { $0.isEmpty ? nil : $0 }
    }
    static var isThere: Bool { self.variable("URL") != nil }
    static var url: PostgresURL {
        get throws { try PostgresURL(#require(self.variable("URL"))) }
    }
    static var port: Int { self.variable("PORT").flatMap(Int.init) ?? 0 }
}

extension PoolConfiguration {
    /// Of so many connections, with deadlines that only a hang reaches.
    static func patient(_ maximum: Int) -> PoolConfiguration {
        var configuration = PoolConfiguration(maximum: maximum)
        configuration.overload = nil
        configuration.connectTimeout = .seconds(60)
        configuration.acquireTimeout = .seconds(120)
        return configuration
    }
}

/// A proxy of one test.
final class TestProxy: Sendable {
    let proxy: PostgresProxy
    let port: Int
    private let channel: any Channel
    private let clients: NIOLockedValueBox<[any Channel]>

    private init(_ proxy: PostgresProxy, _ channel: any Channel, _ clients: NIOLockedValueBox<[any Channel]>) {
        (self.proxy, self.channel, self.clients) = (proxy, channel, clients)
        self.port = channel.localAddress?.port ?? 0
    }

    /// Runs the body beside a proxy in front of the server.
    static func with<Success: Sendable>(
        _ configuration: PostgresProxyConfiguration = PostgresProxyConfiguration(), url: PostgresURL? = nil, connections: Int = 1,
        _ body: (TestProxy) async throws -> Success
    ) async throws -> Success {
        let proxy = PostgresProxy(
            url: try url ?? TestServer.url, group: testGroup, configuration: configuration, pool: .patient(connections),
            metrics: MetricRegistry(group: testGroup))
        let clients = NIOLockedValueBox<[any Channel]>([])
        let channel = try await ServerBootstrap(group: testGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    clients.withLockedValue { $0.append(channel) }
                    try channel.pipeline.syncOperations.addHandler(PostgresProxyHandler(proxy[channel.eventLoop]))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let test = TestProxy(proxy, channel, clients)
        let result: Result<Success, any Error>
        do { result = .success(try await body(test)) } catch { result = .failure(error) }
        try await channel.close().get()
        for client in clients.withLockedValue({ $0 }) {
            client.close(promise: nil)
            try await client.closeFuture.get()
        }
        try await proxy.shutdown().get()
        return try result.get()
    }

    /// A client of the proxy that has logged in.
    func client(_ parameters: [String: String] = [:]) async throws -> RawClient {
        try await RawClient.connect(port: self.port, user: "bob", database: "weir", parameters)
    }

    /// Connections to the server, over all pools.
    func statistics() async throws -> PoolStatistics { try await self.proxy.connections[0].pool.statistics().get() }
}

/// A client that says what a test wants and writes down what comes: one word for each message.
///
/// `1 2 T D:42 C:SELECT.1 Z:I`: the tag, of a row its first value, of a command its tag, of an error its SQLSTATE, of a setting its name.
final class RawClient: Sendable {
    private struct State {
        var words: [String] = []
        var waiter: (until: @Sendable ([String]) -> Int?, continuation: CheckedContinuation<[String], Never>)?
        var isClosed = false
        var key: PostgresBackend.BackendKeyData?
        var parameters: [String: String] = [:]
    }

    let channel: any Channel
    private let state: NIOLockedValueBox<State>

    private init(_ channel: any Channel, _ state: NIOLockedValueBox<State>) { (self.channel, self.state) = (channel, state) }

    static func raw(port: Int) async throws -> RawClient {
        let state = NIOLockedValueBox(State())
        let channel = try await ClientBootstrap(group: testGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(PostgresBackendDecoder()), Reader(state: state))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawClient(channel, state)
    }

    static func connect(
        port: Int, user: String, database: String, _ parameters: [String: String] = [:]
    ) async throws -> RawClient {
        let client = try await self.raw(port: port)
        var all: [(name: PostgresString, value: PostgresString)] = [
            ("user", PostgresString(user)), ("database", PostgresString(database)),
        ]
        for (name, value) in parameters { all.append((PostgresString(name), PostgresString(value))) }
        let message = PostgresFrontend.StartupMessage(parameters: PostgresStartupParameters(all))
        try await client.send { try message.write(into: &$0) }
        _ = await client.untilReady()
        return client
    }

    var key: PostgresBackend.BackendKeyData? { self.state.withLockedValue { $0.key } }
    var parameters: [String: String] { self.state.withLockedValue { $0.parameters } }

    func send(_ body: (inout ByteBuffer) throws -> Void) async throws {
        var bytes = ByteBuffer()
        try body(&bytes)
        try await self.channel.writeAndFlush(bytes).get()
    }

    /// All that comes up to the next ReadyForQuery, or to the end of the connection, without settings and notices.
    func untilReady(_ count: Int = 1) async -> String {
        await self.wait { words in
            var left = count
            return words.firstIndex {
                if $0.hasPrefix("Z:") { left -= 1 }
                return left == 0
            }.map { $0 + 1 }
        }
    }

    /// All that comes up to a word, which it ends with.
    func until(_ word: String) async -> String { await self.wait { words in words.firstIndex(of: word).map { $0 + 1 } } }

    private func wait(_ until: @escaping @Sendable ([String]) -> Int?) async -> String {
        await withCheckedContinuation { continuation in
            self.state.withLockedValue { $0.waiter = (until, continuation) }
            Self.serve(self.state)
        }.joined(separator: " ")
    }

    private static func serve(_ state: NIOLockedValueBox<State>) {
        let due = state.withLockedValue { state -> (CheckedContinuation<[String], Never>, [String])? in
            guard let waiter = state.waiter else { return nil }
            let count = waiter.until(state.words)
            guard count != nil || state.isClosed else { return nil }
            let words = Array(state.words.prefix(count ?? state.words.count))
            state.words.removeFirst(words.count)
            state.waiter = nil
            return (waiter.continuation, count == nil ? words + ["closed"] : words)
        }
        if let (continuation, words) = due { continuation.resume(returning: words) }
    }

    func query(_ sql: String) async throws -> String {
        try await self.send { try $0.writePostgresQuery(sql) }
        return await self.untilReady()
    }

    /// Leaves without a word.
    func vanish() async throws { try await self.channel.close().get() }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = PostgresFrame
        private let state: NIOLockedValueBox<State>

        init(state: NIOLockedValueBox<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = Self.unwrapInboundIn(data)
            self.state.withLockedValue { state in
                switch try? PostgresBackend.Message(frame) {
                case .parameterStatus(let status)?: state.parameters[status.name.string] = status.value.string
                case .noticeResponse?: break
                case .backendKeyData(let key)?: state.key = key
                case .readyForQuery(let ready)?: state.words.append("Z:\(Character(UnicodeScalar(ready.status.rawValue)))")
                case .errorResponse(let error)?: state.words.append("E:\(error.fields.sqlState ?? "")")
                case .commandComplete(let complete)?:
                    state.words.append("C:\(complete.tag.text.string.split(separator: " ").joined(separator: "."))")
                case .dataRow(let row)?:
                    let value = row.values.first { _ in true }.flatMap { $0 }
                    state.words.append("D:\(value.map { String(buffer: $0) } ?? "")")
                default: state.words.append(String(Character(UnicodeScalar(frame.tag))))
                }
            }
            RawClient.serve(self.state)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.state.withLockedValue { $0.isClosed = true }
            RawClient.serve(self.state)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
