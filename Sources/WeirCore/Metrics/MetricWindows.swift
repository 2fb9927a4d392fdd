public import NIOCore

/// The rate of a counter over the last so many seconds, from samples of its total. A pure value: time is passed in, nothing runs
/// by itself. Not tied to a loop.
public struct RateWindow {
    private var ring: SampleRing<UInt64>

    /// - Parameters:
    ///   - window: how far back to look; at least a nanosecond.
    ///   - capacity: how many samples to keep at most, 4 to 1024. Samples that come faster than `capacity` in a window are thinned.
    public init(window: TimeAmount, capacity: Int = 32) {
        self.ring = SampleRing(window: window, capacity: capacity)
    }

    /// How far back ``perSecond(now:)`` looks.
    public var window: TimeAmount { self.ring.window }

    /// Takes the counter's total at a moment. A total below the last one means that the counter was reset: what came before it is
    /// forgotten. A moment before the last one is ignored.
    ///
    /// - Complexity: O(capacity) at worst; allocates once, at the first sample.
    public mutating func record(total: UInt64, at time: NIODeadline) {
        if let newest = self.ring.newest, time >= newest.time, total < newest.sample { self.ring.removeAll() }
        self.ring.push(total, at: time)
    }

    /// Events per second over the window that ends now.
    ///
    /// The rate between the newest sample and the last one that is a window old (else the oldest): with samples further apart
    /// than the window it is the mean over the time between them.
    ///
    /// - Returns: nil when it is not known: before the second sample, and when the newest is a window old.
    public func perSecond(now: NIODeadline) -> Double? {
        guard let (from, to) = self.ring.span(now: now) else { return nil }
        let nanoseconds = SampleRing<UInt64>.nanoseconds(from: from.time, to: to.time)
        return nanoseconds == 0 ? nil : Double(to.sample - from.sample) * 1e9 / Double(nanoseconds)
    }
}

/// What a histogram recorded over the last so many seconds, from snapshots of it. A pure value: time is passed in.
///
/// Keeps at most `capacity` snapshots of up to 7.8 KB each.
public struct HistogramWindow {
    private var ring: SampleRing<HistogramSnapshot>

    /// - Parameters:
    ///   - window: how far back to look; at least a nanosecond.
    ///   - capacity: how many snapshots to keep at most, 4 to 1024. Those that come faster are thinned.
    public init(window: TimeAmount, capacity: Int = 12) {
        self.ring = SampleRing(window: window, capacity: capacity)
    }

    /// How far back ``recent(now:)`` looks.
    public var window: TimeAmount { self.ring.window }

    /// Takes a snapshot of the histogram at a moment. One with fewer values than the last means another histogram: what came
    /// before is forgotten. A moment before the last one is ignored.
    public mutating func record(_ snapshot: HistogramSnapshot, at time: NIODeadline) {
        if let newest = self.ring.newest, time >= newest.time, snapshot.count < newest.sample.count { self.ring.removeAll() }
        self.ring.push(snapshot, at: time)
    }

    /// What was recorded between the newest snapshot and the last one that is a window old (else the oldest).
    ///
    /// - Returns: nil when it is not known: before the second snapshot, and when the newest is a window old.
    public func recent(now: NIODeadline) -> HistogramSnapshot? {
        guard let (from, to) = self.ring.span(now: now) else { return nil }
        return to.sample - from.sample
    }
}
