import NIOCore
import WeirRESP

/// Who wants to hear what, and what of it the server has been asked for on the present connection. A value without any I/O.
struct RedisSubscriptionTable {
    private struct Topic {
        var subscribers: [Int: any RedisSubscriber] = [:]
        /// Confirmed on the present connection.
        var isConfirmed = false
        /// Asked for on the present connection, and neither confirmed nor refused.
        var isAsked = false
    }

    private var topics: [RedisTopic: Topic] = [:]
    /// Asked for and not answered, in the order in which the server will answer.
    private var unanswered = CircularBuffer<RedisTopic>()
    private var lastSubscriber = 0

    var isEmpty: Bool { self.topics.isEmpty }
    var count: Int { self.topics.count }

    // MARK: Users

    /// - Returns: the subscriber's number, whether the server has to be asked, and whether the topic is confirmed already.
    mutating func add(_ subscriber: any RedisSubscriber, to topic: RedisTopic) -> (number: Int, mustAsk: Bool, isConfirmed: Bool) {
        self.lastSubscriber += 1
        let isNew = self.topics[topic] == nil
        self.topics[topic, default: Topic()].subscribers[self.lastSubscriber] = subscriber
        let entry = self.topics[topic]
        return (self.lastSubscriber, isNew, entry?.isConfirmed ?? false)
    }

    /// - Returns: whether the server has to be told that nobody listens any more.
    mutating func remove(_ number: Int, from topic: RedisTopic) -> Bool {
        guard self.topics[topic]?.subscribers.removeValue(forKey: number) != nil else { return false }
        guard self.topics[topic]?.subscribers.isEmpty == true else { return false }
        let wasAsked = self.topics[topic].map { $0.isAsked || $0.isConfirmed } ?? false
        self.topics[topic] = nil
        return wasAsked
    }

    /// Takes all out.
    mutating func removeAll() -> [any RedisSubscriber] {
        let all = self.topics.values.flatMap { $0.subscribers.values }
        self.topics.removeAll()
        self.unanswered.removeAll()
        return all
    }

    var allSubscribers: [any RedisSubscriber] { self.topics.values.flatMap { $0.subscribers.values } }

    // MARK: The connection

    /// What has to be asked for on a connection: all of it on a new one.
    mutating func takeUnasked() -> [RedisTopic] {
        let unasked = self.topics.filter { !$0.value.isAsked && !$0.value.isConfirmed }.map(\.key)
        for topic in unasked {
            self.topics[topic]?.isAsked = true
            self.unanswered.append(topic)
        }
        return unasked
    }

    mutating func connectionLost() {
        for topic in self.topics.keys {
            self.topics[topic]?.isAsked = false
            self.topics[topic]?.isConfirmed = false
        }
        self.unanswered.removeAll()
    }

    /// - Returns: who is to be told.
    mutating func confirmed(_ topic: RedisTopic) -> [any RedisSubscriber] {
        if self.unanswered.first == topic { self.unanswered.removeFirst() }
        guard self.topics[topic]?.isAsked == true else { return [] }
        self.topics[topic]?.isAsked = false
        self.topics[topic]?.isConfirmed = true
        return self.topics[topic].map { Array($0.subscribers.values) } ?? []
    }

    /// The server has refused what it was asked for first.
    ///
    /// - Returns: whose subscription is over; nil if nothing had been asked for.
    mutating func refused() -> [any RedisSubscriber]? {
        guard let topic = self.unanswered.popFirst() else { return nil }
        return self.topics.removeValue(forKey: topic).map { Array($0.subscribers.values) } ?? []
    }

    func subscribers(of topic: RedisTopic) -> [any RedisSubscriber] {
        self.topics[topic].map { Array($0.subscribers.values) } ?? []
    }
}
