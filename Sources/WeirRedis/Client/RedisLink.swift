import NIOCore
import WeirCore
import WeirPool

/// The connection that the requests of one loop share: a lease that it holds for as long as the connection lives.
///
/// Without a connection it asks the pool for one, whose backoff and circuit decide when to try; commands wait meanwhile, until their
/// deadlines. When the pool says no, those that wait are told why.
final class RedisLink: LeaseReceiver, DeadlineReceiver {
    typealias Resource = RedisConnection

    let pipeline: RedisPipeline
    private let pool: LocalPool<RedisConnection>
    private let loopContext: LoopContext
    private let configuration: RedisConfiguration
    private var lease: Lease<RedisConnection>?
    private var isAsking = false
    private var request: LeaseRequest?
    private var isDraining = false
    /// Connections in a row that answered nothing, and how long to wait after the second of them.
    private var fruitless = 0
    private var rest = Backoff(initial: .milliseconds(10), maximum: .seconds(1), multiplier: 2, jitter: .equal)
    private var isResting = false
    private var numberAtGrant: UInt64 = 0
    private var target: DeadlineTarget?
    private var nextLook: DeadlineToken?
    private var repliesAtLastLook: UInt64 = 0
    private var drained: [EventLoopPromise<Void>] = []

    init(pool: LocalPool<RedisConnection>, loopContext: LoopContext, configuration: RedisConfiguration) {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
        self.pipeline = RedisPipeline(loopContext: loopContext, limits: configuration.limits)
    }

    @inline(__always)
    func send(_ request: borrowing RedisRequest, deadline: NIODeadline, answer: RedisAnswer) -> RedisTicket? {
        guard self.takes(answer) else { return nil }
        return self.connected(self.pipeline.send(request, deadline: deadline, answer: answer))
    }

    func send(_ requests: [RedisRequest], deadline: NIODeadline, answer: RedisAnswer) -> RedisTicket? {
        guard self.takes(answer) else { return nil }
        return self.connected(self.pipeline.send(requests, deadline: deadline, answer: answer))
    }

    /// Refuses what comes during a drain.
    @inline(__always)
    private func takes(_ answer: RedisAnswer) -> Bool {
        if self.isDraining { answer.fail(RedisError(.shutdown, "the client is being shut down")) }
        return !self.isDraining
    }

    /// Sees to it that what waits gets a connection.
    @inline(__always)
    private func connected(_ ticket: RedisTicket?) -> RedisTicket? {
        if self.pipeline.connection == nil, ticket != nil { self.connect() }
        return ticket
    }

    // MARK: The connection

    private func connect() {
        guard !self.isAsking, !self.isResting, self.lease == nil, !self.pipeline.isEnded else { return }
        self.isAsking = true
        let request = self.pool.lease(owner: .sharedConnection, to: self)
        if self.isAsking { self.request = request }
    }

    func leaseGranted(_ lease: consuming Lease<RedisConnection>, tag: UInt64) {
        self.isAsking = false
        self.request = nil
        let connection = lease.resource
        guard connection.isUsable else {
            // It was closed on its way here, and will not say so again.
            lease.discard()
            return self.reconnect(hasAnswered: false)
        }
        guard !self.isDraining || self.pipeline.queue.hasUnsent else { return lease.release() }
        lease.holdForLong()
        self.lease = consume lease
        self.numberAtGrant = self.pipeline.queue.firstNumber
        let closed = connection.onClose
        connection.onClose = { [weak self] in
            closed?()
            self?.connectionClosed()
        }
        connection.carry(self.pipeline)
        self.armKeepAlive()
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.isAsking = false
        self.request = nil
        self.pipeline.failAll { RedisError(.noConnection, "the pool gave no connection", cause: error, mayHaveRun: $0) }
    }

    private func connectionClosed() {
        self.lease.take()?.discard()
        self.cancelKeepAlive()
        self.reconnect(hasAnswered: self.pipeline.queue.firstNumber > self.numberAtGrant)
    }

    /// What still waits has the next connection: asked for later, when the pipeline knows that this one is gone. Where one after the other
    /// ends without an answer, as when a command that is repeated ends them, not at once.
    private func reconnect(hasAnswered: Bool) {
        self.fruitless = hasAnswered ? 0 : self.fruitless + 1
        let connect = { [weak self] in
            guard let self else { return }
            self.isResting = false
            if self.pipeline.queue.hasUnsent { self.connect() }
        }
        if self.fruitless > 1 {
            self.isResting = true
            self.loopContext.loop.assumeIsolated().scheduleTask(in: self.rest.next(), connect)
        } else {
            self.rest.reset()
            self.loopContext.loop.assumeIsolated().execute(connect)
        }
    }

    // MARK: Health

    private func armKeepAlive() {
        guard let keepAlive = self.configuration.keepAlive, self.lease != nil else { return }
        let target = self.target ?? self.loopContext.deadlines.register(self)
        self.target = target
        self.repliesAtLastLook = self.pipeline.queue.firstNumber
        self.cancelKeepAlive()
        self.nextLook = self.loopContext.deadlines.arm(at: self.loopContext.loop.now + keepAlive, target: target, tag: 0)
    }

    /// One chain of looks at a time, however often the connection changes.
    private func cancelKeepAlive() {
        if let nextLook = self.nextLook.take() { self.loopContext.deadlines.cancel(nextLook) }
    }

    func deadlineReached(tag: UInt64) {
        self.nextLook = nil
        guard let connection = self.pipeline.connection else { return }
        defer { self.armKeepAlive() }
        // Also behind commands that wait: they may have no deadline by which a dead link would be found.
        guard self.pipeline.queue.firstNumber == self.repliesAtLastLook else { return }
        if self.pipeline.isFull {
            if let keepAlive = self.configuration.keepAlive, self.pipeline.lastProgress + keepAlive <= self.loopContext.loop.now {
                connection.stalled()
            }
            return
        }
        // One that does not answer in time is of no use to anyone.
        let ping = RedisCommand<Void>.ping
        let bound = NIOLoopBound(connection, eventLoop: self.loopContext.loop)
        _ = self.pipeline.send(
            ping.request, deadline: self.loopContext.loop.now + self.configuration.commandTimeout,
            answer: .closure { result in if case .failure = result { bound.value.close() } })
    }

    // MARK: The end

    /// Takes nothing more and lets go of the connection when nobody waits for an answer.
    func drain() -> EventLoopFuture<Void> {
        let promise = self.loopContext.loop.makePromise(of: Void.self)
        self.drained.append(promise)
        self.isDraining = true
        self.pipeline.whenEmpty = { [weak self] in self?.end() }
        if self.pipeline.queue.waiting == 0 { self.end() }
        return promise.futureResult
    }

    /// Fails what waits.
    func end() {
        self.isDraining = true
        self.pipeline.whenEmpty = nil
        // A pool that drains would wait for it.
        if let request = self.request.take() { self.pool.cancel(request) }
        self.pipeline.end { RedisError(.shutdown, "the client was shut down", mayHaveRun: $0) }
        self.lease.take()?.discard()
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
        for promise in self.drained { promise.succeed() }
        self.drained = []
    }
}

extension Owner {
    /// The connections that a loop's requests share.
    static let sharedConnection = Owner("shared connection")
}
