import NIOCore

/// What a subscription hears, as an asynchronous sequence for one task on the subscription's loop.
public struct RedisMessages: AsyncSequence {
    /// What is heard.
    public enum Element: Sendable, Hashable {
        /// The server has confirmed a topic: from now on nothing of it is missed.
        case subscribed(RedisTopic)
        /// A message.
        case message(RedisMessage)
        /// The connection was lost. What is published until the next ``subscribed(_:)`` is missed.
        case interrupted
        /// The server has taken a topic away by itself. What is published to it until the next ``subscribed(_:)`` is missed.
        case unsubscribed(RedisTopic)
    }

    let queue: RedisMessageQueue
    /// Ends with the last who can ask for its messages.
    let subscription: RedisSubscription

    public func makeAsyncIterator() -> Iterator { Iterator(queue: self.queue, subscription: self.subscription) }

    /// Waits for one element after the other. Must be asked on the loop.
    public struct Iterator: AsyncIteratorProtocol {
        let queue: RedisMessageQueue
        let subscription: RedisSubscription

        /// - Returns: nil when the task is cancelled.
        /// - Throws: ``RedisError`` when the subscription has ended.
        public func next() async throws -> Element? { try await self.queue.next() }
    }
}

/// Keeps what was heard for a task that has not asked for it yet, within bounds.
final class RedisMessageQueue: RedisSubscriber {
    private let loop: any EventLoop
    private let limit: Int
    private var elements = CircularBuffer<RedisMessages.Element>()
    private var error: RedisError?
    private var continuation: UnsafeContinuation<Void, Never>?
    private var isCancelled = false
    /// Tells one wait from the next.
    private var waits = 0
    var hasFailed: Bool { self.error != nil }
    weak var subscription: RedisSubscription?

    init(loop: any EventLoop, limit: Int) {
        self.loop = loop
        self.limit = limit
    }

    func redisSubscribed(to topic: RedisTopic) { self.add(.subscribed(topic)) }
    func redisMessage(_ message: RedisMessage) { self.add(.message(message)) }
    func redisInterrupted(_ error: RedisError) { self.add(.interrupted) }
    func redisUnsubscribed(from topic: RedisTopic) { self.add(.unsubscribed(topic)) }
    func redisSubscriptionEnded(_ error: RedisError) { self.fail(error) }

    private func add(_ element: RedisMessages.Element) {
        guard self.error == nil else { return }
        // One interruption tells as much as ten.
        if element == .interrupted, self.elements.last == .interrupted { return }
        guard self.elements.count < self.limit else {
            return self.fail(RedisError(.tooManyPending, "messages came faster than they were taken"))
        }
        self.elements.append(element)
        self.wake()
    }

    private func fail(_ error: RedisError) {
        guard self.error == nil else { return }
        self.error = error
        self.subscription?.end()
        self.wake()
    }

    private func wake() {
        let continuation = self.continuation
        self.continuation = nil
        continuation?.resume()
    }

    private func cancelled(_ wait: Int) {
        guard wait == self.waits else { return }
        self.isCancelled = true
        self.wake()
    }

    func next() async throws(RedisError) -> RedisMessages.Element? {
        precondition(self.loop.inEventLoop, "messages of Redis were awaited off their loop: start the task with the loop's LoopExecutor.")
        if self.elements.isEmpty, self.error == nil, !Task.isCancelled {
            let bound = NIOLoopBound(self, eventLoop: self.loop)
            let loop = self.loop
            precondition(self.continuation == nil, "messages of Redis are for one task at a time")
            self.isCancelled = false
            self.waits += 1
            let wait = self.waits
            await withTaskCancellationHandler {
                await withUnsafeContinuation { continuation in
                    if self.isCancelled { continuation.resume() } else { self.continuation = continuation }
                }
            } onCancel: {
                loop.execute { bound.value.cancelled(wait) }
            }
        }
        if let element = self.elements.popFirst() { return element }
        if let error { throw error }
        return nil
    }
}
