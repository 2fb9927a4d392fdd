import NIOCore
import NIOEmbedded
import Testing

@testable import WeirPool

@Suite struct OwnerTests {
    @Test func ownersAreTheSameIfBothPartsAre() {
        #expect(Owner("a") == Owner("a", 0))
        #expect(Owner("a") != Owner("a:b"))
        #expect(Owner("a", 1) != Owner("a", 2))
        #expect(Set([Owner("a", 1), Owner("a", 1), Owner("b", 1)]).count == 2)
    }

    @Test func oneOwnersLeasesAreReleasedExactly() throws {
        let bench = Bench(PoolConfiguration(maximum: 6))
        let a = [bench.ask(owner: Owner("a", 1)), bench.ask(owner: Owner("a", 1))]
        let others = [bench.ask(owner: Owner("a:b", 1)), bench.ask(owner: Owner("a", 2)), bench.ask(owner: Owner("b", 1))]
        #expect(Set(bench.local.leases().map(\.owner)).count == 4)
        #expect(bench.local.releaseAll(of: Owner("a", 1)) == 2)
        #expect(bench.factory.opened.filter(\.isClosed).count == 2)
        #expect(bench.local.statistics().active == 3)
        // The places are free for others, before the leases that were taken away are back.
        let next = [bench.ask(), bench.ask(), bench.ask()]
        #expect(next.filter { $0.number != nil }.count == 3)
        #expect(a[0].lease?.resource.number == 0)
        a.forEach { $0.release() }
        #expect(bench.local.statistics().active == 6)
        #expect(others.allSatisfy { $0.lease?.resource.isClosed == false })
        (others + next).forEach { $0.release() }
        #expect(bench.local.leases().isEmpty)
        try bench.end()
    }

    @Test func anOwnersWaitingRequestsFailToo() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let holder = bench.ask(owner: Owner("a"))
        let same = bench.ask(owner: Owner("a"))
        let other = bench.ask(owner: Owner("b"))
        #expect(bench.local.releaseAll(of: Owner("a")) == 1)
        #expect(same.error?.code == .cancelled)
        #expect(other.number == 1)
        holder.discard()
        #expect(bench.factory.opened[1].isClosed == false)
        other.release()
        try bench.end()
    }

    @Test func aLeakIsReportedOnceAndAgainWhenItComesBack() throws {
        var configuration = PoolConfiguration(maximum: 4)
        configuration.leakDetection = LeakDetection(level: .site, threshold: .seconds(10))
        let bench = Bench(configuration)
        let leak = bench.ask(owner: Owner("leaky", 3))
        bench.pass(.seconds(5))
        let later = bench.ask(owner: Owner("later"))
        bench.pass(.seconds(6))
        guard case .leak(_, let info, let backtrace) = bench.reports.all.first else { throw FakeError() }
        #expect(info.owner == Owner("leaky", 3))
        #expect(info.site.file.description.hasSuffix("ScriptedFactory.swift"))
        #expect(info.heldFor >= .seconds(10))
        #expect(backtrace == nil)
        #expect(bench.reports.all.count == 1)
        later.release()
        bench.pass(.seconds(30))
        #expect(bench.reports.all.count == 1)
        leak.release()
        guard case .leakReturned(_, let returned) = bench.reports.all.last else { throw FakeError() }
        #expect(returned.owner == Owner("leaky", 3))
        #expect(bench.reports.all.count == 2)
        // The next lease of the same resource is watched anew.
        let again = bench.ask(owner: Owner("again"))
        bench.pass(.seconds(11))
        #expect(bench.reports.all.count == 3)
        again.release()
        try bench.end()
    }

    @Test func aLeakThatIsDroppedIsReportedAsBoth() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.leakDetection = LeakDetection(level: .every, threshold: .seconds(1))
        let bench = Bench(configuration)
        let leak = bench.ask()
        bench.pass(.seconds(2))
        guard case .leak(_, _, let backtrace) = bench.reports.all.first else { throw FakeError() }
        #expect(backtrace?.isEmpty == false)
        leak.drop()
        #expect(bench.reports.all.count == 3)
        try bench.end()
    }

    @Test func offMeansOff() throws {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.leakDetection.level = .off
        let bench = Bench(configuration)
        let leak = bench.ask()
        bench.pass(.hours(24))
        #expect(bench.reports.all.isEmpty)
        leak.release()
        try bench.end()
    }
}
