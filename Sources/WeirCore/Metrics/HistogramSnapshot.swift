/// What a ``Histogram`` held at some moment: an immutable value, to be asked for quantiles, merged with others of its kind
/// (`+`) and compared with an earlier one (`-`). All values are raw, in the histogram's ``MetricDescriptor/unit``.
public struct HistogramSnapshot: Sendable, Equatable {
    /// Occurrences per bucket, up to the last bucket that has any.
    private let counts: [UInt64]
    private let exactSum: UInt128

    /// How many values were recorded; `UInt64.max` if there were more.
    public let count: UInt64
    /// The greatest value recorded. Exact in a snapshot and in a merge. In a difference exact when it is a new maximum, else with
    /// a relative error below 1/32, because a maximum cannot be taken back. Zero when nothing was recorded.
    public let maximum: UInt64

    /// Nothing recorded.
    public static let empty = HistogramSnapshot(counts: [], exactSum: 0, recordedMaximum: 0)

    init(counts: [UInt64], exactSum: UInt128, recordedMaximum: UInt64) {
        guard let last = counts.lastIndex(where: { $0 != 0 }) else {
            self.counts = []
            self.exactSum = 0
            self.count = 0
            self.maximum = 0
            return
        }
        self.counts = Array(counts[...last])
        self.exactSum = exactSum
        self.count = self.counts.reduce(0) { $0.addingSaturating($1) }
        // The maximum belongs to the last bucket that is taken; a reader may have met the one before the other.
        self.maximum = min(max(recordedMaximum, HistogramBuckets.lowerBound(last)), HistogramBuckets.upperBound(last))
    }

    /// The sum of all values; `UInt64.max` if it is greater. The exact sum has 128 bits and is what ``mean`` is made of.
    public var sum: UInt64 { UInt64(clamping: self.exactSum) }

    /// The sum of all values, exact to a `Double`'s precision whatever its size.
    public var floatingPointSum: Double { Double(self.exactSum) }

    /// The least value recorded, with a relative error below 1/32; nil when nothing was recorded.
    public var minimum: UInt64? {
        self.counts.firstIndex { $0 != 0 }.map { min(HistogramBuckets.midpoint($0), self.maximum) }
    }

    /// The arithmetic mean; zero when nothing was recorded.
    public var mean: Double { self.count == 0 ? 0 : Double(self.exactSum) / Double(self.count) }

    /// Whether nothing was recorded.
    public var isEmpty: Bool { self.count == 0 }

    /// The least value that at least this share of all values does not exceed, with a relative error below 1/32.
    ///
    /// - Parameter quantile: 0 to 1; what lies outside is taken as the nearer end, and not-a-number as 0.
    /// - Returns: the midpoint of the value's bucket, never above ``maximum``; exactly ``maximum`` for 1; zero when nothing was
    ///   recorded.
    /// - Complexity: O(buckets), 976 at most.
    public func value(atQuantile quantile: Double) -> UInt64 {
        guard self.count > 0 else { return 0 }
        if quantile >= 1 { return self.maximum }
        let share = quantile > 0 ? quantile : 0
        let position = (share * Double(self.count)).rounded(.up)
        let rank = min(max(UInt64(exactly: position) ?? self.count, 1), self.count)
        var seen: UInt64 = 0
        for (index, occurrences) in self.counts.enumerated() {
            seen = seen.addingSaturating(occurrences)
            if seen >= rank { return min(HistogramBuckets.midpoint(index), self.maximum) }
        }
        return self.maximum
    }

    /// Calls `body` with each bucket that has any values, lowest first: its least and greatest value and its occurrences.
    public func forEachBucket(_ body: (_ values: ClosedRange<UInt64>, _ occurrences: UInt64) -> Void) {
        for (index, occurrences) in self.counts.enumerated() where occurrences != 0 {
            body(HistogramBuckets.lowerBound(index)...HistogramBuckets.upperBound(index), occurrences)
        }
    }

    /// How many values were at most `bound`, counting a bucket that `bound` lies within as a whole. For cumulative buckets.
    public func count(upTo bound: UInt64) -> UInt64 {
        self.counts.prefix(HistogramBuckets.index(of: bound) + 1).reduce(0) { $0.addingSaturating($1) }
    }

    /// Both distributions together.
    public static func + (a: HistogramSnapshot, b: HistogramSnapshot) -> HistogramSnapshot {
        var counts = a.counts.count >= b.counts.count ? a.counts : b.counts
        let shorter = a.counts.count >= b.counts.count ? b.counts : a.counts
        for index in shorter.indices { counts[index] = counts[index].addingSaturating(shorter[index]) }
        return HistogramSnapshot(
            counts: counts, exactSum: a.exactSum &+ b.exactSum, recordedMaximum: max(a.maximum, b.maximum))
    }

    /// What was recorded between `earlier` and `later`, two snapshots of one histogram. If they are not, or come in the wrong
    /// order, buckets that would be negative are zero.
    public static func - (later: HistogramSnapshot, earlier: HistogramSnapshot) -> HistogramSnapshot {
        var counts = later.counts
        for index in 0..<min(counts.count, earlier.counts.count) {
            counts[index] = counts[index] > earlier.counts[index] ? counts[index] - earlier.counts[index] : 0
        }
        let sum = later.exactSum > earlier.exactSum ? later.exactSum - earlier.exactSum : 0
        var maximum = later.maximum
        if maximum <= earlier.maximum, let last = counts.lastIndex(where: { $0 != 0 }) {
            maximum = min(maximum, HistogramBuckets.midpoint(last))
        }
        return HistogramSnapshot(counts: counts, exactSum: sum, recordedMaximum: maximum)
    }
}

extension UInt64 {
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
