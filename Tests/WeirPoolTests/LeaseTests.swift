import NIOCore
import Testing

@testable import WeirPool

@Suite struct LeaseTests {
    @Test func connectsOnDemandAndReusesTheLastUsed() throws {
        let bench = Bench(PoolConfiguration(maximum: 4))
        #expect(bench.isNothingFree())
        let first = bench.ask()
        #expect(first.number == 0)
        let second = bench.ask()
        #expect(second.number == 1)
        first.release()
        second.release()
        let third = bench.ask()
        #expect(third.number == 1)
        third.release()
        #expect(bench.factory.connectCount == 2)
        #expect(bench.local.statistics().leases == 3)
        try bench.end()
        #expect(bench.factory.open.isEmpty)
    }

    @Test func waitersAreServedInOrder() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let holder = bench.ask()
        let waiters = (1...3).map { bench.ask(tag: UInt64($0)) }
        #expect(waiters.allSatisfy { $0.calls == 0 })
        holder.release()
        for waiter in waiters {
            #expect(waiter.calls == 1)
            waiter.release()
        }
        #expect(bench.factory.connectCount == 1)
        try bench.end()
    }

    @Test func aDeadlineIsKept() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let holder = bench.ask()
        let waiter = bench.ask(for: .milliseconds(50))
        bench.pass(.milliseconds(49))
        #expect(waiter.calls == 0)
        bench.pass(.milliseconds(3))
        #expect(waiter.error?.code == .deadlineExceeded)
        holder.release()
        #expect(waiter.calls == 1)
        #expect(bench.local.statistics().idle == 1)
        let tryOnly = bench.ask(for: .zero)
        #expect(tryOnly.number == 0)
        #expect(bench.ask(for: .zero).error?.code == .deadlineExceeded)
        tryOnly.release()
        try bench.end()
    }

    @Test func aCancelledRequestGetsNothing() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let holder = bench.ask()
        let cancelled = Outcome()
        let request = try #require(bench.local.lease(to: cancelled))
        let next = bench.ask()
        #expect(bench.local.cancel(request))
        #expect(!bench.local.cancel(request))
        holder.release()
        #expect(cancelled.calls == 0)
        #expect(next.number == 0)
        next.release()
        try bench.end()
    }

    @Test func theQueueIsBounded() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.maximumWaiters = 2
        let bench = Bench(configuration)
        let holder = bench.ask()
        let waiters = [bench.ask(), bench.ask()]
        #expect(bench.ask().error?.code == .queueFull)
        holder.release()
        waiters[0].release()
        waiters[1].release()
        try bench.end()
    }

    @Test func aDroppedLeaseComesBackAndIsReported() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let careless = bench.ask(owner: Owner("careless", 7))
        careless.drop()
        guard case .dropped(let pool, let info) = bench.reports.all.first else { throw FakeError() }
        #expect(pool == "test")
        #expect(info.owner == Owner("careless", 7))
        #expect(info.site.file.description.hasSuffix("ScriptedFactory.swift"))
        #expect(bench.local.statistics().dropped == 1)
        #expect(bench.local.statistics().idle == 1)
        try bench.end()
    }

    @Test func aDiscardedResourceIsClosed() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let outcome = bench.ask()
        let waiter = bench.ask()
        outcome.discard()
        #expect(bench.factory.opened[0].isClosed)
        #expect(waiter.number == 1)
        waiter.release()
        try bench.end()
    }
}
