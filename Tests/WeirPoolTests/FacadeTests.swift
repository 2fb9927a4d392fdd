import Dispatch
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing
import WeirCore

@testable import WeirPool

/// What ``Pool`` does for all loops at once, on two real ones. Every wait is bounded.
@Suite struct FacadeTests {
    /// Two loops and a pool on them.
    private struct Bench {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops: [any EventLoop]
        let pool: Pool<Thing>
        let opened = OpenCount()

        init(_ configuration: PoolConfiguration = PoolConfiguration(maximum: 6)) {
            self.loops = Array(self.group.makeIterator())
            let opened = self.opened
            self.pool = Pool(name: "facade", group: self.group, configuration: configuration) { _ in ThingFactory(opened) }
        }

        /// A lease on that loop that is held until ``Holder/release()``.
        func lease(on loop: any EventLoop, owner: Owner = .none) throws -> Holder {
            let pool = self.pool
            let holder = Holder(loop)
            loop.execute { holder.ask(pool.local(loop), owner: owner) }
            return holder
        }

        /// The tasks that both loops had when this was called are done.
        func settle() throws {
            for loop in self.loops { try wait(loop.submit {}) }
        }

        func end() throws {
            try wait(self.pool.shutdown(deadline: .now() + .seconds(10)))
            #expect(self.opened.now == 0)
            #expect(self.opened.most <= self.pool.configuration.maximum)
            try self.group.syncShutdownGracefully()
        }
    }

    /// Holds one lease on its loop. Sendable: touches what it holds on that loop only.
    private final class Holder: @unchecked Sendable {
        private let loop: any EventLoop
        private var lease: Lease<Thing>?
        private let granted: EventLoopPromise<Void>

        init(_ loop: any EventLoop) {
            self.loop = loop
            self.granted = loop.makePromise()
        }

        func ask(_ pool: LocalPool<Thing>, owner: Owner) {
            pool.lease(owner: owner) { result in
                switch consume result {
                case .success(let lease):
                    self.lease = consume lease
                    self.granted.succeed()
                case .failure(let error): self.granted.fail(error)
                }
            }
        }

        /// Completes when it has its lease, or fails.
        var answer: EventLoopFuture<Void> { self.granted.futureResult }

        func release() throws { try wait(self.loop.submit { self.lease.take()?.release() }) }
    }

    @Test func warmUpCompletesWhenEachLoopHasItsMinimum() throws {
        var configuration = PoolConfiguration(maximum: 6)
        configuration.minimumIdle = 2
        let bench = Bench(configuration)
        #expect(bench.opened.now == 0)
        try wait(bench.pool.warmUp())
        #expect(bench.opened.now == 4)
        for loop in bench.loops {
            let pool = bench.pool
            let idle = try wait(loop.submit { pool.local(loop).statistics().idle })
            #expect(idle == 2)
        }
        try wait(bench.pool.warmUp())
        #expect(bench.opened.most == 4)
        try bench.end()
    }

    @Test func suspendedRequestsWaitOnAllLoopsUntilItResumes() throws {
        let bench = Bench()
        // Also loops that had no pool.
        try wait(bench.pool.suspend())
        let holders = try bench.loops.map { try bench.lease(on: $0) }
        try bench.settle()
        let waiting = try wait(bench.pool.statistics())
        #expect(waiting.waiting == 2)
        #expect(waiting.leases == 0)
        #expect(bench.opened.now == 0)
        try wait(bench.pool.resume())
        for holder in holders { try wait(holder.answer) }
        #expect(try wait(bench.pool.statistics()).active == 2)
        for holder in holders { try holder.release() }
        try bench.end()
    }

    @Test func evictAllReplacesIdleOnesNowAndTheOthersWhenTheyComeBack() throws {
        let bench = Bench()
        let used = try bench.loops.map { try bench.lease(on: $0) }
        let idle = try bench.loops.map { try bench.lease(on: $0) }
        for holder in used + idle { try wait(holder.answer) }
        for holder in idle { try holder.release() }
        #expect(bench.opened.now == 4)
        try wait(bench.pool.evictAll())
        try bench.settle()
        #expect(bench.opened.now == 2)
        #expect(try wait(bench.pool.statistics()).active == 2)
        for holder in used { try holder.release() }
        try bench.settle()
        #expect(bench.opened.now == 0)
        let statistics = try wait(bench.pool.statistics())
        #expect(statistics.idle == 0)
        #expect(statistics.closed == 4)
        try bench.end()
    }

    @Test func leasesAreListedAndTakenAwayByOwner() throws {
        let bench = Bench()
        let (mine, other) = (Owner("mine", 1), Owner("mine", 2))
        let holders = try [mine, mine, other].enumerated().map { try bench.lease(on: bench.loops[$0 % 2], owner: $1) }
        for holder in holders { try wait(holder.answer) }
        // By loop: the first and the third are on one, the second is on the other.
        let leases = try wait(bench.pool.leases())
        #expect(Set(leases.prefix(2).map(\.owner)) == [mine, other])
        #expect(leases.dropFirst(2).map(\.owner) == [mine])
        #expect(leases.allSatisfy { $0.site.description.hasPrefix("WeirPoolTests/FacadeTests.swift:") && $0.heldFor >= .zero })
        #expect(try wait(bench.pool.releaseAll(of: Owner("min", 1))) == 0)
        #expect(try wait(bench.pool.releaseAll(of: mine)) == 2)
        try bench.settle()
        #expect(bench.opened.now == 1)
        #expect(try wait(bench.pool.statistics()).active == 1)
        for holder in holders { try holder.release() }
        #expect(try wait(bench.pool.leases()).isEmpty)
        #expect(try wait(bench.pool.statistics()).idle == 1)
        try bench.end()
    }

    // MARK: Shutting down

    @Test func aPoolThatWasNeverUsedShutsDownWithoutOpeningAnything() throws {
        var configuration = PoolConfiguration(maximum: 6)
        configuration.minimumIdle = 3
        let bench = Bench(configuration)
        try wait(bench.pool.shutdown(deadline: .now() + .seconds(10)))
        #expect(bench.opened.most == 0)
        for loop in bench.loops {
            let holder = try bench.lease(on: loop)
            let error = #expect(throws: PoolError.self) { try wait(holder.answer) }
            #expect(error?.code == .shutdown)
        }
        try bench.end()
    }

    @Test func aSecondShutdownJoinsTheFirst() throws {
        let bench = Bench()
        let holder = try bench.lease(on: bench.loops[0])
        try wait(holder.answer)
        let first = bench.pool.shutdown(deadline: .distantFuture)
        let second = bench.pool.shutdown(deadline: .now())
        try bench.settle()
        // The first one's deadline counts: nothing is taken from its holder.
        #expect(try wait(bench.pool.statistics()).active == 1)
        try holder.release()
        try wait(first)
        try wait(second)
        try wait(bench.pool.shutdown(deadline: .distantFuture))
        try bench.end()
    }

    @Test func aLeaseComesBackAfterTheShutdown() throws {
        let bench = Bench()
        let holder = try bench.lease(on: bench.loops[1])
        try wait(holder.answer)
        try wait(bench.pool.shutdown(deadline: .now()))
        #expect(bench.opened.now == 0)
        try holder.release()
        let statistics = try wait(bench.pool.statistics())
        #expect(statistics.active == 0)
        #expect(statistics.idle == 0)
        try bench.end()
    }

    @Test func afterTheGroupsEndEverythingFailsAndNothingHangs() throws {
        let bench = Bench()
        try wait(bench.pool.warmUp())
        try bench.group.syncShutdownGracefully()
        func fails<Answer: Sendable>(_ future: EventLoopFuture<Answer>) {
            let error = #expect(throws: PoolError.self) { _ = try wait(future) }
            #expect(error?.code == .shutdown)
        }
        fails(bench.pool.shutdown(deadline: .distantFuture))
        fails(bench.pool.shutdown(deadline: .now()))
        fails(bench.pool.statistics())
        fails(bench.pool.suspend())
        fails(bench.pool.warmUp())
        fails(bench.pool.leases())
    }

    @Test func onceItHasClosedAShutdownAfterTheGroupsEndHasNothingToDo() throws {
        let bench = Bench()
        try bench.end()
        try wait(bench.pool.shutdown(deadline: .distantFuture))
    }

    /// The drain waits for a resource that never says that it is closed, and the loops end meanwhile.
    @Test func aShutdownThatTheGroupsEndOvertakesFails() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var configuration = PoolConfiguration(maximum: 4)
        configuration.minimumIdle = 1
        configuration.closeTimeout = .hours(1)
        let pool = Pool<Thing>(name: "overtaken", group: group, configuration: configuration) { _ in NeverClosingFactory() }
        try wait(pool.warmUp())
        let outcome = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        pool.shutdown(deadline: .distantFuture).cascade(to: outcome)
        for loop in group.makeIterator() { try wait(loop.submit {}) }
        try group.syncShutdownGracefully()
        let error = #expect(throws: PoolError.self) { try wait(outcome.futureResult) }
        #expect(error?.code == .shutdown)
    }

    // MARK: As a service

    @Test func aServiceWarmsUpAndDrainsOnGracefulShutdown() async throws {
        var configuration = PoolConfiguration(maximum: 4)
        configuration.minimumIdle = 1
        let bench = Bench(configuration)
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: bench.pool)], logger: Logger(label: "facade") { _ in SwiftLogNoOpLogHandler() }))
        let running = Task { try await services.run() }
        let pool = bench.pool
        try await bounded(pool.warmUp())
        #expect(bench.opened.now == 2)
        let four = try await pool.withLease(on: bench.loops[0]) { _ in 4 }
        #expect(four == 4)
        await services.triggerGracefulShutdown()
        try await running.value
        #expect(bench.opened.now == 0)
        await #expect(throws: PoolError.self) { try await pool.withLease(on: bench.loops[1]) { _ in } }
        try await bench.group.shutdownGracefully()
    }

    @Test func aCancelledServiceDrainsToo() async throws {
        let bench = Bench()
        let pool = bench.pool
        try await pool.withLease(on: bench.loops[0]) { _ in }
        #expect(bench.opened.now == 1)
        let running = Task { try await pool.run() }
        running.cancel()
        try await running.value
        #expect(bench.opened.now == 0)
        try await bench.group.shutdownGracefully()
    }
}

private final class NeverClosingFactory: ResourceFactory {
    func connect(_ handle: ResourceHandle<Thing>) { handle.established(Thing(handle)) }
    func close(_ resource: Thing, _ handle: ResourceHandle<Thing>) {}
}

private struct WaitedTooLong: Error {}

/// The result of a future, or an error after half a minute: what hangs fails.
@discardableResult
private func wait<Value: Sendable>(_ future: EventLoopFuture<Value>) throws -> Value {
    let result = LockedBox<Result<Value, any Error>?>(nil)
    let arrived = DispatchSemaphore(value: 0)
    future.whenComplete { value in
        result.with { $0 = value }
        arrived.signal()
    }
    guard arrived.wait(timeout: .now() + .seconds(30)) == .success else { throw WaitedTooLong() }
    return try result.with { $0! }.get()
}

private func bounded<Value: Sendable>(_ future: EventLoopFuture<Value>) async throws -> Value {
    let clock = MultiThreadedEventLoopGroup.singleton.any()
    let promise = clock.makePromise(of: Value.self)
    let timer = clock.scheduleTask(in: .seconds(30)) { promise.fail(WaitedTooLong()) }
    future.whenComplete { result in
        timer.cancel()
        promise.completeWith(result)
    }
    return try await promise.futureResult.get()
}
