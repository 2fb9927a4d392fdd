import NIOCore
import WeirRedis

/// Answers each key that its client sends with the key's value.
final class LookupHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let redis: LocalRedis

    init(_ pool: RedisPool, on loop: any EventLoop) { self.redis = pool[loop] }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Asked, sent, received and answered on this loop: no lock, no hop.
        self.redis.send(.get(Self.unwrapInboundIn(data))).assumeIsolated().whenComplete { result in
            let value = (try? result.get()) ?? ByteBuffer(string: "not found")
            context.writeAndFlush(Self.wrapOutboundOut(value), promise: nil)
        }
    }
}
