import NIOCore
import WeirCore

/// Decides whether and how many connects may start: backoff after failures, a circuit when nothing works, a slow start otherwise.
///
/// - Closed: connects start as the slow start allows.
/// - After a failure: none before ``retryAt``.
/// - Open: `threshold` failures in a row. Requests that have nothing to wait for fail at once.
/// - Half open: ``retryAt`` has passed; one connect at a time is the probe, whatever becomes of it.
struct ConnectGate {
    private var backoff: Backoff
    private let threshold: Int
    private let maximumConcurrent: Int
    /// How many may be under way while other resources serve.
    private var window = 1
    private(set) var failuresInARow = 0
    private(set) var retryAt: NIODeadline?
    /// Its own row: what nobody waits for is opened again ever later while it is lost before anybody has used it.
    private var idleBackoff: Backoff
    private var idleRetryAt: NIODeadline?

    init(backoff: Backoff, threshold: Int, maximumConcurrent: Int) {
        self.backoff = backoff
        self.idleBackoff = backoff
        self.threshold = threshold
        self.maximumConcurrent = maximumConcurrent
    }

    var isOpen: Bool { self.failuresInARow >= self.threshold }

    /// Whether it is too early to try again.
    func isResting(now: NIODeadline) -> Bool { self.retryAt.map { now < $0 } ?? false }

    /// Whether it is too early to open one that nobody waits for.
    func isIdleResting(now: NIODeadline) -> Bool { self.idleRetryAt.map { now < $0 } ?? false }

    /// When it is not too early any more; nil if it is not.
    func restsUntil(forWaiters: Bool, now: NIODeadline) -> NIODeadline? {
        let times = forWaiters ? [self.retryAt] : [self.retryAt, self.idleRetryAt]
        return times.compactMap { $0 }.filter { $0 > now }.max()
    }

    /// How many connects may be under way at once.
    func allowance(now: NIODeadline, isAnyOpen: Bool) -> Int {
        if self.isResting(now: now) { return 0 }
        if self.failuresInARow > 0 { return 1 }
        return isAnyOpen ? min(self.window, self.maximumConcurrent) : self.maximumConcurrent
    }

    mutating func connected(stillWaiting: Bool) {
        self.backoff.reset()
        self.failuresInARow = 0
        self.retryAt = nil
        self.window = stillWaiting ? min(self.window * 2, self.maximumConcurrent) : 1
    }

    mutating func failed(now: NIODeadline, using random: inout some RandomNumberGenerator) {
        // Those that were under way together tell one and the same thing.
        guard !self.isResting(now: now) else { return }
        self.failuresInARow += 1
        self.window = 1
        self.retryAt = now + self.backoff.next(using: &random)
    }

    /// A resource was closed from the other side before anybody had used it, as by a proxy without its backend.
    mutating func diedUnused(now: NIODeadline, using random: inout some RandomNumberGenerator) {
        guard !self.isIdleResting(now: now) else { return }
        self.idleRetryAt = now + self.idleBackoff.next(using: &random)
    }

    /// A resource was used, or answered a check.
    mutating func proven() {
        guard self.idleRetryAt != nil else { return }
        self.idleBackoff.reset()
        self.idleRetryAt = nil
    }

    /// Nobody waits any more: the next burst starts slowly again.
    mutating func queueEmptied() {
        self.window = 1
    }
}
