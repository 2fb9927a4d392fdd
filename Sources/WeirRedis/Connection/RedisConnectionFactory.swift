public import NIOCore
import NIOPosix
import WeirCore
public import WeirPool
import WeirRESP

/// Opens, checks and closes the Redis connections of one loop, for a `Pool` of them.
///
/// A new connection is through with its handshake before the pool hears of it.
public final class RedisConnectionFactory: ResourceFactory {
    public typealias Resource = RedisConnection

    private let url: RedisURL
    private let loop: any EventLoop
    private let loopContext: LoopContext
    private let configuration: RedisConfiguration

    /// On the loop.
    public init(url: RedisURL, configuration: RedisConfiguration, loop: any EventLoop) {
        self.url = url
        self.loop = loop
        self.loopContext = LoopContext.of(loop)
        self.configuration = configuration
    }

    public func connect(_ handle: ResourceHandle<RedisConnection>) {
        let connection = RedisConnection(
            loopContext: self.loopContext, limits: self.configuration.limits, replyLimits: self.configuration.replyLimits)
        // Closing the connection closes a channel that is still connecting, and that fails the connect.
        handle.onAbandon = { connection.close() }
        self.dial(connection).assumeIsolated().whenComplete { result in
            switch result {
            case .failure(let error):
                handle.connectFailed(RedisError(.connectFailed, "the server could not be connected to", cause: error))
            case .success(let channel):
                guard !handle.isAbandoned, connection.isUsable else {
                    channel.close(promise: nil)
                    handle.connectFailed(RedisError(.connectFailed, "the connection was given up or lost"))
                    return
                }
                self.greet(connection, handle)
            }
        }
    }

    private func dial(_ connection: RedisConnection) -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(connection, eventLoop: self.loop)
        let bootstrap = ClientBootstrap(group: self.loop)
            .channelOption(.maxMessagesPerRead, value: 1)
            // The pool's deadline is the one that counts; this one only ends what it has given up.
            .connectTimeout(RedisConfiguration.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
        let tcp = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        if let address = try? SocketAddress(ipAddress: self.url.host, port: self.url.port) { return tcp.connect(to: address) }
        return tcp.connect(host: self.url.host, port: self.url.port)
    }

    private func greet(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        let handshake = RedisHandshake(url: self.url, configuration: self.configuration)
        handshake.run(on: connection, loop: self.loop, deadline: self.loop.now + self.configuration.commandTimeout)
            .assumeIsolated().whenComplete { result in
                switch result {
                case .success where connection.isUsable:
                    connection.onClose = { handle.closed() }
                    handle.established(connection)
                case .success:
                    handle.connectFailed(RedisError(.connectFailed, "the connection was lost during the login"))
                case .failure(let error):
                    connection.close()
                    handle.connectFailed(error)
                }
            }
    }

    public func validate(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        let reply = connection.send(.ping, deadline: self.loop.now + self.configuration.commandTimeout)
        reply.assumeIsolated().whenComplete { result in
            if case .success = result { handle.validated(true) } else { handle.validated(false) }
        }
    }

    public func close(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        connection.close()
        handle.closed()
    }
}
