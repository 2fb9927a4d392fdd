import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import WeirRESP
import WeirTestKit

/// A Redis in which every key holds the same value, and which counts how often it was asked for.
final class CountingRedis: Sendable {
    private let channel: any Channel
    private let gets: NIOLockedValueBox<Int>

    var port: Int { self.channel.localAddress!.port! }
    var count: Int { self.gets.withLockedValue { $0 } }

    private init(_ channel: any Channel, _ gets: NIOLockedValueBox<Int>) {
        self.channel = channel
        self.gets = gets
    }

    static func start(valueLength: Int) async throws -> CountingRedis {
        let gets = NIOLockedValueBox(0)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handlers: [any ChannelHandler] = [
                        ByteToMessageHandler(RESPRequestDecoder()),
                        Answers(ByteBuffer(repeating: UInt8(ascii: "v"), count: valueLength), gets),
                    ]
                    try channel.pipeline.syncOperations.addHandlers(handlers)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return CountingRedis(channel, gets)
    }

    func shutdown() async throws { try await self.channel.close().get() }

    private final class Answers: ChannelInboundHandler {
        typealias InboundIn = RESPRequest
        typealias OutboundOut = ByteBuffer

        private let value: ByteBuffer
        private let gets: NIOLockedValueBox<Int>

        init(_ value: ByteBuffer, _ gets: NIOLockedValueBox<Int>) {
            self.value = value
            self.gets = gets
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var reply = ByteBuffer()
            switch String(buffer: Self.unwrapInboundIn(data).name) {
            case "HELLO": reply.writeString("%0\r\n")
            case "GET":
                self.gets.withLockedValue { $0 += 1 }
                reply.writeRESP(.bulkString(self.value), version: .resp2)
            default: reply.writeString("+OK\r\n")
            }
            context.writeAndFlush(Self.wrapOutboundOut(reply), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension [ScriptedServer.Step] {
    /// The answers to what a Redis client says first.
    static let redisHandshake: [ScriptedServer.Step] = [
        .awaitString("HELLO"), .send("%0\r\n"), .awaitString("PING"), .send("+OK\r\n+OK\r\n+PONG\r\n"),
    ]
}
