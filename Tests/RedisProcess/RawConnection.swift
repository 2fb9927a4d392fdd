package import NIOCore
import NIOPosix
package import WeirRESP

/// A RESP connection without any of the client's code: what a server says to the byte.
package struct RawConnection {
    private typealias Replies = NIOAsyncChannel<RESPFrame, ByteBuffer>

    package static func with<Result: Sendable>(
        _ address: SocketAddress,
        _ body: @Sendable (_ send: @escaping @Sendable ([String]) async throws -> RESPValue) async throws -> Result
    ) async throws -> Result {
        try await self.connect(address).executeThenClose { inbound, outbound in
            let replies = Iterator(inbound.makeAsyncIterator())
            return try await body { parts in
                var buffer = ByteBuffer()
                buffer.writeRESPCommand(parts: parts.map { ByteBuffer(string: $0) })
                try await outbound.write(buffer)
                return try await replies.next()
            }
        }
    }

    /// What the server says without being asked.
    package static func greeting(_ address: SocketAddress) async throws -> RESPValue {
        try await self.connect(address).executeThenClose { inbound, _ in try await Iterator(inbound.makeAsyncIterator()).next() }
    }

    private static func connect(_ address: SocketAddress) async throws -> Replies {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(RESPFrameDecoder()))
                return try Replies(wrappingChannelSynchronously: channel)
            }
        }
    }

    private actor Iterator {
        private nonisolated(unsafe) var iterator: NIOAsyncChannelInboundStream<RESPFrame>.AsyncIterator
        // Proof for the iterator: tests send one command at a time, so `next` is never entered twice.

        init(_ iterator: sending NIOAsyncChannelInboundStream<RESPFrame>.AsyncIterator) { self.iterator = iterator }

        func next() async throws -> RESPValue {
            guard let reply = try await self.iterator.next() else { throw ChannelError.eof }
            return RESPValue(reply)
        }
    }
}
