import NIOCore
import WeirRESP

/// A subscription. It lasts until ``end()`` or until it is let go of; the loop's others go on.
public final class RedisSubscription {
    /// What was subscribed to.
    public let topics: [RedisTopic]
    private weak var owner: RedisSubscriptions?
    private let number: Int
    private var subscribed: [RedisTopic] = []

    init(_ owner: RedisSubscriptions, _ subscriber: any RedisSubscriber, to topics: [RedisTopic]) throws(RedisError) {
        self.topics = topics
        self.owner = owner
        self.number = owner.newNumber()
        do throws(RedisError) {
            for topic in topics {
                try owner.subscribe(subscriber, self.number, to: topic)
                self.subscribed.append(topic)
            }
        } catch {
            self.end()
            throw error
        }
    }

    /// Ends it. On its loop. The subscriber is not told anything any more.
    public func end() {
        let topics = self.subscribed
        self.subscribed = []
        for topic in topics { self.owner?.unsubscribe(self.number, from: topic) }
    }

    deinit { self.end() }
}

extension LocalRedis {
    /// Subscribes to topics, over the one connection that all subscriptions of the loop share.
    ///
    /// - Parameters:
    ///   - topics: channels, patterns, channels of shards.
    ///   - subscriber: told on this loop what is heard, and of each gap. Held until the subscription ends.
    /// - Returns: what to keep for as long as the subscription is to last.
    /// - Throws: ``RedisError`` when the client is shut down, or holds as many subscriptions as ``RedisConfiguration/maximumSubscriptions``
    ///   allows.
    public func subscribe(_ subscriber: any RedisSubscriber, to topics: [RedisTopic]) throws(RedisError) -> RedisSubscription {
        self.loop.preconditionInEventLoop()
        return try RedisSubscription(self.subscriptions, subscriber, to: topics)
    }

    /// Subscribes to topics. For a task that runs on this loop.
    ///
    /// - Parameters:
    ///   - topics: channels, patterns, channels of shards.
    ///   - buffer: how many messages may wait for the task; with one more the sequence ends with ``RedisError/Code/tooManyPending``.
    /// - Returns: what is heard, in its order. It ends when it is let go of, or throws.
    public func messages(of topics: RedisTopic..., buffer: Int = 1024) throws(RedisError) -> RedisMessages {
        self.loop.preconditionInEventLoop()
        precondition(!topics.isEmpty && buffer > 0, "messages of something, with room for them")
        let queue = RedisMessageQueue(loop: self.loop, limit: buffer)
        let subscription = try RedisSubscription(self.subscriptions, queue, to: topics)
        queue.subscription = subscription
        if queue.hasFailed { subscription.end() }
        return RedisMessages(queue: queue, subscription: subscription)
    }
}
