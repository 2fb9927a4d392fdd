import NIOCore
import NIOEmbedded
import Testing

@testable import WeirCore

@Suite struct MetricsWindowTests {
    private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(1) + .milliseconds(milliseconds) }

    @Test func aSteadyRate() throws {
        var rate = RateWindow(window: .seconds(10))
        #expect(rate.perSecond(now: at(0)) == nil)
        rate.record(total: 500, at: at(0))
        #expect(rate.perSecond(now: at(0)) == nil)
        for second in 1...60 { rate.record(total: 500 + UInt64(second) * 100, at: at(Int64(second) * 1000)) }
        #expect(try #require(rate.perSecond(now: at(60_000))) == 100)
    }

    @Test func onlyTheWindowCounts() throws {
        var rate = RateWindow(window: .seconds(10), capacity: 16)
        var total: UInt64 = 0
        for second in 0...100 {
            total += second <= 50 ? 1000 : 10
            rate.record(total: total, at: at(Int64(second) * 1000))
        }
        #expect(try #require(rate.perSecond(now: at(100_000))) == 10)
    }

    @Test func thinnedSamplesStillSpanTheWindow() throws {
        // 1 kHz samples in 8 places: the window must not shrink to 8 ms.
        var ring = SampleRing<Int>(window: .seconds(1), capacity: 8)
        for millisecond in 0..<5000 {
            ring.push(millisecond, at: at(Int64(millisecond)))
            #expect(ring.count <= 8)
            #expect(ring.newest?.sample == millisecond)
            if millisecond >= 1500 {
                let span = try #require(ring.span(now: at(Int64(millisecond))))
                #expect((1000...1400).contains(span.to.sample - span.from.sample))
            }
        }
    }

    @Test func unevenSamplesStillSpanTheWindow() throws {
        var generator = SplitMix64(seed: 5)
        for _ in 0..<200 {
            let capacity = Int.random(in: 4...40, using: &generator)
            var ring = SampleRing<Int64>(window: .seconds(1), capacity: capacity)
            var time: Int64 = 0
            for _ in 0..<400 {
                time += Int64.random(in: 0...1, using: &generator) * 200 + Int64.random(in: 0...3, using: &generator)
                ring.push(time, at: at(time))
                #expect(ring.count <= capacity && ring.newest?.sample == time)
                guard time >= 3000 else { continue }
                let span = try #require(ring.span(now: at(time)))
                #expect(span.to.sample - span.from.sample >= 1000)
            }
        }
    }

    @Test func sparseSamplesAverageOverWhatThereIs() throws {
        var rate = RateWindow(window: .seconds(1))
        rate.record(total: 0, at: at(0))
        rate.record(total: 600, at: at(60_000))
        #expect(try #require(rate.perSecond(now: at(60_000))) == 10)
    }

    @Test func oldNewsIsNoNews() {
        var rate = RateWindow(window: .seconds(1))
        rate.record(total: 0, at: at(0))
        rate.record(total: 5, at: at(500))
        #expect(rate.perSecond(now: at(1499)) == 10)
        #expect(rate.perSecond(now: at(1500)) == nil)
        #expect(rate.perSecond(now: .distantFuture) == nil)
    }

    @Test func resetsAndTimeGoingBack() {
        var rate = RateWindow(window: .seconds(10))
        rate.record(total: 1000, at: at(0))
        rate.record(total: 2000, at: at(1000))
        rate.record(total: 9999, at: at(500))
        #expect(rate.perSecond(now: at(1000)) == 1000)
        rate.record(total: 1, at: at(2000))
        #expect(rate.perSecond(now: at(2000)) == nil)
        rate.record(total: 8, at: at(3000))
        #expect(rate.perSecond(now: at(3000)) == 7)
        // Same moment: the later total counts.
        var same = RateWindow(window: .seconds(10))
        same.record(total: 0, at: at(0))
        same.record(total: 4, at: at(0))
        same.record(total: 6, at: at(1000))
        #expect(same.perSecond(now: at(1000)) == 2)
    }

    @Test func absurdWindowsDoNotTrap() {
        for window in [TimeAmount.nanoseconds(.min), .zero, .nanoseconds(.max)] {
            for capacity in [Int.min, 0, 4, .max] {
                var rate = RateWindow(window: window, capacity: capacity)
                rate.record(total: 0, at: .uptimeNanoseconds(0))
                rate.record(total: .max, at: .distantFuture)
                rate.record(total: .max, at: .distantFuture)
                _ = rate.perSecond(now: .distantFuture)
                _ = rate.perSecond(now: .uptimeNanoseconds(0))
            }
        }
    }

    @Test func histogramsOverAWindow() throws {
        let loop = EmbeddedEventLoop()
        let histogram = MetricRegistry(group: loop).histogram("h")
        let local = histogram.local(loop)
        var window = HistogramWindow(window: .seconds(10), capacity: 12)
        #expect(window.recent(now: at(0)) == nil)
        for second: Int64 in 0...40 {
            local.record(second <= 20 ? 1000 : 8, count: 3)
            window.record(histogram.snapshot(), at: at(second * 1000))
        }
        let recent = try #require(window.recent(now: at(40_000)))
        #expect(recent.count == 30)
        #expect(recent.maximum == 8)
        #expect(window.recent(now: at(50_000)) == nil)
        window.record(.empty, at: at(41_000))
        #expect(window.recent(now: at(41_000)) == nil, "fewer values: another histogram")
    }
}
