import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// All subscriptions of one loop, over one connection of their own.
///
/// The connection is leased when the first one comes and given up after the last has gone. When it is lost everything is subscribed to
/// again on the next one; each subscriber is told of the gap. Belongs to one loop.
final class RedisSubscriptions: LeaseReceiver, DeadlineReceiver {
    typealias Resource = RedisConnection

    private let pool: LocalPool<RedisConnection>
    private let loopContext: LoopContext
    private let configuration: RedisConfiguration
    private var table = RedisSubscriptionTable()
    private var lease: Lease<RedisConnection>?
    private var connection: RedisConnection?
    private var isAsking = false
    private var isEnded = false
    private var backoff: Backoff
    private var random = SystemRandomNumberGenerator()
    private var target: DeadlineTarget?
    private var timer: DeadlineToken?
    /// The server has said something since the last look.
    private var hasHeard = false
    private var isPinged = false

    init(pool: LocalPool<RedisConnection>, loopContext: LoopContext, configuration: RedisConfiguration, backoff: Backoff) {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
        self.backoff = backoff
    }

    // MARK: Users

    func subscribe(_ subscriber: any RedisSubscriber, to topic: RedisTopic) throws(RedisError) -> Int {
        if self.isEnded { throw RedisError(.shutdown, "the client is shut down") }
        guard self.table.count < self.configuration.maximumSubscriptions else {
            throw RedisError(.tooManyPending, "there are as many subscriptions as are allowed")
        }
        let added = self.table.add(subscriber, to: topic)
        if added.isConfirmed {
            subscriber.redisSubscribed(to: topic)
        } else if added.mustAsk {
            if self.connection == nil { self.connect() } else { self.ask() }
        }
        return added.number
    }

    func unsubscribe(_ number: Int, from topic: RedisTopic) {
        guard self.table.remove(number, from: topic) else { return }
        guard !self.table.isEmpty else { return self.letGo() }
        self.write(topic.kind.unsubscribe, [topic])
    }

    // MARK: The connection

    private func connect() {
        guard !self.isAsking, self.lease == nil, !self.isEnded, !self.table.isEmpty else { return }
        self.isAsking = true
        self.pool.lease(owner: Owner("subscriptions"), to: self)
    }

    func leaseGranted(_ lease: consuming Lease<RedisConnection>, tag: UInt64) {
        self.isAsking = false
        guard !self.table.isEmpty, !self.isEnded else { return lease.release() }
        let connection = lease.resource
        lease.holdForLong()
        self.lease = consume lease
        self.connection = connection
        let closed = connection.onClose
        connection.onClose = { [weak self] in
            closed?()
            self?.connectionLost()
        }
        connection.interceptor = { [weak self] in self?.received($0) ?? false }
        self.hasHeard = true
        self.isPinged = false
        self.ask()
        if let keepAlive = self.configuration.keepAlive { self.setTimer(keepAlive) }
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.isAsking = false
        for subscriber in self.table.allSubscribers { subscriber.redisInterrupted(.noConnection(error)) }
        self.retryLater()
    }

    private func connectionLost() {
        self.connection = nil
        self.lease.take()?.discard()
        self.table.connectionLost()
        let error = RedisError(.connectionLost, "the connection of the subscriptions was lost")
        for subscriber in self.table.allSubscribers { subscriber.redisInterrupted(error) }
        self.retryLater()
    }

    private func retryLater() {
        guard !self.table.isEmpty, !self.isEnded else { return }
        self.setTimer(self.backoff.next(using: &self.random))
    }

    /// Nobody listens any more: a connection that had subscriptions is not one for others.
    private func letGo() {
        self.connection?.onClose = nil
        self.connection = nil
        self.cancelTimer()
        self.lease.take()?.discard()
    }

    private func ask() {
        let topics = self.table.takeUnasked()
        for kind in [RedisTopic.Kind.channel, .pattern, .shard] {
            let some = topics.filter { $0.kind == kind }
            // Those of one kind are answered in their order, one by one.
            if !some.isEmpty { self.write(kind.subscribe, some) }
        }
    }

    private func write(_ command: StaticString, _ topics: [RedisTopic]) {
        guard let connection else { return }
        var bytes = ByteBuffer()
        for topic in topics { bytes.writeRESPCommand(command, topic.name) }
        connection.write(bytes)
    }

    // MARK: What the server says

    /// - Returns: whether the frame is the reply to no command of the connection.
    private func received(_ frame: RESPFrame) -> Bool {
        self.hasHeard = true
        switch RedisSubscriptionFrame(frame) {
        case .message(let message):
            for subscriber in self.table.subscribers(of: message.topic) { subscriber.redisMessage(message) }
        case .subscribed(let topic):
            self.backoff.reset()
            for subscriber in self.table.confirmed(topic) { subscriber.redisSubscribed(to: topic) }
        case .unsubscribed, .pong:
            break
        case .refused(let error):
            guard let subscribers = self.table.refused() else { return false }
            for subscriber in subscribers { subscriber.redisSubscriptionEnded(error) }
            if self.table.isEmpty { self.letGo() }
        case .other:
            // The reply to a PING in RESP3, or what nobody understands.
            guard self.isPinged, frame.kind == .simpleString else { return frame.kind == .push }
        }
        return true
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

    func deadlineReached(tag: UInt64) {
        self.timer = nil
        guard let connection else { return self.connect() }
        guard let keepAlive = self.configuration.keepAlive else { return }
        if self.hasHeard {
            self.hasHeard = false
            self.isPinged = false
            return self.setTimer(keepAlive)
        }
        guard !self.isPinged else { return connection.stalled() }
        self.isPinged = true
        var ping = ByteBuffer()
        ping.writeRESPCommand("PING")
        connection.write(ping)
        self.setTimer(self.configuration.commandTimeout)
    }

    // MARK: The end

    func end() {
        self.isEnded = true
        let error = RedisError(.shutdown, "the client is shut down")
        for subscriber in self.table.removeAll() { subscriber.redisSubscriptionEnded(error) }
        self.letGo()
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
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
