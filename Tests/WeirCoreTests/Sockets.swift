import NIOCore
import NIOPosix

/// Bytes through the kernel on loopback.
enum Sockets {
    /// A connection whose both ends are on `loop` says `count` times one byte and hears it back.
    static func roundTrips(_ count: Int, on loop: any EventLoop) async throws {
        let done = loop.makePromise(of: Void.self)
        do {
            let server = try await ServerBootstrap(group: loop)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
                }
                .bind(host: "127.0.0.1", port: 0).boundedGet()
            let client = try await ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Counter(count, done)) }
                }
                .connect(to: server.localAddress!).boundedGet()
            try await done.futureResult.boundedGet()
            try await client.close()
            try await server.close()
        } catch {
            done.fail(error)
            throw error
        }
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
    }

    private final class Counter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var remaining: Int
        private let done: EventLoopPromise<Void>

        init(_ count: Int, _ done: EventLoopPromise<Void>) {
            self.remaining = count
            self.done = done
        }

        func channelActive(context: ChannelHandlerContext) { self.say(context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.remaining -= 1
            if self.remaining == 0 { self.done.succeed() } else { self.say(context) }
        }

        func channelInactive(context: ChannelHandlerContext) { self.done.fail(ChannelError.eof) }

        private func say(_ context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(string: "x")), promise: nil)
        }
    }
}
