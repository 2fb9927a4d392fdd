import NIOCore
import WeirRESP

/// Who wants to hear what, and what of it the server has been asked for on the present connection. A value without any I/O.
///
/// What the server was asked for it answers in that order: with a confirmation for each topic, with an error, with the reply to a `PING`.
struct RedisSubscriptionTable {
    private struct Topic {
        /// By the numbers of their subscriptions.
        var subscribers: [Int: any RedisSubscriber] = [:]
        /// Asked for on the present connection.
        var isAsked = false
        /// And confirmed, by the answer to what was asked last.
        var isConfirmed = false
    }

    private enum Asked: Equatable {
        case topic(RedisTopic)
        case ping
    }

    /// What an answer means.
    enum Answer {
        /// These subscriptions are to be told.
        case numbers([Int])
        /// It is the answer to something else than what is due.
        case outOfOrder
        /// The subscriptions of these subscribers are over.
        case refused([any RedisSubscriber])
        /// The ping was answered, well or badly: the server is there.
        case pong
    }

    private var topics: [RedisTopic: Topic] = [:]
    private var unanswered = CircularBuffer<Asked>()
    /// How often each topic is among them: one that was given up and asked for again is there twice.
    private var due: [RedisTopic: Int] = [:]
    /// To be asked for; what nobody wants any more is left out then.
    private var unasked: [RedisTopic] = []
    /// To be given up.
    private var unneeded: [RedisTopic] = []

    var isEmpty: Bool { self.topics.isEmpty }
    var count: Int { self.topics.count }
    var isPinged: Bool { self.unanswered.contains(.ping) }

    // MARK: Users

    /// - Returns: whether the topic is confirmed already.
    mutating func add(_ subscriber: any RedisSubscriber, _ number: Int, to topic: RedisTopic) -> Bool {
        if self.topics[topic] == nil { self.unasked.append(topic) }
        self.topics[topic, default: Topic()].subscribers[number] = subscriber
        return self.topics[topic]?.isConfirmed ?? false
    }

    /// - Returns: the subscriber, for the caller to let go of when the table is not in use: its end may come back here.
    mutating func remove(_ number: Int, from topic: RedisTopic) -> (any RedisSubscriber)? {
        guard let subscriber = self.topics[topic]?.subscribers.removeValue(forKey: number) else { return nil }
        if self.topics[topic]?.subscribers.isEmpty == true, let removed = self.topics.removeValue(forKey: topic), removed.isAsked {
            self.unneeded.append(topic)
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

    /// - Returns: nil for one that has ended meanwhile, and for one that has not been told of the topic yet.
    func subscriber(_ number: Int, of topic: RedisTopic) -> (any RedisSubscriber)? {
        guard let entry = self.topics[topic], entry.isConfirmed else { return nil }
        return entry.subscribers[number]
    }

    // MARK: The connection

    /// What has to be given up, before anything new is asked for.
    mutating func takeUnneeded() -> [RedisTopic] {
        defer { self.unneeded = [] }
        return self.unneeded
    }

    /// What has to be asked for, in this order.
    mutating func takeUnasked() -> [RedisTopic] {
        var asked: [RedisTopic] = []
        for topic in self.unasked where self.topics[topic]?.isAsked == false {
            self.topics[topic]?.isAsked = true
            self.unanswered.append(.topic(topic))
            self.due[topic, default: 0] += 1
            asked.append(topic)
        }
        self.unasked = []
        return asked
    }

    mutating func pinged() { self.unanswered.append(.ping) }

    mutating func connectionLost() {
        for topic in self.topics.keys {
            self.topics[topic]?.isAsked = false
            self.topics[topic]?.isConfirmed = false
        }
        self.unanswered.removeAll()
        self.due.removeAll()
        self.unneeded = []
        self.unasked = Array(self.topics.keys)
    }

    // MARK: Answers

    mutating func confirmed(_ topic: RedisTopic) -> Answer {
        guard self.unanswered.first == .topic(topic) else { return .outOfOrder }
        self.unanswered.removeFirst()
        // One that was asked for again counts from its last answer on: what was published in between is not heard.
        guard self.isAnswered(topic), self.topics[topic]?.isAsked == true else { return .numbers([]) }
        self.topics[topic]?.isConfirmed = true
        return .numbers(self.numbers(of: topic))
    }

    /// The server has refused what it was asked for first.
    mutating func refused() -> Answer {
        switch self.unanswered.popFirst() {
        case nil: return .outOfOrder
        case .ping: return .pong
        case .topic(let topic):
            guard self.isAnswered(topic), let removed = self.topics.removeValue(forKey: topic) else { return .refused([]) }
            // What has several topics is over with all of them.
            for other in Array(self.topics.keys) {
                for number in removed.subscribers.keys { _ = self.remove(number, from: other) }
            }
            return .refused(Array(removed.subscribers.values))
        }
    }

    mutating func ponged() -> Answer {
        guard self.unanswered.first == .ping else { return .outOfOrder }
        self.unanswered.removeFirst()
        return .pong
    }

    private mutating func isAnswered(_ topic: RedisTopic) -> Bool {
        let left = (self.due[topic] ?? 1) - 1
        self.due[topic] = left > 0 ? left : nil
        return left == 0
    }
}
