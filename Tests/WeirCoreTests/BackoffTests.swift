import NIOCore
import Testing
import WeirCore

@Suite struct BackoffTests {
    @Test func withoutJitterItDoublesUpToTheMaximum() {
        var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1), jitter: .none)
        #expect((0..<6).map { _ in backoff.next() } == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        #expect(backoff.attempts == 6)
        backoff.reset()
        #expect(backoff.attempts == 0)
        #expect(backoff.next() == .milliseconds(100))
    }

    @Test func jitterStaysInItsRangeAndUsesAllOfIt() {
        for (jitter, fraction) in [(Backoff.Jitter.full, 0.0), (.equal, 0.5)] {
            var random = SplitMix64(seed: 42)
            var lowest = [Double](repeating: 2, count: 8)
            var highest = [Double](repeating: -1, count: 8)
            for _ in 0..<2000 {
                var backoff = Backoff(initial: .milliseconds(10), maximum: .milliseconds(500), jitter: jitter)
                for attempt in 0..<8 {
                    let exponential = min(10.0 * Double(1 << attempt), 500)
                    let share = Double(backoff.next(using: &random).nanoseconds) / (exponential * 1_000_000)
                    lowest[attempt] = min(lowest[attempt], share)
                    highest[attempt] = max(highest[attempt], share)
                }
            }
            #expect(lowest.allSatisfy { $0 >= fraction && $0 < fraction + 0.01 }, "\(jitter): \(lowest)")
            #expect(highest.allSatisfy { $0 <= 1 && $0 > 0.99 }, "\(jitter): \(highest)")
        }
    }

    @Test func decorrelatedJitterGrowsFromTheDelayBefore() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<500 {
            var backoff = Backoff(initial: .milliseconds(10), maximum: .seconds(2), jitter: .decorrelated)
            var before = TimeAmount.milliseconds(10)
            for _ in 0..<12 {
                let delay = backoff.next(using: &random)
                #expect(delay >= .milliseconds(10) && delay <= min(before * 3, .seconds(2)))
                before = delay
            }
        }
    }

    @Test func theSameSeedGivesTheSameDelays() {
        var (first, second) = (SplitMix64(seed: 5), SplitMix64(seed: 5))
        var (one, other) = (Backoff(), Backoff())
        for _ in 0..<50 { #expect(one.next(using: &first) == other.next(using: &second)) }
    }

    @Test func nothingOverflows() {
        let longest = TimeAmount.nanoseconds(.max)
        for jitter in [Backoff.Jitter.none, .full, .equal, .decorrelated] {
            for multiplier in [1, 1.5, 1e300] {
                var random = SplitMix64(seed: 1)
                var backoff = Backoff(initial: .nanoseconds(1), maximum: longest, multiplier: multiplier, jitter: jitter)
                for _ in 0..<500 { #expect(backoff.next(using: &random) >= .zero) }
                var huge = Backoff(initial: .nanoseconds(.max - 1), maximum: longest, multiplier: multiplier, jitter: jitter)
                for _ in 0..<5 { #expect(huge.next(using: &random) >= .zero) }
            }
        }
        var backoff = Backoff(initial: .nanoseconds(1), maximum: longest, jitter: .none)
        for _ in 0..<70 { _ = backoff.next() }
        #expect(backoff.next() == longest)
    }
}
