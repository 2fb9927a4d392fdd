import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import WeirCore

@testable import WeirPool

/// Users, backends and factories at their worst.
@Suite struct HostileTests {
    /// The one who waits for a second lease gives the first back when the pool ends and fails it, before the pool has closed that.
    @Test(arguments: [true, false]) func aLeaseMayComeBackWhileItIsTakenAway(byDrain: Bool) throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.minimumIdle = 0
        let bench = Bench(configuration)
        let mine = Owner("nested", 1)
        let first = bench.ask(owner: mine)
        #expect(first.number == 0)
        var failures = 0
        bench.local.lease(owner: mine, deadline: bench.loop.now + .minutes(1)) { result in
            if case .failure = consume result { failures += 1 }
            first.release()
        }
        if byDrain {
            _ = bench.pool.shutdown(deadline: bench.loop.now + .seconds(1))
            bench.pass(.seconds(2))
        } else {
            #expect(bench.local.releaseAll(of: mine) == 1)
        }
        #expect(failures == 1)
        #expect(bench.factory.opened[0].isClosed)
        #expect(bench.local.statistics().active == 0)
        try bench.end()
    }

    /// Eight refused connects at once are one failure: the backend is back a moment later.
    @Test func aRoundOfConnectsFailsOnce() throws {
        var configuration = PoolConfiguration(maximum: 16)
        configuration.maximumConcurrentConnects = 8
        configuration.circuitThreshold = 3
        let bench = Bench(configuration) { $0.connects = .hold }
        let waiters = (0..<8).map { _ in bench.ask() }
        #expect(bench.factory.connecting.count == 8)
        for handle in bench.factory.connecting { handle.connectFailed(FakeError()) }
        bench.factory.connecting = []
        bench.factory.connects = .atOnce
        #expect(waiters.allSatisfy { $0.calls == 0 })
        // The backoff's first delay, and the tick by which a deadline may be late.
        bench.pass(.milliseconds(110))
        #expect(waiters.allSatisfy { $0.number != nil })
        for waiter in waiters { waiter.release() }
        try bench.end()
    }

    /// The circuit opened while somebody still had a resource. When that is lost, those who wait have nothing to wait for.
    @Test func theLossOfTheLastOneFailsThoseWhoWait() throws {
        var configuration = PoolConfiguration(maximum: 2)
        configuration.circuitThreshold = 2
        configuration.acquireTimeout = .minutes(1)
        let bench = Bench(configuration)
        let holder = bench.ask()
        bench.factory.connects = .fail
        let waiter = bench.ask()
        for _ in 0..<500 where bench.factory.connectCount < 3 { bench.pass(.milliseconds(1)) }
        #expect(bench.factory.connectCount == 3)
        #expect(waiter.calls == 0)
        holder.discard()
        #expect(waiter.error?.code == .circuitOpen)
        try bench.end()
    }

    /// A failover left ten idle resources in a black hole; new connects take no time. Nobody waits for ten checks to time out.
    @Test func checksThatHangAreNotWaitedFor() throws {
        var configuration = PoolConfiguration(maximum: 20)
        configuration.minimumIdle = 10
        configuration.validateAfterIdle = .seconds(1)
        configuration.validationTimeout = .seconds(5)
        configuration.acquireTimeout = .seconds(30)
        let bench = Bench(configuration)
        bench.pass(.seconds(10))
        bench.factory.validates = .hold
        let waiter = bench.ask()
        #expect(waiter.calls == 0)
        bench.pass(.milliseconds(600))
        #expect(waiter.number == 10)
        waiter.release()
        bench.pass(.minutes(2))
        try bench.end()
    }

    /// Zero is how one writes "check it each time": the check itself must not have gone stale on the way.
    @Test(arguments: [TimeAmount.zero, .nanoseconds(1)]) func whatIsAlwaysCheckedIsServed(age: TimeAmount) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var configuration = PoolConfiguration(maximum: 2)
        configuration.validateAfterIdle = age
        let opened = OpenCount()
        let pool = Pool<Thing>(name: "checked", group: group, configuration: configuration) { _ in CheckedThingFactory(opened) }
        for _ in 0..<50 {
            try loop.flatSubmit {
                pool.local(loop).withLease(deadline: .now() + .seconds(20)) { $0.loop.makeSucceededVoidFuture() }
            }.wait()
        }
        let statistics = try pool.statistics().wait()
        #expect(statistics.leases == 50)
        #expect(statistics.validations >= 49)
        try pool.shutdown(deadline: .now() + .seconds(1)).wait()
        try group.syncShutdownGracefully()
    }

    /// Whatever held a lease may go on another thread: the lease still comes back, on its loop.
    @Test func aLeaseDroppedElsewhereComesBack() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let opened = OpenCount()
        let reports = LockedBox(0)
        let pool = Pool<Thing>(
            name: "dropped", group: group, configuration: PoolConfiguration(maximum: 1),
            report: { report in if case .dropped = report { reports.with { $0 += 1 } } }
        ) { _ in ThingFactory(opened) }
        for _ in 0..<20 {
            let holder = try loop.flatSubmit {
                let promise = loop.makePromise(of: Holder.self)
                pool.local(loop).lease(deadline: .now() + .seconds(20)) { result in
                    switch consume result {
                    case .success(let lease): promise.succeed(Holder(lease))
                    case .failure(let error): promise.fail(error)
                    }
                }
                return promise.futureResult
            }.wait()
            holder.letGo()
        }
        let statistics = try pool.statistics().wait()
        #expect(statistics.leases == 20)
        #expect(statistics.active == 0)
        #expect(statistics.dropped == 20)
        #expect(reports.with { $0 } == 20)
        try pool.shutdown(deadline: .now() + .seconds(1)).wait()
        try group.syncShutdownGracefully()
    }

    /// A body that throws leaves its resource in doubt, unless the caller knows better.
    @Test func aBodyThatFailsKeepsItsResourceOnlyIfToldSo() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        func run(keeping: Bool) {
            bench.local.withLease(keepsResource: { _ in keeping }) { _ -> EventLoopFuture<Void> in
                bench.loop.makeFailedFuture(FakeError())
            }.whenSuccess { Issue.record("it succeeded") }
            bench.loop.run()
        }
        run(keeping: true)
        #expect(bench.factory.open.count == 1)
        run(keeping: false)
        #expect(bench.factory.open.isEmpty)
        try bench.end()
    }
}

/// As ``ThingFactory``, and a check takes a pass of the loop as well.
private final class CheckedThingFactory: ResourceFactory {
    private let base: ThingFactory
    init(_ opened: OpenCount) { self.base = ThingFactory(opened) }
    func connect(_ handle: ResourceHandle<Thing>) { self.base.connect(handle) }
    func close(_ resource: Thing, _ handle: ResourceHandle<Thing>) { self.base.close(resource, handle) }
    func validate(_ resource: Thing, _ handle: ResourceHandle<Thing>) {
        handle.loop.assumeIsolated().execute { handle.validated(true) }
    }
}

/// Carries a lease to where it does not belong, and drops it there.
private final class Holder: @unchecked Sendable { // Handed from one thread to the next, never shared.
    private var lease: Lease<Thing>?
    init(_ lease: consuming Lease<Thing>) { self.lease = consume lease }
    func letGo() { self.lease = nil }
}
