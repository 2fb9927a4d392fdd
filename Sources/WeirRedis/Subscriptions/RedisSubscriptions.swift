import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// All subscriptions of one loop, over one connection of their own.
///
/// The connection is leased when the first one comes and given up after the last has gone. When it is lost everything is subscribed to
/// again on the next one; each subscriber is told of the gap. What one pass of the loop subscribes to and gives up shares one write, and
/// cancels out. Nothing is written while the socket takes nothing.
///
/// What the server takes away by itself is asked for again after a while, and after a longer one when it is taken away again.
/// Belongs to one loop.
final class RedisSubscriptions: LeaseReceiver, DeadlineReceiver {
    typealias Resource = RedisConnection

    private static let bytesPerWrite = 16 * 1024
    private static let lossTag: UInt64 = 1
    private let pool: LocalPool<RedisConnection>
    private let loopContext: LoopContext
    private let configuration: RedisConfiguration
    private var table = RedisSubscriptionTable()
    private var lastNumber = 0
    private var lease: Lease<RedisConnection>?
    private(set) var connection: RedisConnection?
    private var isLeasing = false
    private var request: LeaseRequest?
    private var isAskScheduled = false
    private var isEnded = false
    private var backoff: Backoff
    /// Of topics that the server takes away.
    private var lossBackoff: Backoff
    private var lossTimer: DeadlineToken?
    private var lastLoss: NIODeadline?
    private var random = SystemRandomNumberGenerator()
    private var target: DeadlineTarget?
    private var timer: DeadlineToken?
    /// The server has said something since the last look.
    private var hasHeard = false

    init(pool: LocalPool<RedisConnection>, loopContext: LoopContext, configuration: RedisConfiguration, backoff: Backoff) {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
        self.backoff = backoff
        self.lossBackoff = backoff
    }

    /// All that the table holds.
    var entries: Int { self.table.entries }

    // MARK: Users

    func newNumber() -> Int {
        self.lastNumber += 1
        return self.lastNumber
    }

    func subscribe(_ subscriber: any RedisSubscriber, _ number: Int, to topic: RedisTopic) throws(RedisError) {
        if self.isEnded { throw RedisError(.shutdown, "the client is shut down") }
        guard self.table.contains(topic) || self.table.count < self.configuration.maximumSubscriptions else {
            throw RedisError(.tooManyPending, "there are as many subscriptions as are allowed")
        }
        let isConfirmed = self.table.add(subscriber, number, to: topic)
        if isConfirmed {
            subscriber.redisSubscribed(to: topic)
        } else if self.connection == nil {
            self.connect()
        } else {
            self.scheduleAsk()
        }
    }

    func unsubscribe(_ number: Int, from topic: RedisTopic) {
        // Let go of at the end: what it holds may end subscriptions, too.
        let removed = self.table.remove(number, from: topic)
        defer { withExtendedLifetime(removed) {} }
        if self.table.isEmpty, self.connection == nil { self.letGo() } else { self.scheduleAsk() }
    }

    // MARK: The connection

    private func connect() {
        guard !self.isLeasing, self.lease == nil, self.timer == nil, !self.isEnded, !self.table.isEmpty else { return }
        self.isLeasing = true
        let request = self.pool.lease(owner: Owner("subscriptions"), to: self)
        if self.isLeasing { self.request = request }
    }

    func leaseGranted(_ lease: consuming Lease<RedisConnection>, tag: UInt64) {
        self.isLeasing = false
        self.request = nil
        guard !self.table.isEmpty, !self.isEnded else { return lease.release() }
        let connection = lease.resource
        guard connection.isUsable else {
            lease.discard()
            return self.retryLater()
        }
        lease.holdForLong()
        self.lease = consume lease
        self.connection = connection
        let closed = connection.onClose
        connection.onClose = { [weak self] in
            closed?()
            self?.connectionLost()
        }
        connection.interceptor = { [weak self] in self?.received($0) ?? false }
        connection.onWritable = { [weak self] in self?.scheduleAsk() }
        self.hasHeard = true
        if let keepAlive = self.configuration.keepAlive { self.setTimer(keepAlive) }
        // Last: a write may find the connection gone.
        self.ask()
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.isLeasing = false
        self.request = nil
        if error.code == .shutdown { return self.end() }
        guard error.code != .cancelled else { return }
        self.interrupted(.noConnection(error))
        self.retryLater()
    }

    private func connectionLost() {
        self.connection = nil
        self.lease.take()?.discard()
        self.cancelTimer()
        self.cancelLossTimer()
        self.table.connectionLost()
        self.retryLater()
        self.interrupted(RedisError(.connectionLost, "the connection of the subscriptions was lost"))
    }

    private func interrupted(_ error: RedisError) {
        for subscriber in self.table.allSubscribers where !self.isEnded { subscriber.redisInterrupted(error) }
    }

    private func retryLater() {
        guard !self.table.isEmpty, !self.isEnded else { return }
        self.setTimer(self.backoff.next(using: &self.random))
    }

    /// Nobody listens any more: a connection that had subscriptions is not one for others.
    private func letGo() {
        self.connection?.onClose = nil
        self.connection?.interceptor = nil
        self.connection?.onWritable = nil
        self.connection = nil
        self.cancelTimer()
        self.cancelLossTimer()
        self.table.connectionLost()
        if let request = self.request.take(), self.pool.cancel(request) { self.isLeasing = false }
        self.lease.take()?.discard()
    }

    private func scheduleAsk() {
        guard !self.isAskScheduled, self.connection != nil else { return }
        self.isAskScheduled = true
        self.loopContext.loop.assumeIsolated().execute { [weak self] in self?.ask() }
    }

    /// Tells the server what has changed, as far as its socket takes it.
    private func ask() {
        self.isAskScheduled = false
        guard let connection else { return }
        guard !self.table.isEmpty else { return self.letGo() }
        while connection.isWritable {
            var bytes = ByteBuffer()
            while bytes.readableBytes < Self.bytesPerWrite, let command = self.table.nextCommand() {
                let kind = command.topic.kind
                bytes.writeRESPCommand(command.verb == .subscribe ? kind.subscribe : kind.unsubscribe, command.topic.name)
            }
            guard bytes.readableBytes > 0 else { return }
            // May find the connection gone, which is not writable any more.
            connection.write(bytes)
        }
    }

    // MARK: What the server says

    /// - Returns: whether the frame is the reply to no command of the connection.
    private func received(_ frame: RESPFrame) -> Bool {
        self.hasHeard = true
        switch RedisSubscriptionFrame(frame) {
        case .message(let message):
            // One may end another's subscription.
            for number in self.table.numbers(of: message.topic) {
                self.table.subscriber(number, of: message.topic)?.redisMessage(message)
            }
        case .subscribed(let topic): self.answered(self.table.confirmed(topic), topic)
        case .unsubscribed(let topic): self.answered(self.table.unsubscribed(topic), topic)
        case .refused(let error): self.answered(self.table.refused(mayPass: error.mayPass), error: error)
        case .pong: self.answered(self.table.ponged())
        case .other:
            // `PONG`, where there is RESP3; or what nobody understands.
            guard frame.kind == .simpleString else { return frame.kind == .push }
            self.answered(self.table.ponged())
        }
        return true
    }

    private func answered(_ answer: RedisSubscriptionTable.Answer, _ topic: RedisTopic? = nil, error: RedisError? = nil) {
        switch answer {
        case .done: break
        case .outOfOrder: self.connection?.close()
        case .confirmed(let numbers):
            self.backoff.reset()
            guard let topic else { break }
            for number in numbers { self.table.subscriber(number, of: topic)?.redisSubscribed(to: topic) }
        case .lost(let numbers):
            self.setLossTimer()
            guard let topic else { break }
            for number in numbers { self.table.subscriber(number, waitingFor: topic)?.redisUnsubscribed(from: topic) }
        case .postponed: self.setLossTimer()
        case .refused(let subscribers):
            for subscriber in subscribers {
                subscriber.redisSubscriptionEnded(error ?? RedisError(.unexpectedReply, "the server refused the subscription"))
            }
        }
        if self.table.hasChanges || self.table.isEmpty { self.scheduleAsk() }
    }

    // MARK: Time

    private func setTimer(_ time: TimeAmount) {
        self.cancelTimer()
        let target = self.target ?? self.loopContext.deadlines.register(self)
        self.target = target
        self.timer = self.loopContext.deadlines.arm(at: self.loopContext.loop.now + time, target: target, tag: 0)
    }

    private func cancelTimer() {
        if let timer { self.loopContext.deadlines.cancel(timer) }
        self.timer = nil
    }

    /// One for all that is lost until it is over.
    private func setLossTimer() {
        let now = self.loopContext.loop.now
        // It has kept what it was asked for again for longer than it is ever made to wait.
        if let lastLoss, now - lastLoss > self.lossBackoff.maximum * 2 { self.lossBackoff.reset() }
        self.lastLoss = now
        guard self.lossTimer == nil, self.connection != nil else { return }
        let target = self.target ?? self.loopContext.deadlines.register(self)
        self.target = target
        self.lossTimer = self.loopContext.deadlines.arm(
            at: now + self.lossBackoff.next(using: &self.random), target: target, tag: Self.lossTag)
    }

    private func cancelLossTimer() {
        if let lossTimer { self.loopContext.deadlines.cancel(lossTimer) }
        self.lossTimer = nil
    }

    func deadlineReached(tag: UInt64) {
        if tag == Self.lossTag {
            self.lossTimer = nil
            self.table.retryLost()
            return self.scheduleAsk()
        }
        self.timer = nil
        guard let connection else { return self.connect() }
        guard let keepAlive = self.configuration.keepAlive else { return }
        if self.hasHeard {
            self.hasHeard = false
            return self.setTimer(keepAlive)
        }
        guard !self.table.isPinged else { return connection.stalled() }
        self.table.pinged()
        self.setTimer(self.configuration.commandTimeout)
        var ping = ByteBuffer()
        ping.writeRESPCommand("PING")
        connection.write(ping)
    }

    // MARK: The end

    func end() {
        guard !self.isEnded else { return }
        self.isEnded = true
        let subscribers = self.table.removeAll()
        self.letGo()
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
        let error = RedisError(.shutdown, "the client is shut down")
        for subscriber in subscribers { subscriber.redisSubscriptionEnded(error) }
    }
}

extension RedisTopic.Kind {
    var subscribe: StaticString {
        switch self {
        case .channel: return "SUBSCRIBE"
        case .pattern: return "PSUBSCRIBE"
        case .shard: return "SSUBSCRIBE"
        }
    }

    var unsubscribe: StaticString {
        switch self {
        case .channel: return "UNSUBSCRIBE"
        case .pattern: return "PUNSUBSCRIBE"
        case .shard: return "SUNSUBSCRIBE"
        }
    }
}
