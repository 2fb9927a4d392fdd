import NIOCore
import NIOEmbedded
import NIOHTTP1
import WeirCore
import WeirPool

@testable import WeirHTTP

/// A connection without a network, so that each read brings exactly the bytes it is given.
enum BoundaryFixture {
    struct Result {
        var body: String
        var isReusable: Bool
    }

    private final class Factory: ResourceFactory {
        let channel: EmbeddedChannel
        private(set) var connection: HTTPConnection?

        init(_ channel: EmbeddedChannel) { self.channel = channel }

        func connect(_ handle: ResourceHandle<HTTPConnection>) {
            let connection = HTTPConnection(loopContext: LoopContext.of(handle.loop))
            self.connection = connection
            do {
                try self.channel.pipeline.syncOperations.addHandlers(
                    HTTPRequestEncoder(), connection.boundary,
                    ByteToMessageHandler(HTTPResponseDecoder(informationalResponseStrategy: .forward)), connection)
                self.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
            } catch {
                handle.connectFailed(error)
                return
            }
            connection.onClose = { handle.closed() }
            handle.established(connection)
        }

        func close(_ connection: HTTPConnection, _ handle: ResourceHandle<HTTPConnection>) {
            connection.close()
            handle.closed()
        }
    }

    private final class Delegate: HTTPExchangeDelegate {
        var body = ""
        var error: HTTPError?
        var hasEnded = false

        func exchangeStarted(_ exchange: HTTPExchange) {}
        func exchange(_ exchange: HTTPExchange, received head: HTTPResponseHead) {}
        func exchange(_ exchange: HTTPExchange, received bytes: ByteBuffer) { self.body += String(buffer: bytes) }
        func exchangeReadComplete(_ exchange: HTTPExchange) {}
        func exchange(_ exchange: HTTPExchange, writabilityChanged isWritable: Bool) {}
        func exchangeEnded(_ exchange: HTTPExchange, trailers: HTTPHeaders?) { self.hasEnded = true }
        func exchangeFailed(_ exchange: HTTPExchange, _ error: HTTPError) { self.error = error }
    }

    /// Sends one GET and gives the response read by read.
    static func run(_ reads: [ByteBuffer]) throws -> Result {
        let channel = EmbeddedChannel()
        let loop = channel.embeddedEventLoop
        // The factory is made on the loop it is asked for, which is this one.
        let bound = NIOLoopBound(Factory(channel), eventLoop: loop)
        let pool = Pool<HTTPConnection>(name: "boundary", group: loop, configuration: PoolConfiguration(maximum: 1)) { _ in bound.value }
        let local = LocalHTTPPool(
            origin: HTTPOrigin(host: "h"), pool: pool[loop], loopContext: LoopContext.of(loop), deadlines: HTTPDeadlines())
        let delegate = Delegate()
        let exchange = try local.exchange(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), delegate: delegate)
        loop.run()
        for read in reads { try channel.writeInbound(read) }
        withExtendedLifetime(exchange) {}
        let result = Result(body: delegate.body, isReusable: delegate.hasEnded && bound.value.connection?.isOpen == true)
        let shutdown = pool.shutdown(deadline: .now())
        loop.run()
        try shutdown.wait()
        _ = try? channel.finish()
        if let error = delegate.error { throw error }
        return result
    }
}
