public import NIOCore
import WeirCore
public import WeirPool

/// Opens, checks and closes the Postgres connections of one loop, for a `Pool` of them.
///
/// A new connection has logged in and is of the wanted kind before the pool hears of it. Of several addresses it stays with the one that
/// worked last and tries the others, each once and in their order, when that one fails. When the pool gives up on a connect, the next one
/// begins with the next address.
public final class PostgresConnectionFactory: ResourceFactory {
    public typealias Resource = PostgresConnection

    private let target: PostgresServerTarget
    private let loopContext: LoopContext
    /// The address that the next connect begins with.
    private var preferred = 0

    /// On the loop. Reads the certificates that the URL names; a ``PostgresPool`` does that once for all its loops.
    public convenience init(url: PostgresURL, configuration: PostgresConfiguration, loop: any EventLoop) {
        self.init(target: PostgresServerTarget(url: url, configuration: configuration), loop: loop)
    }

    /// On the loop.
    init(target: PostgresServerTarget, loop: any EventLoop) {
        self.target = target
        self.loopContext = LoopContext.of(loop)
    }

    public func connect(_ handle: ResourceHandle<PostgresConnection>) {
        let search = PostgresAddressSearch(self.target, from: self.preferred, loopContext: self.loopContext)
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

    /// Asks by an empty statement.
    public func validate(_ connection: PostgresConnection, _ handle: ResourceHandle<PostgresConnection>) {
        guard connection.isIdle else { return handle.validated(false) }
        let collector = PostgresCollector(limits: .unlimited) { result in
            if case .success = result { handle.validated(true) } else { handle.validated(false) }
        }
        connection.sendSimple(
            "", deadline: self.loopContext.loop.now + self.target.configuration.addressTimeout, number: connection.nextNumber(),
            answer: PostgresAnswer(receiver: collector, tag: 0), special: nil)
    }

    public func close(_ connection: PostgresConnection, _ handle: ResourceHandle<PostgresConnection>) {
        // Over TLS the socket is closed when the server has said goodbye.
        connection.isRetired = true
        let closed = connection.channel?.closeFuture
        connection.close()
        guard let closed else { return handle.closed() }
        closed.assumeIsolated().whenComplete { _ in handle.closed() }
    }
}
