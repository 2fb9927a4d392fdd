import NIOCore
import WeirCore

/// What a pool holds and has done: of one loop, or of all added up.
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

    public var leases: UInt64 = 0
    public var connects: UInt64 = 0
    public var connectFailures: UInt64 = 0
    /// Requests that found no resource free.
    public var exhaustions: UInt64 = 0
    public var timeouts: UInt64 = 0
    public var queueFull: UInt64 = 0
    public var shed: UInt64 = 0
    public var circuitRejections: UInt64 = 0
    public var cancelled: UInt64 = 0
    public var validations: UInt64 = 0
    public var validationFailures: UInt64 = 0
    /// Resources that the pool closed, for whatever reason.
    public var closed: UInt64 = 0
    /// Leases that were dropped instead of released.
    public var dropped: UInt64 = 0
    public var leaks: UInt64 = 0
    /// Nanoseconds that requests waited which could not be served at once. The others waited for nothing: `leases` less its count.
    public var acquireTime: HistogramSnapshot = .empty
    /// Nanoseconds that leases were held, in passes of the loop: one given back in the pass that took it counts as 0.
    public var holdTime: HistogramSnapshot = .empty

    public static let none = PoolStatistics()

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

/// A lease that is out.
public struct LeaseInfo: Sendable {
    public let owner: Owner
    /// Where it was asked for.
    public let site: CallSite
    public let heldFor: TimeAmount
}

/// What a pool noticed about the use made of it.
public enum PoolReport: Sendable {
    /// A lease is held for longer than the threshold. Reported once for a lease.
    case leak(pool: String, LeaseInfo, backtrace: String?)
    /// A lease that was reported as leaked came back after all.
    case leakReturned(pool: String, LeaseInfo)
    /// A lease was dropped instead of released. It came back all the same.
    case dropped(pool: String, LeaseInfo)
}
