import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import WeirCore

@testable import WeirPool

/// A resource on a real loop.
final class Thing {
    let loop: any EventLoop
    private let handle: ResourceHandle<Thing>
    init(_ handle: ResourceHandle<Thing>) {
        self.loop = handle.loop
        self.handle = handle
    }
}

/// Connects take a pass of the loop.
final class ThingFactory: ResourceFactory {
    let opened: OpenCount
    init(_ opened: OpenCount) { self.opened = opened }

    func connect(_ handle: ResourceHandle<Thing>) {
        handle.loop.assumeIsolated().execute {
            self.opened.add(1)
            handle.established(Thing(handle))
        }
    }

    func close(_ resource: Thing, _ handle: ResourceHandle<Thing>) {
        handle.loop.assumeIsolated().execute {
            self.opened.add(-1)
            handle.closed()
        }
    }
}

/// How many are open, over all loops, and the most there were.
final class OpenCount: Sendable {
    private let state = LockedBox((now: 0, most: 0))
    func add(_ amount: Int) {
        self.state.with {
            $0.now += amount
            $0.most = max($0.most, $0.now)
        }
    }
    var now: Int { self.state.with { $0.now } }
    var most: Int { self.state.with { $0.most } }
}

@Suite struct SurfaceTests {
    private func with(
        loops: Int, _ configuration: PoolConfiguration,
        _ body: (MultiThreadedEventLoopGroup, Pool<Thing>, OpenCount) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let opened = OpenCount()
        let pool = Pool<Thing>(name: "things", group: group, configuration: configuration) { _ in ThingFactory(opened) }
        do {
            try await body(group, pool, opened)
        } catch {
            Issue.record(error)
        }
        try await pool.shutdown(deadline: .now() + .seconds(5)).get()
        #expect(opened.now == 0)
        #expect(opened.most <= configuration.maximum)
        try await group.shutdownGracefully()
    }

    @Test func aFutureScopesALease() async throws {
        try await self.with(loops: 1, PoolConfiguration(maximum: 2)) { group, pool, _ in
            let loop = group.next()
            let answers = try await loop.flatSubmit {
                let local = pool.local(loop)
                return EventLoopFuture.whenAllSucceed(
                    (0..<20).map { number in
                        local.withLease { thing in thing.loop.scheduleTask(in: .microseconds(100)) { number }.futureResult }
                    }, on: loop)
            }.get()
            #expect(answers == Array(0..<20))
            let statistics = try await pool.statistics().get()
            #expect(statistics.active == 0)
            #expect(statistics.leases == 20)
        }
    }

    @Test func aFailedBodyGivesItsLeaseBack() async throws {
        try await self.with(loops: 1, PoolConfiguration(maximum: 1)) { group, pool, _ in
            let loop = group.next()
            let failed: EventLoopFuture<Int> = loop.flatSubmit {
                pool.local(loop).withLease { thing in thing.loop.makeFailedFuture(FakeError()) }
            }
            await #expect(throws: FakeError.self) { try await failed.get() }
            await #expect(throws: FakeError.self) {
                try await pool.withLease(on: loop) { (_: Thing) async throws -> Void in throw FakeError() }
            }
            let seven = try await pool.withLease(on: loop) { _ in 7 }
            #expect(seven == 7)
        }
    }

    @Test func asyncCodeStaysOnTheLoop() async throws {
        try await self.with(loops: 2, PoolConfiguration(maximum: 4)) { group, pool, _ in
            for loop in group.makeIterator() {
                let stayed = try await Task(executorPreference: LoopExecutor.of(loop)) {
                    var stayed = loop.inEventLoop
                    for _ in 0..<100 {
                        try await pool.local(loop).withLease { thing in
                            stayed = stayed && loop.inEventLoop && thing.loop === loop
                            await Task.yield()
                            stayed = stayed && loop.inEventLoop
                        }
                        stayed = stayed && loop.inEventLoop
                    }
                    return stayed
                }.value
                #expect(stayed)
            }
        }
    }

    @Test func aCancelledTaskLosesNoSlot() async throws {
        try await self.with(loops: 1, PoolConfiguration(maximum: 1)) { group, pool, _ in
            let loop = group.next()
            for round in 0..<200 {
                let holder = Task(executorPreference: LoopExecutor.of(loop)) {
                    try await pool.local(loop).withLease { _ in for _ in 0..<(round % 7) { await Task.yield() } }
                }
                let waiters = (0..<5).map { _ in
                    Task(executorPreference: LoopExecutor.of(loop)) { try await pool.local(loop).withLease { _ in await Task.yield() } }
                }
                waiters[0].cancel()
                await Task.yield()
                waiters[3].cancel()
                waiters[4].cancel()
                try await holder.value
                for waiter in waiters {
                    do {
                        try await waiter.value
                    } catch let error as PoolError {
                        #expect(error.code == .cancelled)
                    }
                }
            }
            let statistics = try await pool.statistics().get()
            #expect(statistics.active == 0)
            #expect(statistics.waiting == 0)
            #expect(statistics.idle == 1)
        }
    }

    @Test func aStarvingLoopGetsThePermitOfAnIdleOne() async throws {
        try await self.with(loops: 2, PoolConfiguration(maximum: 4)) { group, pool, opened in
            let loops = Array(group.makeIterator())
            /// Has so many leases of a loop at once, then gives them back.
            @Sendable func crowd(_ loop: any EventLoop, _ count: Int) async throws {
                try await loop.flatSubmit {
                    let local = pool.local(loop)
                    let all = loop.makePromise(of: Void.self)
                    let arrived = LockedBox(0)
                    let done = (0..<count).map { _ in
                        local.withLease { thing -> EventLoopFuture<Void> in
                            if arrived.with({
                                $0 += 1; return $0 == count
                            }) {
                                all.succeed()
                            }
                            return all.futureResult
                        }
                    }
                    return EventLoopFuture.andAllSucceed(done, on: loop)
                }.get()
            }
            // One loop takes all but the other's floor, and lets it lie idle.
            try await crowd(loops[0], 3)
            #expect(opened.now == 3)
            // The other needs three at once: two permits move.
            try await crowd(loops[1], 3)
            let idle = try await pool.statistics().get().idle
            #expect(idle <= 4)
            #expect(opened.most <= 4)
            let connects = try await loops[1].submit { pool.local(loops[1]).statistics().connects }.get()
            #expect(connects == 3)
        }
    }

    @Test func manyLoopsUnderLoadKeepTheLimit() async throws {
        var configuration = PoolConfiguration(maximum: 6)
        configuration.maximumWaiters = 10_000
        configuration.overload = nil
        try await self.with(loops: 3, configuration) { group, pool, opened in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for (index, loop) in group.makeIterator().enumerated() {
                    for number in 0..<200 {
                        tasks.addTask {
                            for _ in 0..<20 {
                                try await pool.withLease(on: loop, owner: Owner("task", UInt64(number))) { _ in
                                    if (number + index) % 3 == 0 { await Task.yield() }
                                }
                            }
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(opened.most <= 6)
            let statistics = try await pool.statistics().get()
            #expect(statistics.leases == 12_000)
            #expect(statistics.active == 0)
        }
    }

    @Test func shutdownUnderLoadEndsEveryRequestAndASecondOneJoins() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let opened = OpenCount()
        var configuration = PoolConfiguration(maximum: 4)
        configuration.overload = nil
        let pool = Pool<Thing>(name: "things", group: group, configuration: configuration) { _ in ThingFactory(opened) }
        let loops = Array(group.makeIterator())
        let outcomes = await withTaskGroup(of: Bool.self, returning: (Int, Int).self) { tasks in
            for number in 0..<200 {
                tasks.addTask {
                    do {
                        try await pool.withLease(on: loops[number % 2]) { _ in try await Task.sleep(for: .milliseconds(5)) }
                        return true
                    } catch {
                        #expect((error as? PoolError)?.code == .shutdown)
                        return false
                    }
                }
            }
            tasks.addTask {
                try? await Task.sleep(for: .milliseconds(40))
                async let first: Void = pool.shutdown(deadline: .now() + .milliseconds(50)).get()
                async let second: Void = pool.shutdown(deadline: .now() + .seconds(50)).get()
                _ = try? await (first, second)
                return true
            }
            var (served, refused) = (0, 0)
            for await outcome in tasks { if outcome { served += 1 } else { refused += 1 } }
            return (served, refused)
        }
        #expect(outcomes.0 + outcomes.1 == 201)
        #expect(opened.now == 0)
        try await pool.shutdown(deadline: .now()).get()
        try await group.shutdownGracefully()
    }
}

/// A value behind a lock, for tests.
final class LockedBox<Value>: Sendable {
    private let lock = NIOLock()
    nonisolated(unsafe) private var value: Value // Only touched with the lock held.
    init(_ value: Value) { self.value = value }
    func with<Result>(_ body: (inout Value) -> Result) -> Result { self.lock.withLock { body(&self.value) } }
}
