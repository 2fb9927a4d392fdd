import NIOCore
import NIOEmbedded
import Testing
import WeirCore

@testable import WeirPool

@Suite struct LifeTests {
    private let decade = TimeAmount.hours(10 * 365 * 24)

    @Test func idleResourcesCloseButTheMinimum() throws {
        var configuration = PoolConfiguration(maximum: 10)
        configuration.minimumIdle = 1
        configuration.idleTimeout = .seconds(60)
        configuration.maximumLifetime = nil
        let bench = Bench(configuration)
        let outcomes = (0..<4).map { _ in bench.ask() }
        outcomes.forEach { $0.release() }
        bench.pass(.seconds(59))
        let opened = bench.factory.open.count
        #expect(opened >= 4)
        bench.pass(.seconds(3))
        #expect(bench.factory.open.count == 1)
        try bench.end()
    }

    @Test func lifetimesEndJitteredAndLeaseesAreNotDisturbed() throws {
        var configuration = PoolConfiguration(maximum: 20)
        configuration.maximumLifetime = .seconds(1000)
        configuration.idleTimeout = nil
        configuration.lifetimeJitter = 0.2
        let bench = Bench(configuration)
        let outcomes = (0..<20).map { _ in bench.ask() }
        outcomes.dropFirst().forEach { $0.release() }
        bench.pass(.seconds(799))
        #expect(bench.factory.open.count == 20)
        bench.pass(.seconds(100))
        let left = bench.factory.open.count
        #expect(left > 1 && left < 20)
        bench.pass(.seconds(102))
        #expect(bench.factory.open.count == 1)
        #expect(!bench.factory.opened[0].isClosed)
        outcomes[0].release()
        #expect(bench.factory.open.isEmpty)
        try bench.end()
    }

    @Test func aFixedPoolIsReplacedOneByOneWithoutFallingBelowItsMinimum() throws {
        var configuration = PoolConfiguration(maximum: 8, size: 4)
        configuration.overflow = 1
        configuration.minimumIdle = 4
        configuration.maximumLifetime = .seconds(100)
        configuration.lifetimeJitter = 0
        configuration.idleTimeout = nil
        let bench = Bench(configuration) { $0.connectDelay = .milliseconds(10) }
        bench.pass(.seconds(1))
        #expect(bench.factory.open.count == 4)
        var least = 4
        for _ in 0..<200 {
            bench.pass(.milliseconds(600))
            least = min(least, bench.local.statistics().idle)
        }
        #expect(least == 4)
        #expect(bench.factory.opened.prefix(4).allSatisfy { $0.isClosed })
        #expect(bench.factory.open.count == 4)
        try bench.end()
    }

    @Test func withoutRoomForTheNewTheOldGoesFirstAndOneAtATime() throws {
        var configuration = PoolConfiguration(maximum: 4)
        configuration.minimumIdle = 4
        configuration.maximumLifetime = .seconds(100)
        configuration.lifetimeJitter = 0
        configuration.idleTimeout = nil
        let bench = Bench(configuration) { $0.connectDelay = .milliseconds(10) }
        bench.pass(.seconds(1))
        var least = 4
        for _ in 0..<1200 {
            bench.pass(.milliseconds(100))
            least = min(least, bench.factory.open.count)
        }
        #expect(least >= 3)
        #expect(bench.factory.opened.prefix(4).allSatisfy { $0.isClosed })
        try bench.end()
    }

    @Test func whatWasIdleForLongIsCheckedBeforeUse() throws {
        var configuration = PoolConfiguration(maximum: 4)
        configuration.validateAfterIdle = .seconds(5)
        let bench = Bench(configuration)
        bench.ask().release()
        bench.pass(.seconds(4))
        bench.ask().release()
        #expect(bench.factory.validateCount == 0)
        bench.pass(.seconds(6))
        #expect(bench.isNothingFree())
        let outcome = bench.ask()
        #expect(outcome.number == 0)
        #expect(bench.factory.validateCount == 1)
        outcome.release()
        try bench.end()
    }

    @Test func oneFailedCheckMakesAllOlderOnesSuspect() throws {
        var configuration = PoolConfiguration(maximum: 8)
        configuration.validateAfterIdle = .seconds(5)
        let bench = Bench(configuration)
        let outcomes = (0..<4).map { _ in bench.ask() }
        outcomes[0].release()
        bench.pass(.seconds(6))
        // Only the first has been idle for long; the others come back now.
        outcomes.dropFirst().forEach { $0.release() }
        let busy = (0..<3).map { _ in bench.ask() }
        #expect(bench.factory.validateCount == 0)
        bench.factory.validates = .fail
        let unlucky = bench.ask()
        #expect(bench.factory.validateCount == 1)
        #expect(bench.factory.opened[0].isClosed)
        #expect(unlucky.number == 4)
        // Those in use come back, and are checked before their next use though they were used a moment ago.
        busy.forEach { $0.release() }
        bench.factory.validates = .atOnce
        let next = bench.ask()
        #expect(bench.factory.validateCount == 2)
        #expect(next.number != nil)
        next.release()
        unlucky.release()
        try bench.end()
    }

    @Test func aCheckThatHangsCountsAsFailed() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.validateAfterIdle = .seconds(1)
        configuration.validationTimeout = .seconds(2)
        let bench = Bench(configuration) { $0.validates = .hold }
        bench.ask().release()
        bench.pass(.seconds(2))
        let outcome = bench.ask()
        #expect(outcome.calls == 0)
        bench.pass(.milliseconds(2002))
        #expect(bench.factory.opened[0].isClosed)
        #expect(outcome.number == 1)
        bench.factory.validating[0].handle.validated(true)
        outcome.release()
        try bench.end()
    }

    @Test func keepAliveChecksWhatIsNotUsed() throws {
        var configuration = PoolConfiguration(maximum: 4)
        configuration.keepAlive = .seconds(30)
        configuration.idleTimeout = nil
        configuration.maximumLifetime = nil
        let bench = Bench(configuration)
        bench.ask().release()
        bench.pass(.seconds(31))
        #expect(bench.factory.validateCount == 1)
        bench.pass(.seconds(31))
        #expect(bench.factory.validateCount == 2)
        bench.factory.validates = .fail
        bench.pass(.seconds(31))
        #expect(bench.factory.open.isEmpty)
        try bench.end()
    }

    @Test func suspendKeepsWaitersAndResumeServesThem() throws {
        let bench = Bench(PoolConfiguration(maximum: 2))
        bench.ask().release()
        bench.local.suspend()
        #expect(bench.isNothingFree())
        let patient = bench.ask(for: .seconds(60))
        let hasty = bench.ask(for: .seconds(1))
        bench.pass(.seconds(2))
        #expect(hasty.error?.code == .deadlineExceeded)
        #expect(patient.calls == 0)
        bench.local.resume()
        #expect(patient.number == 0)
        patient.release()
        try bench.end()
    }

    /// Ten years are the longest time that a configuration may name; a request's own deadline may be any.
    @Test func theLongestTimesAreAddedToTheClockAndComeToTheirEnds() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.acquireTimeout = self.decade
        configuration.connectTimeout = self.decade
        configuration.idleTimeout = self.decade
        configuration.maximumLifetime = self.decade
        configuration.lifetimeJitter = 0
        configuration.keepAlive = self.decade
        configuration.validateAfterIdle = self.decade
        configuration.validationTimeout = self.decade
        configuration.closeTimeout = self.decade
        configuration.overload = OverloadPolicy(target: self.decade, interval: self.decade)
        configuration.leakDetection = LeakDetection(level: .site, threshold: self.decade)
        let bench = Bench(configuration)
        // A clock that has run for long.
        bench.pass(self.decade)
        let holder = bench.ask()
        let patient = bench.ask()
        let eternal = Outcome()
        bench.local.lease(deadline: .distantFuture, tag: 0, to: eternal)
        bench.pass(self.decade - .seconds(1))
        #expect(patient.calls == 0)
        #expect(bench.reports.all.isEmpty)
        bench.pass(.seconds(2))
        #expect(patient.error?.code == .deadlineExceeded)
        #expect(bench.reports.all.count == 1)
        #expect(eternal.calls == 0)
        // It is older than its lifetime, and somebody waits.
        holder.release()
        #expect(bench.factory.opened[0].isClosed)
        #expect(eternal.number == 1)
        eternal.release()
        bench.pass(self.decade - .seconds(1))
        #expect(!bench.factory.opened[1].isClosed)
        bench.pass(.seconds(2))
        #expect(bench.factory.opened[1].isClosed)
        try bench.end()
    }

    @Test func thePausesAfterFailedConnectsMayBeAsLong() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.backoff = Backoff(initial: self.decade, maximum: self.decade, jitter: .none)
        configuration.circuitThreshold = 2
        let bench = Bench(configuration) { $0.connects = .fail }
        let eternal = Outcome()
        bench.local.lease(deadline: .distantFuture, tag: 0, to: eternal)
        #expect(bench.factory.connectCount == 1)
        bench.pass(self.decade - .seconds(1))
        #expect(bench.factory.connectCount == 1)
        #expect(eternal.calls == 0)
        bench.factory.connects = .atOnce
        bench.pass(.seconds(2))
        #expect(eternal.number == 0)
        eternal.release()
        try bench.end()
    }

    @Test func evictionDisturbsNobody() throws {
        let bench = Bench(PoolConfiguration(maximum: 4))
        let busy = bench.ask()
        bench.ask().release()
        bench.local.evictAll()
        #expect(bench.factory.opened[1].isClosed)
        #expect(!bench.factory.opened[0].isClosed)
        let waiting = bench.ask()
        #expect(waiting.number == 2)
        busy.release()
        #expect(bench.factory.opened[0].isClosed)
        waiting.release()
        try bench.end()
    }

    @Test func aResourceThatDiesInUseIsReplacedAndItsLeaseComesBackToNothing() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let holder = bench.ask()
        let waiter = bench.ask()
        bench.factory.opened[0].isClosed = true
        bench.factory.opened[0].handle.closed()
        #expect(waiter.number == 1)
        #expect(holder.lease?.resource.number == 0)
        holder.release()
        waiter.release()
        #expect(bench.local.statistics().idle == 1)
        try bench.end()
    }

    @Test func aCloseThatHangsIsWrittenOff() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.closeTimeout = .seconds(3)
        let bench = Bench(configuration) { $0.closes = .hold }
        bench.ask().discard()
        let waiter = bench.ask()
        bench.pass(.seconds(2))
        #expect(waiter.calls == 0)
        bench.pass(.seconds(2))
        #expect(waiter.number == 1)
        bench.factory.closing[0].handle.closed()
        #expect(bench.local.statistics().active == 1)
        waiter.release()
        try bench.end()
    }
}
