import NIOCore
import WeirRESP

/// Who wants to hear what, and what of it the server knows on the present connection. A value without any I/O.
///
/// What changes is not queued as commands: a topic has one at most that is unanswered, and what its users want when the answer comes
/// decides on the next. Neither commands nor topics pile up for a server that does not answer, however often its users come and go.
///
/// What the server was asked for it answers in that order: with a confirmation for each topic, with an error, with the reply to a `PING`.
struct RedisSubscriptionTable {
    /// What is said to the server of a topic.
    struct Command: Equatable {
        enum Verb { case subscribe, unsubscribe }
        let verb: Verb
        let topic: RedisTopic
    }

    /// What an answer means.
    enum Answer {
        /// These subscriptions are to be told that the topic is confirmed.
        case confirmed([Int])
        /// These subscriptions are to be told that the server has taken the topic away.
        case lost([Int])
        /// The subscriptions of these subscribers are over.
        case refused([any RedisSubscriber])
        /// The topic is refused for now.
        case postponed
        /// The server has done as it was asked, or is there.
        case done
        /// What the server knows is in doubt.
        case outOfOrder
    }

    /// The server's side of a topic.
    private enum Standing {
        case unknown
        case subscribing
        case subscribed
        case unsubscribing
    }

    /// Here as long as it has subscribers, or the server may know it.
    private struct Topic {
        /// By the numbers of their subscriptions.
        var subscribers: [Int: any RedisSubscriber] = [:]
        var standing = Standing.unknown
        var isUnneeded = false
        /// For some subscriber, on this connection or another.
        var wasConfirmed = false
    }

    private enum Asked: Equatable {
        case command(Command)
        case ping
    }

    /// Commands that may be unanswered; the others wait until there are answers.
    static let maximumUnanswered = 1024

    private var topics: [RedisTopic: Topic] = [:]
    /// Topics with subscribers.
    private(set) var count = 0
    private var unanswered = CircularBuffer<Asked>()
    /// To be asked for; what nobody wants any more is left out then.
    private var unasked = CircularBuffer<RedisTopic>()
    /// To be given up, each once.
    private var unneeded = CircularBuffer<RedisTopic>()
    /// Taken away by the server, or refused for now: not asked for until ``retryLost()``.
    private var lost: Set<RedisTopic> = []

    var isEmpty: Bool { self.count == 0 }
    var isPinged: Bool { self.unanswered.contains(.ping) }
    /// Something may be there for ``nextCommand()``.
    var hasChanges: Bool {
        (!self.unneeded.isEmpty || !self.unasked.isEmpty) && self.unanswered.count < Self.maximumUnanswered
    }
    /// All that is held: topics, what waits to be said, what waits for its answer.
    var entries: Int { self.topics.count + self.unanswered.count + self.unasked.count + self.unneeded.count + self.lost.count }

    // MARK: Users

    /// - Returns: whether the topic is confirmed already.
    mutating func add(_ subscriber: any RedisSubscriber, _ number: Int, to topic: RedisTopic) -> Bool {
        var entry = self.topics[topic] ?? Topic()
        if entry.subscribers.isEmpty {
            self.count += 1
            if entry.standing == .unknown { self.ask(for: topic) }
        }
        entry.subscribers[number] = subscriber
        if entry.standing == .subscribed { entry.wasConfirmed = true }
        self.topics[topic] = entry
        return entry.standing == .subscribed
    }

    func contains(_ topic: RedisTopic) -> Bool { self.topics[topic]?.subscribers.isEmpty == false }

    /// - Returns: the subscriber, for the caller to let go of when the table is not in use: its end may come back here.
    mutating func remove(_ number: Int, from topic: RedisTopic) -> (any RedisSubscriber)? {
        guard let subscriber = self.topics[topic]?.subscribers.removeValue(forKey: number) else { return nil }
        if self.topics[topic]?.subscribers.isEmpty == true {
            self.count -= 1
            self.abandoned(topic)
        }
        return subscriber
    }

    /// Takes all out.
    mutating func removeAll() -> [any RedisSubscriber] {
        let all = self.allSubscribers
        self = RedisSubscriptionTable()
        return all
    }

    /// Each subscription's once.
    var allSubscribers: [any RedisSubscriber] {
        var all: [Int: any RedisSubscriber] = [:]
        for topic in self.topics.values { all.merge(topic.subscribers) { first, _ in first } }
        return Array(all.values)
    }

    func numbers(of topic: RedisTopic) -> [Int] { self.topics[topic].map { Array($0.subscribers.keys) } ?? [] }

    /// - Returns: nil for one that has ended meanwhile, and while the topic is not confirmed.
    func subscriber(_ number: Int, of topic: RedisTopic) -> (any RedisSubscriber)? {
        guard let entry = self.topics[topic], entry.standing == .subscribed else { return nil }
        return entry.subscribers[number]
    }

    /// - Returns: nil for one that has ended meanwhile.
    func subscriber(_ number: Int, waitingFor topic: RedisTopic) -> (any RedisSubscriber)? { self.topics[topic]?.subscribers[number] }

    // MARK: The connection

    /// What to say next. What is not needed any more goes first, so that the server has no more topics than there are users for.
    ///
    /// - Returns: nil if there is nothing, or too much is unanswered.
    mutating func nextCommand() -> Command? {
        guard self.unanswered.count < Self.maximumUnanswered else { return nil }
        while let topic = self.unneeded.popFirst() {
            self.topics[topic]?.isUnneeded = false
            guard let entry = self.topics[topic], entry.standing == .subscribed, entry.subscribers.isEmpty else { continue }
            return self.say(.unsubscribe, topic, .unsubscribing)
        }
        while let topic = self.unasked.popFirst() {
            guard let entry = self.topics[topic], entry.standing == .unknown, !self.lost.contains(topic) else { continue }
            return self.say(.subscribe, topic, .subscribing)
        }
        return nil
    }

    mutating func pinged() { self.unanswered.append(.ping) }

    /// What the server has taken away or refused is asked for again.
    mutating func retryLost() {
        let lost = self.lost
        self.lost = []
        for topic in lost { self.ask(for: topic) }
    }

    mutating func connectionLost() {
        self.topics = self.topics.filter { !$0.value.subscribers.isEmpty }
        for topic in self.topics.keys {
            self.topics[topic]?.standing = .unknown
            self.topics[topic]?.isUnneeded = false
        }
        self.unanswered.removeAll()
        self.unneeded.removeAll()
        self.lost = []
        self.unasked = CircularBuffer(self.topics.keys)
    }

    // MARK: Answers

    mutating func confirmed(_ topic: RedisTopic) -> Answer {
        guard self.unanswered.first == .command(Command(verb: .subscribe, topic: topic)) else { return .outOfOrder }
        self.unanswered.removeFirst()
        self.topics[topic]?.standing = .subscribed
        let numbers = self.numbers(of: topic)
        if numbers.isEmpty { self.abandoned(topic) } else { self.topics[topic]?.wasConfirmed = true }
        return .confirmed(numbers)
    }

    /// The server has ended a topic, as it was asked to or by itself: a cluster's slot has moved.
    mutating func unsubscribed(_ topic: RedisTopic) -> Answer {
        if self.unanswered.first == .command(Command(verb: .unsubscribe, topic: topic)) {
            self.unanswered.removeFirst()
            self.topics[topic]?.standing = .unknown
            if self.contains(topic) { self.ask(for: topic) } else { self.abandoned(topic) }
            return .done
        }
        // What is on its way to the server is answered all the same, and later.
        guard self.topics[topic]?.standing == .subscribed else { return .done }
        self.topics[topic]?.standing = .unknown
        guard self.contains(topic) else {
            self.abandoned(topic)
            return .done
        }
        self.lost.insert(topic)
        return .lost(self.numbers(of: topic))
    }

    /// The server has refused what it was asked for first.
    ///
    /// - Parameter mayPass: the same may be granted later. What was granted before is then asked for again.
    mutating func refused(mayPass: Bool) -> Answer {
        switch self.unanswered.popFirst() {
        case nil: return .outOfOrder
        case .ping: return .done
        // It goes on sending what nobody wants, for as long as the connection lives.
        case .command(let command) where command.verb == .unsubscribe: return .outOfOrder
        case .command(let command):
            let topic = command.topic
            self.topics[topic]?.standing = .unknown
            guard let entry = self.topics[topic], !entry.subscribers.isEmpty else {
                self.abandoned(topic)
                return .done
            }
            if mayPass, entry.wasConfirmed {
                self.lost.insert(topic)
                return .postponed
            }
            // What has several topics is over with all of them. `entry` holds the subscribers until the table is not in use.
            for other in Array(self.topics.keys) {
                for number in entry.subscribers.keys { _ = self.remove(number, from: other) }
            }
            return .refused(Array(entry.subscribers.values))
        }
    }

    mutating func ponged() -> Answer {
        guard self.unanswered.first == .ping else { return .outOfOrder }
        self.unanswered.removeFirst()
        return .done
    }

    // MARK: One topic

    private mutating func say(_ verb: Command.Verb, _ topic: RedisTopic, _ standing: Standing) -> Command {
        let command = Command(verb: verb, topic: topic)
        self.topics[topic]?.standing = standing
        self.unanswered.append(.command(command))
        return command
    }

    private mutating func ask(for topic: RedisTopic) {
        self.unasked.append(topic)
        // Those that were abandoned meanwhile, and those that were so and came back: they would pile up while nothing can be said.
        guard self.unasked.count > 2 * self.topics.count + Self.maximumUnanswered else { return }
        var seen: Set<RedisTopic> = [topic]
        self.unasked = CircularBuffer(self.unasked.dropLast().filter { self.topics[$0]?.standing == .unknown && seen.insert($0).inserted })
        self.unasked.append(topic)
    }

    /// Nobody wants it any more.
    private mutating func abandoned(_ topic: RedisTopic) {
        switch self.topics[topic]?.standing {
        case nil, .subscribing, .unsubscribing: return
        case .unknown:
            self.topics[topic] = nil
            self.lost.remove(topic)
        case .subscribed:
            guard self.topics[topic]?.isUnneeded == false else { return }
            self.topics[topic]?.isUnneeded = true
            self.unneeded.append(topic)
        }
    }
}
