import NIOCore
import WeirCore

/// How a pool behaves. The bounds are per loop, but for ``maximum``, which all loops share.
public struct PoolConfiguration: Sendable {
    // MARK: Limits

    /// The most resources there are at any time, over all loops. Each loop can always have one, so this is at least the number of loops.
    public var maximum: Int
    /// Resources that a loop keeps when they come back (its soft size).
    public var size: Int
    /// Resources that a loop may open beyond ``size`` while requests wait; they are closed when they come back and nobody waits.
    public var overflow: Int = 0
    /// Idle resources that a loop tries to hold ready, up to ``size``.
    public var minimumIdle: Int = 0
    /// Requests that may wait on a loop; one more is refused with ``PoolError/Code/queueFull``.
    public var maximumWaiters: Int = 1024
    /// How long a request waits when it names no deadline of its own.
    public var acquireTimeout: TimeAmount = .seconds(30)

    // MARK: Connecting

    /// Connects under way at once on a loop. With nothing open this many may start; while others serve, the number starts at one and
    /// doubles with each success that leaves requests waiting, so that a short burst is not answered with a crowd of resources.
    public var maximumConcurrentConnects: Int = 8
    /// After this a connect is abandoned and counts as failed.
    public var connectTimeout: TimeAmount = .seconds(10)
    /// The pause after failed connects.
    public var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(10), multiplier: 2, jitter: .equal)
    /// So many connects failing in a row with nothing open make requests fail at once instead of waiting.
    public var circuitThreshold: Int = 3

    // MARK: Life

    /// An idle resource beyond ``minimumIdle`` is closed after this. Nil: never.
    public var idleTimeout: TimeAmount? = .seconds(600)
    /// A resource older than this is replaced, when it is not leased. Nil: never.
    public var maximumLifetime: TimeAmount? = .seconds(1800)
    /// The share of ``maximumLifetime`` by which it is shortened at random, so that resources made together do not end together. 0 to 1.
    public var lifetimeJitter: Double = 0.1
    /// An idle resource not used or checked for so long is checked. Nil: never.
    public var keepAlive: TimeAmount? = nil
    /// A resource idle for longer is checked before it is leased. Nil: only those that became suspect by another's failed check.
    public var validateAfterIdle: TimeAmount? = .seconds(5)
    /// After this a check that has not answered counts as failed.
    public var validationTimeout: TimeAmount = .seconds(5)
    /// After this a resource that was told to close and has not said that it did is written off.
    public var closeTimeout: TimeAmount = .seconds(5)

    // MARK: Watching

    /// When the queue turns last in, first out and sheds. Nil: never.
    public var overload: OverloadPolicy? = .init()
    /// How leases that are held for too long are found.
    public var leakDetection: LeakDetection = .init()

    /// - Parameters:
    ///   - maximum: the most resources at any time, over all loops.
    ///   - size: what each loop keeps; by default what `maximum` allows.
    public init(maximum: Int, size: Int? = nil) {
        self.maximum = maximum
        self.size = size ?? maximum
    }
}

/// When a queue counts as overloaded, after "Fail at Scale" (ACM Queue 13/8, 2015), which adapts CoDel (RFC 8289) to queues of requests.
///
/// When the least delay of the queue over ``interval`` stays above ``target``, the newest request is served first and none waits for
/// longer than `target`, until the queue has been empty. A pool that has fewer resources than steady users, who are content to wait
/// their turn, wants a greater target or none.
public struct OverloadPolicy: Sendable, Hashable {
    public var target: TimeAmount
    public var interval: TimeAmount

    public init(target: TimeAmount = .milliseconds(5), interval: TimeAmount = .milliseconds(100)) {
        self.target = target
        self.interval = interval
    }
}

/// How leases that never come back are found.
public struct LeakDetection: Sendable, Hashable {
    public enum Level: Sendable, Hashable {
        /// Not at all.
        case off
        /// Held for longer than the threshold: reported once with where it was acquired, and again when it comes back.
        case site
        /// As `site`, and one lease in this many carries a backtrace, taken when it was acquired (some microseconds each).
        case backtrace(oneIn: Int)
        /// As `site`, and each lease carries a backtrace.
        case every
    }

    public var level: Level
    /// Held for longer than this counts as leaked.
    public var threshold: TimeAmount

    public init(level: Level = .site, threshold: TimeAmount = .seconds(60)) {
        self.level = level
        self.threshold = threshold
    }
}
