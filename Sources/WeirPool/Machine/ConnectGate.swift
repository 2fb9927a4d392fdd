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

    init(backoff: Backoff, threshold: Int, maximumConcurrent: Int) {
        self.backoff = backoff
        self.threshold = threshold
        self.maximumConcurrent = maximumConcurrent
    }

    var isOpen: Bool { self.failuresInARow >= self.threshold }

    /// Whether it is too early to try again.
    func isResting(now: NIODeadline) -> Bool { self.retryAt.map { now < $0 } ?? false }

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
        self.failuresInARow += 1
        self.window = 1
        self.retryAt = now + self.backoff.next(using: &random)
    }

    /// Nobody waits any more: the next burst starts slowly again.
    mutating func queueEmptied() {
        self.window = 1
    }
}
