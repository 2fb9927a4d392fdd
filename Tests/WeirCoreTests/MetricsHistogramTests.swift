import NIOEmbedded
import Testing

@testable import WeirCore

@Suite struct MetricsHistogramTests {
    /// Whether a reported value is less than a 32nd of the true one away from it; in integers, because doubles round.
    private func isWithinBound(_ reported: UInt64, _ value: UInt64) -> Bool {
        let distance = reported > value ? reported - value : value - reported
        return distance == 0 || UInt128(distance) * 32 < UInt128(value)
    }

    private func histogram(_ values: [UInt64]) -> HistogramSnapshot {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        let local = histogram.local(loop)
        for value in values { local.record(value) }
        return histogram.snapshot()
    }

    @Test func bucketsCoverEveryValueOnceWithoutGaps() {
        #expect(HistogramBuckets.count == 976)
        var next: UInt64 = 0
        for index in 0..<HistogramBuckets.count {
            let lower = HistogramBuckets.lowerBound(index)
            let upper = HistogramBuckets.upperBound(index)
            #expect(lower == next)
            #expect(upper >= lower)
            for value in [lower, HistogramBuckets.midpoint(index), upper] {
                #expect(HistogramBuckets.index(of: value) == index)
                #expect(self.isWithinBound(HistogramBuckets.midpoint(index), value))
            }
            next = upper &+ 1
        }
        #expect(next == 0, "the last bucket ends at UInt64.max")
    }

    @Test func smallValuesAreExact() {
        for value: UInt64 in 0..<32 { #expect(self.histogram([value]).value(atQuantile: 0.5) == value) }
    }

    @Test func randomValuesOfEveryMagnitudeAreWithinTheBound() {
        var generator = SplitMix64(seed: 1)
        for _ in 0..<200_000 {
            let value = generator.anyMagnitude()
            let reported = HistogramBuckets.midpoint(HistogramBuckets.index(of: value))
            #expect(self.isWithinBound(reported, value), "\(value)")
        }
    }

    @Test(arguments: 0..<12) func quantilesAgreeWithASortedArray(seed: Int) {
        var generator = SplitMix64(seed: UInt64(seed))
        let count = Int.random(in: 1...3000, using: &generator)
        let values = (0..<count).map { _ in
            seed % 2 == 0 ? generator.anyMagnitude() : UInt64.random(in: 0...2_000_000, using: &generator)
        }
        let sorted = values.sorted()
        let snapshot = self.histogram(values)
        #expect(snapshot.count == UInt64(count))
        #expect(snapshot.maximum == sorted.last)
        let random = (0..<20).map { _ in Double.random(in: 0...1, using: &generator) }
        for quantile in [0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1] + random {
            let rank = max(1, Int((quantile * Double(count)).rounded(.up)))
            let reported = snapshot.value(atQuantile: quantile)
            #expect(self.isWithinBound(reported, sorted[rank - 1]), "seed \(seed) quantile \(quantile)")
        }
        #expect(self.isWithinBound(snapshot.minimum ?? .max, sorted[0]))
        let sum = values.reduce(UInt128(0)) { $0 + UInt128($1) }
        #expect(snapshot.sum == UInt64(clamping: sum))
        #expect(abs(snapshot.mean - Double(sum) / Double(count)) <= snapshot.mean * 1e-12)
    }

    @Test func emptyAndOddQuantiles() {
        let empty = HistogramSnapshot.empty
        #expect(empty.isEmpty && empty.sum == 0 && empty.maximum == 0 && empty.minimum == nil && empty.mean == 0)
        #expect(empty.value(atQuantile: 0.5) == 0)
        #expect(self.histogram([]) == empty)
        let three = self.histogram([1, 2, 3])
        #expect(three.value(atQuantile: -1) == 1)
        #expect(three.value(atQuantile: .nan) == 1)
        #expect(three.value(atQuantile: 7) == 3)
        #expect(three.value(atQuantile: .infinity) == 3)
    }

    @Test func mergeIsAsIfRecordedTogether() {
        var generator = SplitMix64(seed: 3)
        let a = (0..<500).map { _ in generator.anyMagnitude() >> 8 }
        let b = (0..<700).map { _ in generator.anyMagnitude() }
        #expect(self.histogram(a) + self.histogram(b) == self.histogram(a + b))
        #expect(self.histogram(b) + self.histogram(a) == self.histogram(a + b))
        #expect(self.histogram(a) + .empty == self.histogram(a))
    }

    @Test func deltaHoldsOnlyWhatCameBetween() {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        let local = histogram.local(loop)
        for value: UInt64 in [1, 20, 900_000] { local.record(value) }
        let before = histogram.snapshot()
        #expect(histogram.snapshot() - before == .empty)
        for value: UInt64 in [5, 5, 7000] { local.record(value) }
        let delta = histogram.snapshot() - before
        #expect(delta.count == 3)
        #expect(delta.sum == 7010)
        #expect(delta.value(atQuantile: 0.5) == 5)
        #expect(self.isWithinBound(delta.maximum, 7000))
        local.record(1_000_003)
        #expect((histogram.snapshot() - before).maximum == 1_000_003, "a new maximum is exact")
        #expect(before - histogram.snapshot() == .empty, "the wrong order gives nothing, not a trap")
    }

    @Test func extremesNeitherTrapNorSpoilTheSum() {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        let local = histogram.local(loop)
        local.record(.max)
        local.record(.max, count: .max)
        histogram.record(.max, count: .max)
        histogram.record(.max)
        let full = histogram.snapshot()
        #expect(full.count == 0, "2^64 + 2^64 occurrences in one bucket wrap to none")
        local.record(.max)
        let one = histogram.snapshot()
        #expect(one.count == 1 && one.maximum == .max && one.sum == .max)
        local.record(10)
        #expect((histogram.snapshot() - one).sum == 10, "the sum goes on after an absurd value")
    }

    @Test func saturatesRatherThanTrapsWhenMerged() {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        histogram.local(loop).record(3, count: .max)
        histogram.local(loop).record(400, count: 5)
        let doubled = histogram.snapshot() + histogram.snapshot()
        #expect(doubled.count == .max)
        #expect(doubled.value(atQuantile: 0.9) == 3)
        #expect(doubled.value(atQuantile: 1) == 400)
    }

    @Test func countZeroRecordsNothing() {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        histogram.local(loop).record(99, count: 0)
        histogram.record(99, count: 0)
        #expect(histogram.snapshot() == .empty)
    }

    @Test func lanesAndSpareAreOneDistribution() {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        histogram.local(loop).record(10, count: 2)
        histogram.record(1000)
        let snapshot = histogram.snapshot()
        #expect(snapshot.count == 3 && snapshot.sum == 1020 && snapshot.maximum == 1000 && snapshot.minimum == 10)
        #expect(snapshot.count(upTo: 10) == 2)
        #expect(snapshot.count(upTo: 9) == 0)
        #expect(snapshot.count(upTo: .max) == 3)
        var occurrences: [UInt64] = []
        snapshot.forEachBucket { range, count in
            #expect(range.contains(10) || range.contains(1000))
            occurrences.append(count)
        }
        #expect(occurrences == [2, 1])
    }
}
