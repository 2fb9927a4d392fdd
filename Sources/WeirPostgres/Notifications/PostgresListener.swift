import NIOCore

/// Told on the loop what the channels bring that it listens to.
public protocol PostgresListener: AnyObject {
    /// Somebody has notified a channel.
    func postgresNotified(_ notification: PostgresNotification)
    /// From now on notifications of the channel are heard.
    ///
    /// - Parameter mayHaveMissed: whether it was listened to before, until a connection was lost: what was told meanwhile nobody has heard.
    func postgresListens(to channel: String, mayHaveMissed: Bool)
    /// The channel is not heard any more: the server refuses it, or the client is shut down.
    func postgresListenFailed(_ error: PostgresError, channel: String)
}

/// A listener's channel. It lasts until ``end()`` or until it is let go of; the loop's others go on.
public final class PostgresListening {
    /// What is listened to.
    public let channel: String
    private weak var owner: PostgresNotifications?
    private let number: UInt64

    init(_ owner: PostgresNotifications, _ channel: String, _ number: UInt64) {
        self.owner = owner
        self.channel = channel
        self.number = number
    }

    /// Ends it. On its loop. The listener is not told anything any more.
    public func end() {
        self.owner?.remove(self.number, from: self.channel)
        self.owner = nil
    }

    deinit { self.end() }
}

extension LocalPostgres {
    /// Listens to a channel (`LISTEN`), over the one connection that all listeners of the loop share.
    ///
    /// When that connection is lost there is another one soon, and the listener is told that it may have missed something.
    ///
    /// - Parameters:
    ///   - channel: its name, taken as it is: `Orders` is another one than `orders`. At most 63 bytes, as the server cuts off the rest.
    ///   - listener: told on this loop. Held until the listening ends.
    /// - Returns: what to keep for as long as it is to last.
    /// - Throws: ``PostgresError`` for a name that is none, and when the client is shut down.
    public func listen(to channel: String, _ listener: any PostgresListener) throws(PostgresError) -> PostgresListening {
        self.loop.preconditionInEventLoop()
        let number = try self.notifications.add(listener, to: channel)
        return PostgresListening(self.notifications, channel, number)
    }

    /// Listens to a channel. For a task that runs on this loop.
    ///
    /// - Parameter buffer: how many events may wait for the task; with one more the sequence ends with ``PostgresError/Code/tooManyPending``.
    /// - Returns: what is heard, in its order, and each gap. It ends when it is let go of, or throws.
    public func notifications(of channel: String, buffer: Int = 1024) throws(PostgresError) -> PostgresNotificationSequence {
        precondition(buffer > 0, "notifications want room")
        let queue = PostgresNotificationQueue(loop: self.loop, limit: buffer)
        let listening = try self.listen(to: channel, queue)
        return PostgresNotificationSequence(queue: queue, listening: listening)
    }
}

/// What is heard of a channel, for a task on the loop.
public struct PostgresNotificationSequence: AsyncSequence {
    public enum Element: Sendable, Hashable {
        /// From now on it is listened to; true if something may have been missed since it was before.
        case listening(mayHaveMissed: Bool)
        case notification(PostgresNotification)
    }
    public typealias Failure = PostgresError

    let queue: PostgresNotificationQueue
    let listening: PostgresListening

    public func makeAsyncIterator() -> Iterator { Iterator(queue: self.queue, listening: self.listening) }

    public struct Iterator: AsyncIteratorProtocol {
        let queue: PostgresNotificationQueue
        let listening: PostgresListening

        /// The next event; nil when the task is cancelled. On the loop only.
        public func next() async throws(PostgresError) -> Element? { try await self.queue.next() }
    }
}

/// Keeps what was heard for a task that has not asked for it yet, within bounds.
final class PostgresNotificationQueue: PostgresListener {
    private let loop: any EventLoop
    private let limit: Int
    private var elements = CircularBuffer<PostgresNotificationSequence.Element>()
    private var error: PostgresError?
    private var continuation: UnsafeContinuation<Void, Never>?
    private var isCancelled = false

    init(loop: any EventLoop, limit: Int) {
        self.loop = loop
        self.limit = limit
    }

    func postgresNotified(_ notification: PostgresNotification) { self.add(.notification(notification)) }
    func postgresListens(to channel: String, mayHaveMissed: Bool) { self.add(.listening(mayHaveMissed: mayHaveMissed)) }
    func postgresListenFailed(_ error: PostgresError, channel: String) {
        if self.error == nil { self.error = error }
        self.wake()
    }

    private func add(_ element: PostgresNotificationSequence.Element) {
        guard self.error == nil else { return }
        if self.elements.count >= self.limit {
            self.error = PostgresError(.tooManyPending, "more notifications wait than there is room for")
        } else {
            self.elements.append(element)
        }
        self.wake()
    }

    private func wake() { self.continuation.take()?.resume() }

    func next() async throws(PostgresError) -> PostgresNotificationSequence.Element? {
        self.loop.preconditionInEventLoop()
        self.isCancelled = false
        while self.elements.isEmpty {
            if let error { throw error }
            if self.isCancelled || Task.isCancelled { return nil }
            precondition(self.continuation == nil, "notifications are for one task at a time")
            let bound = NIOLoopBound(self, eventLoop: self.loop)
            await withTaskCancellationHandler {
                await withUnsafeContinuation { self.continuation = $0 }
            } onCancel: {
                bound.eventLoop.execute {
                    bound.value.isCancelled = true
                    bound.value.wake()
                }
            }
        }
        return self.elements.removeFirst()
    }
}
