import NIOCore
import NIOPosix
import WeirCore
import WeirPool
import WeirRESP

/// Opens, checks and closes the Redis connections of one loop, for a `Pool` of them.
///
/// A new connection is logged in (`AUTH`) and its database selected (`SELECT`) before the pool hears of it. It speaks RESP2.
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
        let connection = RedisConnection(loopContext: self.loopContext, maximumPending: self.configuration.maximumPending)
        let bound = NIOLoopBound(connection, eventLoop: self.loop)
        let limits = self.configuration.replyLimits
        let bootstrap = ClientBootstrap(group: self.loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            // The pool's deadline is the one that counts; this one only ends what it has given up.
            .connectTimeout(.seconds(60))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(RESPDecoder(limits: limits)), bound.value)
                }
            }
        // Closing the connection closes a channel that is still connecting, and that fails the connect.
        handle.onAbandon = { connection.close() }
        let connected: EventLoopFuture<any Channel>
        if let address = try? SocketAddress(ipAddress: self.url.host, port: self.url.port) {
            connected = bootstrap.connect(to: address)
        } else {
            connected = bootstrap.connect(host: self.url.host, port: self.url.port)
        }
        connected.assumeIsolated().whenComplete { result in
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

    /// Logs in and selects, both sent at once.
    private func greet(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        var replies: [EventLoopFuture<RESPValue>] = []
        let deadline = self.loop.now + self.configuration.commandTimeout
        if let password = self.url.password {
            var parts = [ByteBuffer(string: "AUTH")]
            if let user = self.url.user { parts.append(ByteBuffer(string: user)) }
            parts.append(ByteBuffer(string: password))
            replies.append(connection.send(.parts(parts), deadline: deadline))
        }
        if self.url.database != 0 {
            let parts = [ByteBuffer(string: "SELECT"), ByteBuffer(string: String(self.url.database))]
            replies.append(connection.send(.parts(parts), deadline: deadline))
        }
        guard !replies.isEmpty else {
            self.establish(connection, handle)
            return
        }
        EventLoopFuture.whenAllSucceed(replies, on: self.loop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let replies):
                if let error = replies.lazy.compactMap(\.errorBytes).first {
                    connection.close()
                    handle.connectFailed(
                        RedisError(
                            .authenticationFailed, "the server refused the login or the database",
                            cause: RedisError.serverError(error)))
                } else if connection.isUsable {
                    self.establish(connection, handle)
                } else {
                    handle.connectFailed(RedisError(.connectFailed, "the connection was lost during the login"))
                }
            case .failure(let error):
                connection.close()
                handle.connectFailed(RedisError(.connectFailed, "the connection was lost during the login", cause: error))
            }
        }
    }

    private func establish(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        connection.onClose = { handle.closed() }
        handle.established(connection)
    }

    public func validate(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        let reply = connection.send(.ping, deadline: self.loop.now + self.configuration.commandTimeout)
        reply.assumeIsolated().whenComplete { result in
            if case .success(let reply) = result, reply == .simple("PONG") { handle.validated(true) } else { handle.validated(false) }
        }
    }

    public func close(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        connection.close()
        handle.closed()
    }
}
