import NIOCore

/// Tells a queue that stands from one that merely has a burst in it (CoDel, RFC 8289, as "Fail at Scale" uses it).
struct QueueDelay {
    let policy: OverloadPolicy?
    private(set) var isOverloaded = false
    private var intervalEnd: NIODeadline?
    private var least: TimeAmount = .zero

    init(_ policy: OverloadPolicy?) {
        self.policy = policy
    }

    /// A request comes or is about to be served while the oldest in the queue has waited for `delay`.
    mutating func sampled(oldestWaited delay: TimeAmount, now: NIODeadline) {
        guard let policy else { return }
        guard let end = self.intervalEnd else {
            self.intervalEnd = now + policy.interval
            self.least = delay
            return
        }
        self.least = min(self.least, delay)
        if now >= end {
            // Once it is, shedding keeps the delay small: only an empty queue says that it is over.
            if self.least > policy.target { self.isOverloaded = true }
            self.intervalEnd = now + policy.interval
            self.least = delay
        }
    }

    /// Nobody waits: whatever stood is gone.
    mutating func emptied() {
        self.isOverloaded = false
        self.intervalEnd = nil
    }
}
