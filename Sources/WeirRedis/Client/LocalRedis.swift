public import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// Redis on one loop: touch it on that loop only.
///
/// Commands share few connections: what one pass of the loop asks for goes out in one write, and replies come back in the order of the
/// commands, each to its own receiver. What needs a connection of its own, as transactions and blocking commands do, leases one.
public final class LocalRedis {
    /// The loop that it belongs to.
    public var loop: any EventLoop { self.loopContext.loop }
    let pool: LocalPool<RedisConnection>
    let loopContext: LoopContext
    let configuration: RedisConfiguration
    private let links: [RedisLink]
    private let firstLink: RedisLink
    private var nextLink = 0
    let subscriptions: RedisSubscriptions

    init(pool: LocalPool<RedisConnection>, loopContext: LoopContext, configuration: RedisConfiguration, backoff: Backoff = Backoff()) {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
        self.subscriptions = RedisSubscriptions(pool: pool, loopContext: loopContext, configuration: configuration, backoff: backoff)
        let first = RedisLink(pool: pool, loopContext: loopContext, configuration: configuration)
        self.firstLink = first
        self.links =
            [first]
            + (1..<max(1, configuration.sharedConnections)).map { _ in
                RedisLink(pool: pool, loopContext: loopContext, configuration: configuration)
            }
    }

    /// Of the first shared connection.
    var firstPipeline: RedisPipeline { self.firstLink.pipeline }

    deinit {
        // On its loop, as everything here.
        for link in self.links { link.end() }
        self.subscriptions.end()
    }

    // MARK: Receivers

    /// Sends a command over a shared connection; its reply or error goes to the receiver, which may be called before this returns if
    /// nothing can be sent.
    ///
    /// - Parameters:
    ///   - command: what to send. One that changes its connection or blocks it is refused with ``RedisError/Code/needsLease``.
    ///   - deadline: for connection and reply together; by default ``RedisConfiguration/commandTimeout`` from now.
    ///   - tag: handed to the receiver.
    ///   - receiver: held until it is called.
    /// - Returns: by what to ``cancel(_:)`` it; nil if it has its answer.
    /// - Complexity: O(1); nothing is allocated in steady state for a command of up to two arguments.
    @inlinable
    @discardableResult
    public func send<Reply: Sendable>(
        _ command: RedisCommand<Reply>, deadline: NIODeadline? = nil, tag: UInt64 = 0, to receiver: any RedisReplyReceiver
    ) -> RedisTicket? {
        self.send(command.request, deadline: deadline, tag: tag, to: receiver)
    }

    /// As ``send(_:deadline:tag:to:)`` for a command without a reading of its reply.
    @discardableResult
    public func send(
        _ request: borrowing RedisRequest, deadline: NIODeadline?, tag: UInt64, to receiver: any RedisReplyReceiver
    ) -> RedisTicket? {
        self.send(request, deadline: deadline, .receiver(receiver, tag: tag))
    }

    func send(_ request: borrowing RedisRequest, deadline: NIODeadline?, _ answer: RedisAnswer) -> RedisTicket? {
        guard request.traits.isDisjoint(with: [.blocking, .changesConnection, .breaksOrder]) else {
            answer.fail(RedisError(.needsLease, "the command changes its connection or blocks it"))
            return nil
        }
        let deadline = deadline ?? self.loopContext.passTime + self.configuration.commandTimeout
        if self.links.count == 1 { return self.firstLink.send(request, deadline: deadline, answer: answer) }
        let index = self.linkInTurn()
        var ticket = self.links[index].send(request, deadline: deadline, answer: answer)
        ticket?.link = Int32(index)
        return ticket
    }

    func send(_ transaction: RedisTransaction, deadline: NIODeadline?, _ answer: RedisAnswer) {
        guard transaction.traits.isDisjoint(with: [.changesConnection, .breaksOrder]) else {
            return answer.fail(RedisError(.needsLease, "a command of the transaction changes its connection"))
        }
        let deadline = deadline ?? self.loopContext.passTime + self.configuration.commandTimeout
        _ = self.links[self.linkInTurn()].send(transaction.requests, deadline: deadline, answer: answer)
    }

    /// The next one that has room, or just the next one.
    private func linkInTurn() -> Int {
        let next = (self.nextLink + 1) % self.links.count
        let turns = (0..<self.links.count).lazy.map { (next + $0) % self.links.count }
        self.nextLink = turns.first { !self.links[$0].pipeline.isFull } ?? next
        return self.nextLink
    }

    /// Takes a command back: its receiver is not called. It may run all the same.
    ///
    /// - Returns: whether it was still waiting.
    @discardableResult
    public func cancel(_ ticket: RedisTicket) -> Bool {
        self.links[Int(ticket.link)].pipeline.cancel(ticket)
    }

    /// Fails a command that waits.
    func fail(_ ticket: RedisTicket, _ error: (_ mayHaveRun: Bool) -> RedisError) {
        self.links[Int(ticket.link)].pipeline.fail(ticket, error)
    }

    // MARK: Futures

    /// Sends a command. The future is of this loop; it fails with a ``RedisError``, also when the reply is an error.
    public func send<Reply: Sendable>(_ command: RedisCommand<Reply>, deadline: NIODeadline? = nil) -> EventLoopFuture<Reply> {
        let promise = self.loop.makePromise(of: Reply.self)
        _ = self.send(command.request, deadline: deadline, .completing(promise, command))
        return promise.futureResult
    }

    // MARK: Back-pressure

    /// One more command would be refused with ``RedisError/Code/tooManyPending``.
    public var isFull: Bool { self.links.allSatisfy { $0.pipeline.isFull } }

    /// Completes when a command would be taken.
    public func roomLeft() -> EventLoopFuture<Void> { self.links[self.linkInTurn()].pipeline.roomLeft() }

    // MARK: The end

    /// Takes nothing more and answers what waits, until the deadline.
    func drain(deadline: NIODeadline) -> EventLoopFuture<Void> {
        self.subscriptions.end()
        let links = self.links
        let timer = self.loop.assumeIsolated().scheduleTask(deadline: deadline) { for link in links { link.end() } }
        let drained = links.map { $0.drain() }
        return EventLoopFuture.andAllComplete(drained, on: self.loop).always { _ in timer.cancel() }
    }
}
