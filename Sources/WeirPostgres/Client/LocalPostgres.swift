public import NIOCore
import WeirCore
import WeirPool

/// Postgres on one loop: touch it on that loop only.
///
/// Independent statements share few connections: what one pass of the loop asks for goes out in one write to each, and each statement is a
/// transaction of its own, so that none of them is touched by another's error. What needs a connection of its own, as transactions and
/// copies do, leases one.
public final class LocalPostgres: PostgresQuerying {
    /// The loop that it belongs to.
    public var loop: any EventLoop { self.loopContext.loop }
    public let configuration: PostgresConfiguration
    let pool: LocalPool<PostgresConnection>
    @usableFromInline let loopContext: LoopContext
    @usableFromInline let links: [PostgresLink]
    @usableFromInline @exclusivity(unchecked) var lastNumber: UInt64 = 0
    private var waiting: PostgresWaitingRoom
    let notifications: PostgresNotifications
    @exclusivity(unchecked) private var hasWaiting = false
    private var isDraining = false
    private var drained: [EventLoopPromise<Void>] = []

    init(pool: LocalPool<PostgresConnection>, loopContext: LoopContext, configuration: PostgresConfiguration, backoff: Backoff = Backoff())
    {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
        self.links = (0..<max(1, configuration.sharedConnections)).map { _ in
            PostgresLink(pool: pool, loopContext: loopContext, configuration: configuration)
        }
        self.waiting = PostgresWaitingRoom(loopContext: loopContext, configuration: configuration)
        self.notifications = PostgresNotifications(
            pool: pool, loopContext: loopContext, configuration: configuration, backoff: backoff)
        // Unowned, as `deinit` ends the links, which call nobody then: what is held weakly somewhere is retained and released slowly everywhere.
        for link in self.links {
            link.onConnected = { [unowned self] in self.sendWaiting() }
            link.onRoom = { [unowned self] in self.roomLeft() }
            link.onLost = { [unowned self] in self.connectionLost() }
            link.onRefused = { [unowned self] error in self.refused(error) }
        }
    }

    deinit {
        // On its loop, as everything here.
        for link in self.links { link.end() }
        self.notifications.end()
        self.waiting.end(PostgresError(.shutdown, "the client was shut down"))
    }

    // MARK: Receivers

    /// As ``send(_:deadline:tag:to:)``, with the parameters straight into a connection's write buffer: nothing is allocated in steady state.
    ///
    /// - Parameters:
    ///   - sql: the statement's text, with `$1`, `$2`, …
    ///   - parameter: a value for each.
    ///   - deadline: for connection and result together; by default ``PostgresConfiguration/statementTimeout`` from now.
    ///   - tag: handed to the receiver.
    ///   - receiver: held until the statement has ended.
    /// - Returns: by what to ``cancel(_:)`` it; nil if it has ended.
    @inlinable
    @discardableResult
    public func send<each Parameter: PostgresEncodable>(
        _ sql: String, _ parameter: repeat each Parameter, deadline: NIODeadline? = nil, tag: UInt64 = 0, to receiver: any PostgresReceiver
    ) -> PostgresTicket? {
        let deadline = self.deadline(deadline)
        guard let connection = self.connectionWithRoom() else {
            return self.wait(PostgresQuery(sql: sql, repeat each parameter), deadline: deadline, tag: tag, to: receiver)
        }
        return connection.send(sql, repeat each parameter, deadline: deadline, number: self.nextNumber(), tag: tag, to: receiver)
    }

    @discardableResult
    public func send(_ query: PostgresQuery, deadline: NIODeadline?, tag: UInt64, to receiver: any PostgresReceiver) -> PostgresTicket? {
        let deadline = self.deadline(deadline)
        guard let connection = self.connectionWithRoom() else { return self.wait(query, deadline: deadline, tag: tag, to: receiver) }
        let number = self.nextNumber()
        connection.send(query, deadline: deadline, number: number, answer: PostgresAnswer(receiver: receiver, tag: tag))
        return PostgresTicket(number: number)
    }

    @discardableResult
    public func cancel(_ ticket: PostgresTicket) -> Bool {
        let error = { (mayHaveRun: Bool) in PostgresError(.cancelled, "the statement was cancelled", mayHaveRun: mayHaveRun) }
        for link in self.links { if link.connection?.abandon(ticket.number, error) ?? false { return true } }
        return self.waiting.abandon(ticket.number, error(false))
    }

    @inlinable @inline(__always)
    func nextNumber() -> UInt64 {
        self.lastNumber &+= 1
        return self.lastNumber
    }

    @usableFromInline
    func deadline(_ deadline: NIODeadline?) -> NIODeadline { deadline ?? self.loopContext.passTime + self.configuration.statementTimeout }

    // MARK: Where they go

    /// The one with least to do, if it takes more and nobody was here before.
    @usableFromInline
    func connectionWithRoom() -> PostgresConnection? {
        guard !self.hasWaiting, !self.isDraining else { return nil }
        var best: PostgresConnection?
        var least = Int.max
        var hasUnconnected = false
        for link in self.links {
            guard let connection = link.connection else {
                hasUnconnected = true
                continue
            }
            let pending = connection.pendingCount
            if pending < least, connection.takesMore { (best, least) = (connection, pending) }
        }
        // Another one where all have enough to do.
        if hasUnconnected, least >= Self.enough { self.connectOne() }
        return best
    }

    /// In flight on each connection, from which on another one is opened.
    private static var enough: Int { 4 }

    private func connectOne() {
        guard !self.links.contains(where: { $0.isConnecting }) else { return }
        self.links.first { $0.connection == nil }?.connect()
    }

    @usableFromInline
    func wait(_ query: PostgresQuery, deadline: NIODeadline, tag: UInt64, to receiver: any PostgresReceiver) -> PostgresTicket? {
        let answer = PostgresAnswer(receiver: receiver, tag: tag)
        guard !self.isDraining else {
            answer.failed(PostgresError(.shutdown, "the client is being shut down"))
            return nil
        }
        let number = self.nextNumber()
        guard self.waiting.add(query, deadline: deadline, number: number, answer: answer) else { return nil }
        self.hasWaiting = true
        self.connectOne()
        // The pool may have had one at hand.
        self.sendWaiting()
        return PostgresTicket(number: number)
    }

    @inline(__always)
    private func roomLeft() {
        if self.hasWaiting { self.sendWaiting() }
        if self.isDraining { self.endIfDrained() }
    }

    private func sendWaiting() {
        while !self.waiting.isEmpty {
            var best: PostgresConnection?
            for link in self.links {
                guard let connection = link.connection, connection.takesMore else { continue }
                if best.map({ connection.pendingCount < $0.pendingCount }) ?? true { best = connection }
            }
            guard let best, let next = self.waiting.next() else { return }
            best.send(next.query, deadline: next.deadline, number: next.number, answer: next.answer)
        }
        self.hasWaiting = false
    }

    private func connectionLost() {
        if self.hasWaiting, !self.links.contains(where: { $0.connection != nil }) { self.connectOne() }
        if self.isDraining { self.endIfDrained() }
    }

    /// The pool has no connection for those who wait, unless one is here whose turn they wait for.
    private func refused(_ error: PoolError) {
        guard !self.links.contains(where: { $0.connection != nil }) else { return }
        self.hasWaiting = false
        self.waiting.failAll(PostgresError(.noConnection, "the pool gave no connection", cause: error))
        if self.isDraining { self.endIfDrained() }
    }

    /// One more statement would be refused with ``PostgresError/Code/tooManyPending``.
    public var isFull: Bool { self.waiting.isFull }

    // MARK: The end

    /// Takes nothing more and answers what waits, until the deadline.
    func drain(deadline: NIODeadline) -> EventLoopFuture<Void> {
        let promise = self.loop.makePromise(of: Void.self)
        self.drained.append(promise)
        self.isDraining = true
        self.notifications.end()
        let timer = self.loop.assumeIsolated().scheduleTask(deadline: deadline) { self.end() }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        self.endIfDrained()
        return promise.futureResult
    }

    private func endIfDrained() {
        guard self.waiting.isEmpty, self.links.allSatisfy({ ($0.connection?.pendingCount ?? 0) == 0 }) else { return }
        // Not from within a statement's end.
        self.loop.assumeIsolated().execute { self.end() }
    }

    private func end() {
        for link in self.links { link.end() }
        self.waiting.end(PostgresError(.shutdown, "the client was shut down"))
        self.hasWaiting = false
        for promise in self.drained { promise.succeed() }
        self.drained = []
    }
}
