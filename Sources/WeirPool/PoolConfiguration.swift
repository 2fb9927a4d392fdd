import NIOCore
import WeirCore

/// How a pool behaves. The limits are per loop, but for ``maximum``, which all loops share.
///
/// The bounds that each property names are those of ``validate(loops:)``. Counts are at most 2^24 and times at most ten years, unless
/// said otherwise; "never" is nil.
public struct PoolConfiguration: Sendable {
    // MARK: Limits

    /// The most resources there are at any time, over all loops. Each loop can always have one, and hold ``minimumIdle`` ready: at least
    /// the number of loops, and at least so many times ``minimumIdle``.
    public var maximum: Int
    /// Resources that a loop keeps when they come back (its soft size). At least 1; more than ``maximum`` is as much as that.
    public var size: Int
    /// Resources that a loop may open beyond ``size`` while requests wait; they are closed when they come back and nobody waits. At least 0.
    public var overflow: Int = 0
    /// Idle resources that a loop tries to hold ready. 0 to ``size``.
    public var minimumIdle: Int = 0
    /// Requests that may wait on a loop; one more is refused with ``PoolError/Code/queueFull``. At least 0; with 0 a request gets what is
    /// ready or nothing, so that ``minimumIdle`` must be more than 0.
    public var maximumWaiters: Int = 1024
    /// How long a request waits when it names no deadline of its own. At least 0: then it does not wait.
    public var acquireTimeout: TimeAmount = .seconds(30)

    // MARK: Connecting

    /// Connects under way at once on a loop. With nothing open this many may start; while others serve, the number starts at one and
    /// doubles with each success that leaves requests waiting, so that a short burst is not answered with a crowd of resources.
    /// At least 1.
    public var maximumConcurrentConnects: Int = 8
    /// After this a connect is abandoned and counts as failed. More than 0.
    public var connectTimeout: TimeAmount = .seconds(10)
    /// The pause after failed connects. Its own initializer has the bounds; here its maximum is at most ten years.
    public var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(10), multiplier: 2, jitter: .equal)
    /// So many connects failing in a row with nothing open make requests fail at once instead of waiting. At least 1.
    public var circuitThreshold: Int = 3

    // MARK: Life

    /// An idle resource beyond ``minimumIdle`` is closed after this. More than 0; nil: never.
    public var idleTimeout: TimeAmount? = .seconds(600)
    /// A resource older than this is replaced, when it is not leased. More than 0; nil: never.
    public var maximumLifetime: TimeAmount? = .seconds(1800)
    /// The share of ``maximumLifetime`` by which it is shortened at random, so that resources made together do not end together. 0 to 1.
    public var lifetimeJitter: Double = 0.1
    /// An idle resource not used or checked for so long is checked. More than 0; nil: never.
    public var keepAlive: TimeAmount? = nil
    /// A resource idle for longer is checked before it is leased. At least 0; nil: only those that became suspect by another's failed
    /// check.
    public var validateAfterIdle: TimeAmount? = .seconds(5)
    /// After this a check that has not answered counts as failed. More than 0.
    public var validationTimeout: TimeAmount = .seconds(5)
    /// After this a resource that was told to close and has not said that it did is written off. More than 0.
    public var closeTimeout: TimeAmount = .seconds(5)

    // MARK: Watching

    /// When the queue turns last in, first out and sheds. Nil: never.
    public var overload: OverloadPolicy? = .init()
    /// How leases that never come back are found.
    public var leakDetection: LeakDetection = .init()

    /// A configuration with defaults for all but the limits; set the properties for the rest. Nothing is checked here: see
    /// ``validate(loops:)``.
    ///
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
    /// The delay that a queue may have all the time; also the longest that anyone waits in an overloaded one. More than 0, at most ten years.
    public var target: TimeAmount
    /// For so long the least delay has to stay above ``target``. More than 0, at most ten years.
    public var interval: TimeAmount

    /// The defaults are those of "Fail at Scale".
    public init(target: TimeAmount = .milliseconds(5), interval: TimeAmount = .milliseconds(100)) {
        self.target = target
        self.interval = interval
    }
}

/// How leases that never come back are found.
public struct LeakDetection: Sendable, Hashable {
    /// How much is known of a leak.
    public enum Level: Sendable, Hashable {
        /// Not at all.
        case off
        /// Held for longer than the threshold: reported once with where it was acquired, and again when it comes back.
        case site
        /// As `site`, and one lease in this many (at least 1) carries a backtrace, taken when it was acquired (some microseconds each).
        case backtrace(oneIn: Int)
        /// As `site`, and each lease carries a backtrace.
        case every
    }

    /// How much is known of a leak.
    public var level: Level
    /// Held for longer than this counts as leaked. More than 0, at most ten years.
    public var threshold: TimeAmount

    /// By default a lease held for a minute is reported with where it was acquired, which costs nothing.
    public init(level: Level = .site, threshold: TimeAmount = .seconds(60)) {
        self.level = level
        self.threshold = threshold
    }
}
