import NIOCore
import WeirCore

/// What a pool holds and has done: of one loop, or of all added up.
///
/// The numbers of one loop belong together: they are read at one moment, on the loop. Those of several loops are read one loop after
/// the other.
public struct PoolStatistics: Sendable {
    /// Leased and open.
    public var active = 0
    /// Open and waiting for work, those included that are being checked.
    public var idle = 0
    /// Being opened.
    public var connecting = 0
    /// Being closed.
    public var closing = 0
    /// Requests in the queue.
    public var waiting = 0

    // Since the pool was made:

    /// Leases granted.
    public var leases: UInt64 = 0
    /// Connects started.
    public var connects: UInt64 = 0
    /// Connects that failed, or were abandoned at their timeout or by the drain.
    public var connectFailures: UInt64 = 0
    /// Requests that found no resource free.
    public var exhaustions: UInt64 = 0
    /// Requests refused with ``PoolError/Code/deadlineExceeded``.
    public var timeouts: UInt64 = 0
    /// Requests refused with ``PoolError/Code/queueFull``.
    public var queueFull: UInt64 = 0
    /// Requests refused with ``PoolError/Code/overloaded``.
    public var shed: UInt64 = 0
    /// Requests refused with ``PoolError/Code/circuitOpen``.
    public var circuitRejections: UInt64 = 0
    /// Requests taken back by who asked, or with their owner's leases.
    public var cancelled: UInt64 = 0
    /// Checks of idle resources started.
    public var validations: UInt64 = 0
    /// Checks that said that the resource is not healthy.
    public var validationFailures: UInt64 = 0
    /// Resources that the pool closed, for whatever reason.
    public var closed: UInt64 = 0
    /// Leases that were dropped instead of released.
    public var dropped: UInt64 = 0
    /// Leases that were held for longer than ``LeakDetection/threshold``, each counted once.
    public var leaks: UInt64 = 0
    /// Nanoseconds that requests waited which could not be served at once. The others waited for nothing: `leases` less its count.
    public var acquireTime: HistogramSnapshot = .empty
    /// Nanoseconds that leases were held, in passes of the loop: one given back in the pass that took it counts as 0.
    public var holdTime: HistogramSnapshot = .empty

    /// Of a pool that has nothing and has done nothing: neutral in sums.
    public static let none = PoolStatistics()

    /// The sums of everything; the distributions of both together.
    public static func + (left: PoolStatistics, right: PoolStatistics) -> PoolStatistics {
        var sum = left
        sum.active += right.active
        sum.idle += right.idle
        sum.connecting += right.connecting
        sum.closing += right.closing
        sum.waiting += right.waiting
        sum.leases += right.leases
        sum.connects += right.connects
        sum.connectFailures += right.connectFailures
        sum.exhaustions += right.exhaustions
        sum.timeouts += right.timeouts
        sum.queueFull += right.queueFull
        sum.shed += right.shed
        sum.circuitRejections += right.circuitRejections
        sum.cancelled += right.cancelled
        sum.validations += right.validations
        sum.validationFailures += right.validationFailures
        sum.closed += right.closed
        sum.dropped += right.dropped
        sum.leaks += right.leaks
        sum.acquireTime = left.acquireTime + right.acquireTime
        sum.holdTime = left.holdTime + right.holdTime
        return sum
    }
}
