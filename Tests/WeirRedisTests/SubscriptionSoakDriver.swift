import NIOCore
import NIOPosix
import WeirCore
import WeirRESP

@testable import WeirRedis

/// The subscribers and publishers of one loop. With each message that was published something random may happen. Touched on its loop only.
final class SubscriptionSoakDriver: RedisReplyReceiver {
    struct Tally: Sendable, CustomStringConvertible {
        var published = 0
        var messages = 0
        var interruptions = 0
        var subscriptions = 0
        var tasks = 0
        /// What must not be.
        var violations: [String] = []

        var description: String {
            "\(self.published) published, \(self.messages) heard, \(self.subscriptions) subscriptions and \(self.tasks) tasks, "
                + "\(self.interruptions) interruptions, \(self.violations.count) violations"
        }
    }

    private struct Seat {
        let listener: SoakListener
        var subscription: RedisSubscription?
        var task: Task<Void, Never>?
    }

    private struct Weak {
        weak var listener: SoakListener?
    }

    private static let seats = 24
    private static let outstanding = 8
    private let redis: LocalRedis
    private let publisher: LocalRedis
    private let targets: [SoakTarget]
    private let topics: [RedisTopic]
    private let disturb: (Int) -> Void
    private var random: SplitMix64
    private var seats = [Seat?](repeating: nil, count: SubscriptionSoakDriver.seats)
    private var listeners: [Weak] = []
    private var numbers: [SoakTarget: Int] = [:]
    private var left = 0
    private var waiting = 0
    private var promise: EventLoopPromise<Void>?
    private(set) var tally = Tally()

    /// - Parameters:
    ///   - targets: where only this one publishes.
    ///   - topics: what may be subscribed to.
    ///   - disturb: called now and then with a random number.
    init(
        _ redis: LocalRedis, publisher: LocalRedis, targets: [SoakTarget], topics: [RedisTopic], seed: UInt64,
        disturb: @escaping (Int) -> Void
    ) {
        self.redis = redis
        self.publisher = publisher
        self.targets = targets
        self.topics = topics
        self.random = SplitMix64(seed: seed)
        self.disturb = disturb
    }

    // MARK: Publishers

    /// Publishes so many; completes when all are answered.
    func run(messages: Int) -> EventLoopFuture<Void> {
        let promise = self.redis.loop.makePromise(of: Void.self)
        self.promise = promise
        self.left = messages
        for _ in 0..<Self.outstanding { self.publishNext() }
        return promise.futureResult
    }

    /// One message everywhere, when all that were published before are answered.
    func publishEverywhere() -> [SoakTarget: Int] {
        for target in self.targets { self.publish(target) }
        return self.numbers
    }

    private func publishNext() {
        guard self.left > 0 else {
            if self.waiting == 0 { self.promise.take()?.succeed() }
            return
        }
        self.left -= 1
        self.publish(self.targets.randomElement(using: &self.random)!)
    }

    private func publish(_ target: SoakTarget) {
        let number = self.numbers[target, default: -1] + 1
        self.numbers[target] = number
        self.waiting += 1
        self.tally.published += 1
        self.publisher.send(.raw(target.command, target.name, "\(target) \(number)"), to: self)
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        if reply.isError { self.report("not published: \(reply)") }
        self.waiting -= 1
        guard self.promise != nil else { return }
        self.act()
        self.redis.loop.assumeIsolated().execute { self.publishNext() }
    }

    func redisFailed(_ error: RedisError, tag: UInt64) {
        self.report("not published: \(error)")
        self.waiting -= 1
        self.publishNext()
    }

    // MARK: Subscribers

    private func report(_ violation: String) {
        if self.tally.violations.count < 20 { self.tally.violations.append(violation) }
    }

    private func act() {
        let seat = Int.random(in: 0..<Self.seats, using: &self.random)
        switch Int.random(in: 0..<200, using: &self.random) {
        case 0..<20: if self.seats[seat] == nil { self.subscribe(seat) }
        case 20..<26: if self.seats[seat] == nil { self.iterate(seat) }
        case 26..<40: self.leave(seat)
        // Given up and asked for again in one pass.
        case 40..<46:
            guard let topics = self.seats[seat]?.listener.topics else { return }
            self.leave(seat)
            self.subscribe(seat, to: topics)
        // The last gives the connection up.
        case 46: self.leaveAll()
        case 47: self.disturb(Int.random(in: 0..<1_000_000, using: &self.random))
        default: break
        }
    }

    private func someTopics() -> Set<RedisTopic> {
        Set((0..<Int.random(in: 1...3, using: &self.random)).map { _ in self.topics.randomElement(using: &self.random)! })
    }

    private func listener(to topics: Set<RedisTopic>) -> SoakListener {
        let listener = SoakListener(topics) { [weak self] in self?.report($0) }
        self.listeners.append(Weak(listener: listener))
        return listener
    }

    private func subscribe(_ seat: Int, to topics: Set<RedisTopic>? = nil) {
        let listener = self.listener(to: topics ?? self.someTopics())
        // Within a message: the next to be told may be the one that leaves.
        listener.onMessage = { [weak self] in
            guard let self, Int.random(in: 0..<300, using: &self.random) == 0 else { return }
            self.leave(Int.random(in: 0..<Self.seats, using: &self.random))
        }
        do throws(RedisError) {
            let subscription = try self.redis.subscribe(listener, to: Array(listener.topics))
            self.seats[seat] = Seat(listener: listener, subscription: subscription)
            self.tally.subscriptions += 1
        } catch {
            self.report("not subscribed: \(error)")
        }
    }

    /// A task that takes what is heard one after the other.
    private func iterate(_ seat: Int) {
        let listener = self.listener(to: [self.topics.randomElement(using: &self.random)!])
        let loop = self.redis.loop
        let (driver, ears) = (NIOLoopBound(self, eventLoop: loop), NIOLoopBound(listener, eventLoop: loop))
        let task = Task(executorPreference: loop.weirExecutor) { await SubscriptionSoakDriver.listen(driver, ears) }
        self.seats[seat] = Seat(listener: listener, task: task)
        self.tally.tasks += 1
    }

    private static func listen(_ driver: NIOLoopBound<SubscriptionSoakDriver>, _ listener: NIOLoopBound<SoakListener>) async {
        let (driver, listener) = (driver.value, listener.value)
        do {
            let messages = try driver.redis.messages(of: listener.topics.first!, buffer: 1_000_000)
            for try await element in messages {
                // What had been heard before the cancellation is still handed out.
                if listener.isEnded { continue }
                switch element {
                case .subscribed(let topic): listener.redisSubscribed(to: topic)
                case .message(let message): listener.redisMessage(message)
                case .interrupted: listener.redisInterrupted(RedisError(.connectionLost, ""))
                case .unsubscribed(let topic): listener.redisUnsubscribed(from: topic)
                }
            }
            if !listener.isEnded { driver.report("a sequence ended by itself") }
        } catch {
            driver.report("a sequence threw \(error)")
        }
    }

    private func leave(_ seat: Int) {
        guard var left = self.seats[seat].take() else { return }
        left.listener.end()
        self.tally.messages += left.listener.messages
        self.tally.interruptions += left.listener.interruptions
        left.task?.cancel()
        // Half of them are only let go of.
        if Bool.random(using: &self.random) { left.subscription?.end() }
        left.subscription = nil
    }

    func leaveAll() {
        for seat in 0..<Self.seats { self.leave(seat) }
    }

    // MARK: What must be in the end

    /// Of all that are subscribed.
    var areConfirmed: Bool { self.seats.allSatisfy { $0?.listener.isConfirmed ?? true } }

    /// Whose listener waits for what, for the report.
    func unheard(_ published: [SoakTarget: Int]) -> Int { self.seats.count { $0?.listener.hasHeard(published) == false } }

    /// For the report.
    var state: String {
        let connection = self.redis.subscriptions.connection
        let waiting = self.seats.compactMap { $0?.listener }.filter { !$0.isConfirmed }.flatMap(\.topics)
        let doing = connection.map { "connected, \($0.isWritable ? "" : "not ")writable" } ?? "not connected"
        return "\(doing), \(self.entries) entries, waiting for all of \(waiting.map { "\($0.kind) \(String(buffer: $0.name))" })"
    }

    /// Listeners that are held by anyone.
    var remaining: Int { self.listeners.count { $0.listener != nil } }

    /// Topics that the client knows of.
    var entries: Int { self.redis.subscriptions.entries }
}
