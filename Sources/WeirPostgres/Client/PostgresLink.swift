import NIOCore
import WeirCore
import WeirPool

/// One of the connections that the statements of a loop share: a lease that it holds for as long as the connection lives.
///
/// It asks the pool for one when it is told to; the pool's backoff and circuit decide when to try.
@usableFromInline
final class PostgresLink: LeaseReceiver, DeadlineReceiver {
    @usableFromInline typealias Resource = PostgresConnection

    /// Nil while there is none.
    @usableFromInline @exclusivity(unchecked) private(set) var connection: PostgresConnection?
    private let pool: LocalPool<PostgresConnection>
    private let loopContext: LoopContext
    private let configuration: PostgresConfiguration
    private var lease: Lease<PostgresConnection>?
    private var request: LeaseRequest?
    private var isAsking = false
    private var isEnded = false
    private var target: DeadlineTarget?
    private var nextLook: DeadlineToken?
    /// Called when a statement can be sent, when one cannot be, and when a connection has ended.
    var onConnected: () -> Void = {}
    var onRefused: (PoolError) -> Void = { _ in }
    var onLost: () -> Void = {}
    var onRoom: () -> Void = {}

    init(pool: LocalPool<PostgresConnection>, loopContext: LoopContext, configuration: PostgresConfiguration) {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
    }

    var isConnecting: Bool { self.isAsking }

    func connect() {
        guard !self.isAsking, self.lease == nil, !self.isEnded else { return }
        self.isAsking = true
        let request = self.pool.lease(owner: .sharedConnection, to: self)
        if self.isAsking { self.request = request }
    }

    @usableFromInline
    func leaseGranted(_ lease: consuming Lease<PostgresConnection>, tag: UInt64) {
        self.isAsking = false
        self.request = nil
        let connection = lease.resource
        guard connection.isIdle, !self.isEnded else {
            lease.discard()
            if !self.isEnded { self.onLost() }
            return
        }
        lease.holdForLong()
        self.lease = consume lease
        let closed = connection.onClose
        // Unowned: `end()`, without which nobody lets go of this, takes both back.
        connection.onClose = { [unowned self] in
            closed?()
            self.connectionClosed()
        }
        connection.isShared = true
        connection.onRoom = self.onRoom
        self.connection = connection
        self.armKeepAlive()
        self.onConnected()
    }

    @usableFromInline
    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.isAsking = false
        self.request = nil
        self.onRefused(error)
    }

    private func connectionClosed() {
        self.connection = nil
        self.lease.take()?.discard()
        self.cancelKeepAlive()
        // The connection tells its statements first.
        self.loopContext.loop.assumeIsolated().execute { [weak self] in self?.onLost() }
    }

    /// Lets go of the connection; what is on it fails. Calls nobody any more.
    func end() {
        self.isEnded = true
        (self.onConnected, self.onRefused, self.onLost, self.onRoom) = ({}, { _ in }, {}, {})
        if let request = self.request.take() { self.pool.cancel(request) }
        self.cancelKeepAlive()
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
        self.connection?.onClose = nil
        self.connection?.onRoom = nil
        // Says goodbye, unless there is something to say to those who wait.
        if let connection = self.connection.take(), connection.pendingCount > 0 { connection.end(.shutdown, "the client was shut down") }
        self.lease.take()?.discard()
    }

    // MARK: Health

    private func armKeepAlive() {
        guard let keepAlive = self.configuration.keepAlive, self.lease != nil else { return }
        let target = self.target ?? self.loopContext.deadlines.register(self)
        self.target = target
        self.cancelKeepAlive()
        self.nextLook = self.loopContext.deadlines.arm(at: self.loopContext.loop.now + keepAlive, target: target, tag: 0)
    }

    private func cancelKeepAlive() {
        if let nextLook = self.nextLook.take() { self.loopContext.deadlines.cancel(nextLook) }
    }

    @usableFromInline
    func deadlineReached(tag: UInt64) {
        self.nextLook = nil
        guard let connection, let keepAlive = self.configuration.keepAlive else { return }
        defer { self.armKeepAlive() }
        // What runs has a deadline of its own.
        guard connection.pendingCount == 0, connection.lastProgress + keepAlive <= self.loopContext.loop.now else { return }
        let bound = NIOLoopBound(connection, eventLoop: self.loopContext.loop)
        let collector = PostgresCollector(limits: .unlimited) { result in
            if case .failure = result { bound.value.close() }
        }
        connection.sendSimple(
            "", deadline: self.loopContext.loop.now + keepAlive, number: 0, answer: PostgresAnswer(receiver: collector, tag: 0),
            special: nil)
    }
}

extension Owner {
    /// The connections that a loop's statements share.
    static let sharedConnection = Owner("shared connection")
}
