import NIOCore
import NIOPosix
import Testing
import WeirCore

@testable import WeirPool

/// Loops share a limit.
@Suite struct SharingTests {
    /// Keeps a loop's pool busy: leases, gives back in the next pass, asks again, for ever.
    private final class Chain: LeaseReceiver {
        typealias Resource = Thing
        let pool: LocalPool<Thing>
        var isStopped = false
        var uses = 0
        var error: PoolError?
        private var lease: Lease<Thing>?

        init(_ pool: LocalPool<Thing>) { self.pool = pool }

        func next() {
            if !self.isStopped { self.pool.lease(deadline: self.pool.loop.now + .minutes(5), to: self) }
        }

        func leaseGranted(_ lease: consuming Lease<Thing>, tag: UInt64) {
            self.uses += 1
            self.lease = consume lease
            self.pool.loop.assumeIsolated().execute {
                self.lease.take()?.release()
                self.next()
            }
        }

        func leaseFailed(_ error: PoolError, tag: UInt64) { self.error = error }
    }

    @Test func aBusyLoopGivesUpWhatExceedsItsShare() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = Array(group.makeIterator())
        var configuration = PoolConfiguration(maximum: 6)
        configuration.overload = nil
        let opened = OpenCount()
        let pool = Pool<Thing>(name: "shared", group: group, configuration: configuration) { _ in ThingFactory(opened) }
        // Ten users on one loop: it takes all but the other's floor, and never has anything idle.
        let chains = try loops[0].submit { NIOLoopBound((0..<10).map { _ in Chain(pool.local(loops[0])) }, eventLoop: loops[0]) }.wait()
        try loops[0].submit { chains.value.forEach { $0.next() } }.wait()
        while opened.now < 5 { try loops[0].submit {}.wait() }
        // The other one wants three at the same time: its share.
        let granted = LockedBox(0)
        let all = loops[1].makePromise(of: Void.self)
        let done = try loops[1].submit {
            (0..<3).map { _ in
                pool.local(loops[1]).withLease(deadline: .now() + .minutes(1)) { _ -> EventLoopFuture<Void> in
                    if granted.with({
                        $0 += 1; return $0 == 3
                    }) {
                        all.succeed()
                    }
                    return all.futureResult
                }
            }
        }.wait()
        try EventLoopFuture.andAllSucceed(done, on: loops[1]).wait()
        #expect(opened.most <= 6)
        try loops[0].submit {
            #expect(chains.value.allSatisfy { $0.error == nil })
            chains.value.forEach { $0.isStopped = true }
        }.wait()
        try pool.shutdown(deadline: .now() + .seconds(10)).wait()
        #expect(opened.now == 0)
        try group.syncShutdownGracefully()
    }
}
