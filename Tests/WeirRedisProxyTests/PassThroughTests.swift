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

/// The mode in which everything passes as it is.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct PassThroughTests {
    private static var configuration: RedisProxyConfiguration {
        var configuration = RedisProxyConfiguration.patient
        configuration.mode = .passThrough
        return configuration
    }

    /// A server that sends back what it gets, and `bye` when the client has said all.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard let event = event as? ChannelEvent, event == .inputClosed else { return }
            let promise = context.eventLoop.makePromise(of: Void.self)
            let channel = context.channel
            promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            channel.writeAndFlush(ByteBuffer(string: "bye"), promise: promise)
        }
    }

    private func withEcho(_ body: (TestProxy) async throws -> Void) async throws {
        let server = try await ServerBootstrap(group: clientGroup)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
            }.bind(host: "127.0.0.1", port: 0).get()
        let proxy = try await TestProxy.start(
            RedisURL(host: "127.0.0.1", port: server.localAddress!.port!), configuration: Self.configuration)
        do {
            try await body(proxy)
        } catch {
            try await proxy.shutdown()
            throw error
        }
        try await proxy.shutdown()
        try await server.close().get()
    }

    private func random(_ count: Int, seed: UInt64) -> ByteBuffer {
        var random = SplitMix64(seed: seed)
        var buffer = ByteBuffer()
        while buffer.readableBytes < count { buffer.writeInteger(random.next()) }
        return buffer.getSlice(at: 0, length: count)!
    }

    @Test func everyByteBothWays() async throws {
        try await self.withEcho { proxy in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<8 {
                    tasks.addTask {
                        let client = try await proxy.connect()
                        let sent = self.random(3_000_000 + number, seed: UInt64(number))
                        var rest = sent
                        // Some before there is a connection to the server, in pieces of all sizes.
                        var size = 1
                        while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
                            client.send(piece)
                            size = min(size * 3, 700_000)
                        }
                        #expect(try await client.bytes(sent.readableBytes) == sent)
                        await client.close()
                    }
                }
                try await tasks.waitForAll()
            }
            try await eventually { try await proxy.openSessions() == 0 }
            let (received, sent) = proxy.left.withLockedValue { $0.reduce((0, 0)) { ($0.0 + $1.bytesReceived, $0.1 + $1.bytesSent) } }
            // Some have gone before the farewell.
            #expect(received == 24_000_028 && (received...(received + 8 * 3)).contains(sent))
        }
    }

    @Test func halfClosedClientsGetTheRest() async throws {
        try await self.withEcho { proxy in
            let sent = self.random(5_000_000, seed: 1)
            let client = try await proxy.connect()
            client.send(sent)
            try await client.finish()
            #expect(try await client.bytes(sent.readableBytes) == sent)
            #expect(try await client.rest() == "bye")
            // Said before there is a connection to the server.
            let early = try await proxy.connect()
            try await early.finish()
            #expect(try await early.rest() == "bye")
            try await eventually { try await proxy.openSessions() == 0 }
            #expect(proxy.left.withLockedValue { $0.count == 2 && $0.allSatisfy { $0.reason == nil } })
        }
    }

    private static let size = 50_000_000

    /// The client reads nothing: what it asked for stays with the server.
    @Test func aClientThatDoesNotReadHoldsTheServerBack() async throws {
        try await withProxy(loops: 1, configuration: Self.configuration) { proxy, redis in
            let client = try await proxy.connect()
            let value = self.random(Self.size, seed: 2)
            client.send(RESPRequest([ByteBuffer(string: "SET"), ByteBuffer(string: "big"), value]).bytes)
            #expect(try await client.reply() == "+OK\r\n")
            try await client.reading(false)
            client.send(["GET", "big"])
            try await eventually { try await self.held(redis) > 30_000_000 }
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await self.held(redis) > 30_000_000)
            // Others are served.
            let other = try await proxy.connect()
            #expect(try await other.ask("ECHO", "x") == bulk("x"))
            try await client.reading(true)
            let header = ByteBuffer(string: "$\(Self.size)\r\n")
            #expect(try await client.bytes(header.readableBytes) == header)
            #expect(try await client.bytes(Self.size) == value)
            #expect(try await client.bytes(2) == ByteBuffer(string: "\r\n"))
        }
    }

    /// What the server holds for a client that does not take it.
    private func held(_ redis: OwnRedis) async throws -> Int {
        try await ServerClients.of(redis.address).lines.compactMap { Int(ServerClients.field("omem", of: $0)) }.max() ?? 0
    }

    /// The server reads nothing: what the client sends stays with the client.
    @Test func aServerThatDoesNotReadHoldsTheClientBack() async throws {
        try await withProxy(loops: 1, configuration: Self.configuration) { proxy, redis in
            let client = try await proxy.connect()
            try await client.ask("PING")
            redis.signal(SIGSTOP)
            let value = self.random(Self.size, seed: 3)
            let isTaken = NIOLockedValueBox(false)
            client.channel.writeAndFlush(RESPRequest([ByteBuffer(string: "SET"), ByteBuffer(string: "big"), value]).bytes)
                .whenSuccess { isTaken.withLockedValue { $0 = true } }
            var last = 0
            try await eventually {
                try await Task.sleep(for: .milliseconds(100))
                let now = try await Int(proxy.count(\.bytesReceived))
                defer { last = now }
                return now > 0 && now == last
            }
            #expect(last < 25_000_000)
            #expect(!isTaken.withLockedValue { $0 })
            redis.signal(SIGCONT)
            #expect(try await client.reply() == "+OK\r\n")
            #expect(try await client.ask("STRLEN", "big") == ":\(Self.size)\r\n")
        }
    }

    @Test func whatTheServerSaysLastReachesTheClient() async throws {
        try await withProxy(loops: 1, configuration: Self.configuration) { proxy, redis in
            let quits = try await proxy.connect()
            quits.send(commands([["SET", "a", "1"], ["SUBSCRIBE", "a"], ["QUIT"]]))
            #expect(try await quits.rest() == "+OK\r\n*3\r\n\(bulk("subscribe"))\(bulk("a")):1\r\n+OK\r\n")
            let lost = try await proxy.connect()
            try await lost.ask("PING")
            try await redis.ask("CLIENT", "KILL", "TYPE", "normal")
            #expect(try await lost.rest() == "")
            try await eventually { try await proxy.openSessions() == 0 }
            #expect(try await proxy.statistics().active == 0)
        }
    }

    @Test func withoutAServerThereIsAnError() async throws {
        var configuration = Self.configuration
        configuration.connectionTimeout = .milliseconds(200)
        try await withProxy(loops: 1, configuration: configuration) { proxy, redis in
            await redis.crash()
            let client = try await proxy.connect()
            client.send(["PING"])
            #expect(try await client.rest() == "-ERR the proxy has no connection to the server\r\n")
            try await redis.restart()
            try await eventually {
                let next = try await proxy.connect()
                next.send(["PING"])
                return try await next.frame().bytes == ByteBuffer(string: "+PONG\r\n")
            }
        }
    }

    @Test func connectionsEndWithTheirClients() async throws {
        try await withProxy(configuration: Self.configuration) { proxy, redis in
            for index in 0..<12 {
                let client = try await proxy.connect()
                client.send([["BLPOP", "a", "0"], ["SUBSCRIBE", "a"], ["MONITOR"], ["MULTI"]][index % 4])
                try await eventually { try await ServerClients.of(redis.address).lines.count == 1 }
                if index % 3 == 0 { await client.reset() } else { await client.close() }
                try await eventually { try await ServerClients.of(redis.address).lines.isEmpty }
            }
        }
    }

    /// Who has been answered is let go at once, others when they have their answers; what they say then is not for the server any more.
    @Test func aDrainWaitsForAnswers() async throws {
        try await withProxy(configuration: Self.configuration) { proxy, redis in
            let (idle, silent, waits) = (try await proxy.connect(), try await proxy.connect(), try await proxy.connect())
            try await idle.ask("PING")
            #expect(try await waits.ask("SET", "b", "1") == "+OK\r\n")
            waits.send(commands([["BLPOP", "a", "0"], ["GET", "b"]]))
            try await eventually { try await ServerClients.of(redis.address).lines.contains { $0.contains("cmd=blpop") } }
            try await proxy.drain()
            #expect(try await idle.rest() == "")
            #expect(try await silent.rest() == "")
            #expect(try await proxy.openSessions() == 1)
            waits.send(["SET", "b", "2"])
            try await redis.ask("RPUSH", "a", "x")
            #expect(try await waits.rest() == "*2\r\n\(bulk("a"))\(bulk("x"))\(bulk("1"))")
            #expect(try await redis.ask("GET", "b").bytes == ByteBuffer(string: "1"))
            #expect(proxy.left.withLockedValue { $0.allSatisfy { "\($0.reason, default: "-")" == "the proxy stops" } })
        }
    }
}
