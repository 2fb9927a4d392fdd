import NIOCore
import NIOEmbedded
import Testing

@testable import WeirPool

@Suite struct ConnectTests {
    /// HikariCP's "spike demand" test: 50 requests at once, connecting takes 150 ms, a use 2 ms, 5 idle to begin with.
    @Test func aSpikeOpensFewResources() throws {
        var configuration = PoolConfiguration(maximum: 50)
        configuration.minimumIdle = 5
        configuration.overload = nil
        let bench = Bench(configuration) { $0.connectDelay = .milliseconds(150) }
        bench.pass(.milliseconds(200))
        #expect(bench.local.statistics().idle == 5)
        var served = 0
        let start = bench.loop.now
        for _ in 0..<50 {
            bench.local.lease { result in
                guard case .success(let lease) = consume result else { return }
                let box = Outcome()
                box.lease = consume lease
                bench.loop.assumeIsolated().scheduleTask(in: .milliseconds(2)) {
                    box.release()
                    served += 1
                }
            }
        }
        while served < 50 { bench.pass(.milliseconds(1)) }
        #expect(bench.loop.now - start < .milliseconds(30))
        bench.pass(.milliseconds(500))
        #expect(bench.factory.connectCount <= 6)
        try bench.end()
    }

    @Test func aColdPoolConnectsAsManyAsItMay() throws {
        var configuration = PoolConfiguration(maximum: 50)
        configuration.maximumConcurrentConnects = 4
        let bench = Bench(configuration) { $0.connects = .hold }
        let outcomes = (0..<10).map { _ in bench.ask() }
        #expect(bench.factory.connecting.count == 4)
        bench.factory.establish(bench.factory.connecting.removeFirst())
        #expect(outcomes[0].number == 0)
        // Something serves now: no more than the slow start allows beside the three under way.
        #expect(bench.factory.connectCount == 4)
        bench.factory.connects = .atOnce
        for handle in bench.factory.connecting { bench.factory.establish(handle) }
        bench.factory.connecting = []
        #expect(outcomes.allSatisfy { $0.number != nil })
        outcomes.forEach { $0.release() }
        try bench.end()
    }

    @Test func noMoreConnectsThanWaitersNeed() throws {
        let bench = Bench(PoolConfiguration(maximum: 50)) { $0.connects = .hold }
        let outcomes = (0..<3).map { _ in bench.ask() }
        #expect(bench.factory.connectCount == 3)
        bench.factory.connecting.forEach(bench.factory.establish)
        outcomes.forEach { $0.release() }
        #expect(bench.factory.connectCount == 3)
        try bench.end()
    }

    @Test func aHungConnectIsAbandonedAndItsLateResultClosed() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.connectTimeout = .seconds(1)
        configuration.closeTimeout = .seconds(5)
        let bench = Bench(configuration) { $0.connects = .hold }
        let outcome = bench.ask(for: .seconds(3))
        let handle = bench.factory.connecting[0]
        var wasTold = false
        handle.onAbandon = { wasTold = true }
        bench.pass(.milliseconds(1002))
        #expect(wasTold)
        #expect(handle.isAbandoned)
        #expect(bench.local.statistics().connectFailures == 1)
        // Its permit is held until the factory answers, so that the limit holds: no second connect meanwhile.
        bench.pass(.milliseconds(500))
        #expect(bench.factory.connectCount == 1)
        bench.factory.connects = .atOnce
        bench.factory.establish(handle)
        #expect(bench.factory.opened[0].isClosed)
        bench.pass(.seconds(1))
        #expect(outcome.number == 1)
        outcome.release()
        try bench.end()
    }

    @Test func aConnectThatNeverAnswersIsWrittenOff() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.connectTimeout = .seconds(1)
        configuration.closeTimeout = .seconds(2)
        let bench = Bench(configuration) { $0.connects = .hold }
        let outcome = bench.ask(for: .seconds(20))
        bench.pass(.seconds(4))
        #expect(bench.factory.connectCount == 2)
        // The first one turns up after all: it is closed and counted nowhere.
        bench.factory.establish(bench.factory.connecting[0])
        #expect(bench.factory.opened[0].isClosed)
        bench.factory.establish(bench.factory.connecting[1])
        #expect(outcome.number == 1)
        #expect(bench.local.statistics().active == 1)
        outcome.release()
        try bench.end()
    }

    @Test func aCircuitFailsWaitersFastAndProbesOnceAtATime() throws {
        var configuration = PoolConfiguration(maximum: 10)
        configuration.maximumConcurrentConnects = 1
        configuration.circuitThreshold = 3
        configuration.acquireTimeout = .seconds(60)
        let bench = Bench(configuration) { $0.connects = .fail }
        let waiters = (0..<5).map { _ in bench.ask() }
        #expect(bench.factory.connectCount == 1)
        #expect(waiters.allSatisfy { $0.calls == 0 })
        for _ in 0..<2000 where bench.factory.connectCount < 3 { bench.pass(.milliseconds(1)) }
        // Three failures in a row: everyone fails, with the reason, and new ones at once.
        #expect(bench.factory.connectCount == 3)
        #expect(waiters.allSatisfy { $0.error?.code == .circuitOpen && $0.error?.cause is FakeError })
        #expect(bench.ask().error?.code == .circuitOpen)
        #expect(bench.factory.connectCount == 3)
        // Half open: the next to come is waited for by one probe, however many come.
        bench.pass(.seconds(10))
        bench.factory.connects = .hold
        let probing = (0..<4).map { _ in bench.ask() }
        #expect(bench.factory.connecting.count == 1)
        bench.factory.connecting.removeFirst().connectFailed(FakeError())
        #expect(probing.allSatisfy { $0.error?.code == .circuitOpen })
        bench.pass(.seconds(20))
        let saved = bench.ask()
        bench.factory.connects = .atOnce
        bench.factory.establish(bench.factory.connecting.removeFirst())
        #expect(saved.number == 0)
        #expect(bench.ask().number == 1)
        try bench.end()
    }

    @Test func aProbeThatHangsDoesNotWedgeTheCircuit() throws {
        var configuration = PoolConfiguration(maximum: 2)
        configuration.circuitThreshold = 1
        configuration.connectTimeout = .seconds(1)
        let bench = Bench(configuration) { $0.connects = .hold }
        let first = bench.ask()
        bench.pass(.seconds(2))
        #expect(first.error?.code == .circuitOpen)
        bench.pass(.seconds(1))
        let second = bench.ask()
        bench.pass(.seconds(2))
        #expect(second.error?.code == .circuitOpen)
        bench.pass(.seconds(10))
        bench.factory.connects = .atOnce
        #expect(bench.ask().number != nil)
        try bench.end()
    }

    @Test func aBackendThatIsDownFailsNobodyWhoCanBeServed() throws {
        var configuration = PoolConfiguration(maximum: 2)
        configuration.circuitThreshold = 1
        let bench = Bench(configuration)
        let holder = bench.ask()
        bench.factory.connects = .fail
        let waiter = bench.ask()
        bench.pass(.seconds(1))
        #expect(waiter.calls == 0)
        holder.release()
        #expect(waiter.number == 0)
        waiter.release()
        try bench.end()
    }

    @Test func minimumIdleIsHeldReady() throws {
        var configuration = PoolConfiguration(maximum: 10)
        configuration.minimumIdle = 3
        let bench = Bench(configuration)
        #expect(bench.local.statistics().idle == 3)
        bench.ask().release()
        bench.factory.opened[2].handle.closed()
        #expect(bench.local.statistics().idle == 3)
        #expect(bench.factory.connectCount == 4)
        try bench.end()
    }

    /// A proxy without its backend accepts, and closes at once: no storm of connects comes of it, and who asks is served.
    @Test func whatDiesUnusedIsReplacedEverLater() throws {
        var configuration = PoolConfiguration(maximum: 10)
        configuration.minimumIdle = 1
        let bench = Bench(configuration)
        for _ in 0..<600 {
            if let last = bench.factory.opened.last, bench.local.statistics().idle > 0 { last.handle.closed() }
            bench.pass(.milliseconds(100))
        }
        // A minute, with a backoff that doubles from 100 ms to 10 s, each at least half of it.
        #expect(bench.factory.connectCount > 5)
        #expect(bench.factory.connectCount < 24)
        let count = bench.factory.connectCount
        let served = bench.ask()
        #expect(served.number.map { $0 >= count - 1 } == true)
        served.release()
        try bench.end()
    }

    @Test func overflowClosesWhenItComesBack() throws {
        var configuration = PoolConfiguration(maximum: 10, size: 2)
        configuration.overflow = 2
        let bench = Bench(configuration)
        let outcomes = (0..<5).map { _ in bench.ask() }
        #expect(outcomes.filter { $0.number != nil }.count == 4)
        outcomes[0].release()
        #expect(outcomes[4].number == 0)
        outcomes[1].release()
        outcomes[2].release()
        #expect(bench.factory.open.count == 2)
        outcomes[3].release()
        outcomes[4].release()
        #expect(bench.factory.open.count == 2)
        #expect(bench.local.statistics().idle == 2)
        try bench.end()
    }
}
