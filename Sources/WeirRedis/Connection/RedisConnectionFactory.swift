public import NIOCore
import WeirCore
public import WeirPool
import WeirRESP

/// Opens, checks and closes the Redis connections of one loop, for a `Pool` of them.
///
/// A new connection is through with its handshake before the pool hears of it. Of several addresses it stays with the one that worked
/// last and tries the others, each once and in their order, when that one fails; a login that is refused is not tried on another. When
/// the pool gives up on a connect, the next one begins with the next address.
public final class RedisConnectionFactory: ResourceFactory {
    public typealias Resource = RedisConnection

    private let target: RedisTarget
    private let loopContext: LoopContext
    /// The address that the next connect begins with.
    private var preferred = 0

    /// On the loop. Reads the certificates that the configuration names; a ``RedisPool`` does that once for all its loops.
    public convenience init(url: RedisURL, configuration: RedisConfiguration, loop: any EventLoop) {
        self.init(target: RedisTarget(url: url, configuration: configuration), loop: loop)
    }

    /// On the loop.
    init(target: RedisTarget, loop: any EventLoop) {
        self.target = target
        self.loopContext = LoopContext.of(loop)
    }

    public func connect(_ handle: ResourceHandle<RedisConnection>) {
        let search = RedisAddressSearch(self.target, from: self.preferred, loopContext: self.loopContext)
        handle.onAbandon = { [weak self] in
            self?.preferred = search.next
            search.cancel()
        }
        search.start { [weak self] result in
            switch result {
            case .success((let connection, let address)):
                self?.preferred = address
                connection.onClose = { if !connection.isRetired { handle.closed() } }
                handle.established(connection)
            case .failure(let error):
                handle.connectFailed(error)
            }
        }
    }

    /// Asks by `PING`. A user who may not ask that, or who has not logged in, has an answer too.
    public func validate(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        let ping = RedisCommand<Void>.ping.request
        _ = connection.send(
            ping, deadline: self.loopContext.loop.now + self.target.configuration.commandTimeout,
            .closure { result in
                guard case .success(let reply) = result else { return handle.validated(false) }
                let kind = reply.isError ? RedisError.serverError(reply).serverErrorKind : nil
                handle.validated(!reply.isError || kind == .noPermission || kind == .notAuthenticated && !self.target.shakesHands)
            })
    }

    public func close(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
        // Over TLS the socket is closed when the server has said goodbye.
        connection.isRetired = true
        let closed = connection.channel?.closeFuture
        connection.close()
        guard let closed else { return handle.closed() }
        closed.assumeIsolated().whenComplete { _ in handle.closed() }
    }
}
