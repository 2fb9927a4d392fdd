import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import WeirCore

/// After each await the thread is the loop's again.
@Suite(.timeLimit(.minutes(1))) struct LoopExecutorTests {
    struct Failure: Error {}

    /// A loop, another loop, and whether the code here runs on the first.
    struct Fixture: Sendable {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loop: any EventLoop
        let other: any EventLoop

        init() {
            let loops = Array(self.group.makeIterator())
            self.loop = loops[0]
            self.other = loops[1]
        }

        /// Runs `body` on the loop's executor, from a thread that is not the loop's.
        func run(_ body: @escaping @Sendable (Fixture) async throws -> Void) async throws {
            try await Task(executorPreference: self.loop.weirExecutor) { try await body(self) }.value
            try await self.group.shutdownGracefully()
        }

        func check(_ location: SourceLocation = #_sourceLocation) {
            #expect(self.loop.inEventLoop, "left its loop", sourceLocation: location)
        }
    }

    @Test func futures() async throws {
        try await Fixture().run { fixture in
            fixture.check()
            // Completed already, on the loop later, on another loop, failed.
            _ = try await fixture.loop.makeSucceededFuture(1).get()
            fixture.check()
            for _ in 0..<100 {
                _ = try await fixture.loop.submit { 1 }.get()
                fixture.check()
            }
            try await fixture.loop.scheduleTask(in: .milliseconds(1)) {}.futureResult.get()
            fixture.check()
            _ = try await fixture.other.submit { 1 }.get()
            fixture.check()
            await #expect(throws: Failure.self) {
                _ = try await fixture.loop.submit { () throws -> Int in throw Failure() }.get()
            }
            fixture.check()
        }
    }

    @Test func continuations() async throws {
        try await Fixture().run { fixture in
            for loop in [fixture.loop, fixture.other] {
                let value = await withCheckedContinuation { continuation in loop.execute { continuation.resume(returning: 7) } }
                fixture.check()
                #expect(value == 7)
                do {
                    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                        loop.execute { continuation.resume(throwing: Failure()) }
                    }
                    Issue.record("did not throw")
                } catch {
                    fixture.check()
                }
            }
        }
    }

    @Test func childTasks() async throws {
        try await Fixture().run { fixture in
            async let first: Int = {
                fixture.check()
                defer { fixture.check() }
                return try await fixture.loop.submit { 1 }.get()
            }()
            async let second: Int = {
                fixture.check()
                await Task.yield()
                fixture.check()
                return 2
            }()
            let sum = try await first + second
            fixture.check()
            #expect(sum == 3)

            let total = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        fixture.check()
                        let value = try await (number % 2 == 0 ? fixture.loop : fixture.other).submit { number }.get()
                        fixture.check()
                        return value
                    }
                }
                var total = 0
                for try await value in group {
                    fixture.check()
                    total += value
                }
                return total
            }
            fixture.check()
            #expect(total == 190)

            await withDiscardingTaskGroup { group in
                group.addTask { fixture.check() }
            }
            fixture.check()
        }
    }

    @Test func throwing() async throws {
        try await Fixture().run { fixture in
            @Sendable func deep(_ depth: Int) async throws {
                fixture.check()
                if depth == 0 { throw Failure() }
                await Task.yield()
                try await deep(depth - 1)
            }
            do {
                try await deep(10)
            } catch {
                fixture.check()
            }
            await #expect(throws: Failure.self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await deep(3) }
                    group.addTask { try await Task.sleep(for: .seconds(3600)) }
                    try await group.next()
                }
            }
            fixture.check()
        }
    }

    @Test func cancellation() async throws {
        try await Fixture().run { fixture in
            let sleeping = Task(executorPreference: fixture.loop.weirExecutor) {
                do {
                    try await Task.sleep(for: .seconds(3600))
                    Issue.record("slept")
                } catch {
                    fixture.check()
                }
            }
            sleeping.cancel()
            await sleeping.value
            fixture.check()

            let handled = Atomic<Bool>(false)
            let waiting = Task(executorPreference: fixture.loop.weirExecutor) {
                let promise = fixture.loop.makePromise(of: Void.self)
                await #expect(throws: CancellationError.self) {
                    try await withTaskCancellationHandler {
                        try await promise.futureResult.get()
                    } onCancel: {
                        handled.store(true, ordering: .relaxed)
                        promise.fail(CancellationError())
                    }
                }
                fixture.check()
                #expect(Task.isCancelled)
            }
            await Task.yield()
            waiting.cancel()
            await waiting.value
            fixture.check()
            let wasHandled = handled.load(ordering: .relaxed)
            #expect(wasHandled)
        }
    }

    @Test func streams() async throws {
        try await Fixture().run { fixture in
            let (stream, continuation) = AsyncStream<Int>.makeStream()
            let producer = Task(executorPreference: fixture.loop.weirExecutor) {
                for number in 0..<100 {
                    continuation.yield(number)
                    if number % 10 == 0 { await Task.yield() }
                    fixture.check()
                }
                // The rest comes from elsewhere.
                fixture.other.execute {
                    for number in 100..<200 { continuation.yield(number) }
                    continuation.finish()
                }
            }
            var expected = 0
            for await number in stream {
                fixture.check()
                #expect(number == expected)
                expected += 1
            }
            fixture.check()
            #expect(expected == 200)
            await producer.value
        }
    }

    /// An actor of the same loop, by NIO's serial executor.
    actor Resident {
        let loop: any EventLoop
        private var value = 0
        nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.executor.asUnownedSerialExecutor() }

        init(_ loop: any EventLoop) { self.loop = loop }

        func add() async throws -> Int {
            #expect(self.loop.inEventLoop)
            let step = try await self.loop.submit { 1 }.get()
            #expect(self.loop.inEventLoop)
            self.assertIsolated()
            self.value += step
            return self.value
        }
    }

    /// An actor with no executor of its own takes the task's.
    actor Guest {
        func onLoop(_ fixture: Fixture) async throws {
            fixture.check()
            _ = try await fixture.loop.submit { 1 }.get()
            fixture.check()
        }
    }

    @Test func actors() async throws {
        try await Fixture().run { fixture in
            let resident = Resident(fixture.loop)
            for expected in 1...3 {
                #expect(try await resident.add() == expected)
                fixture.check()
            }
            try await Guest().onLoop(fixture)
            fixture.check()
            // What has a home elsewhere runs there, and the way back leads here.
            await MainActor.run { #expect(!fixture.loop.inEventLoop) }
            fixture.check()
        }
    }

    @Test func preferenceForAScope() async throws {
        let fixture = Fixture()
        await withTaskExecutorPreference(fixture.loop.weirExecutor) {
            fixture.check()
            await Task.yield()
            fixture.check()
        }
        #expect(!fixture.loop.inEventLoop)
        try await fixture.group.shutdownGracefully()
    }

    @Test func jobsKeepTheirOrder() async throws {
        try await Fixture().run { fixture in
            final class Log: Sendable { let entries = Mutex<[Int]>([]) }
            let log = Log()
            // More than a ring holds at first.
            var tasks: [Task<Void, Never>] = []
            for number in 0..<500 {
                tasks.append(Task(executorPreference: fixture.loop.weirExecutor) { log.entries.withLock { $0.append(number) } })
            }
            for task in tasks { await task.value }
            #expect(log.entries.withLock { $0 } == Array(0..<500))
        }
    }

    @Test func theTaskKeepsItsExecutor() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let promise = loop.makePromise(of: Void.self)
        let task = Task(executorPreference: loop.weirExecutor) { () -> ObjectIdentifier in
            try await promise.futureResult.get()
            #expect(loop.inEventLoop)
            return ObjectIdentifier(loop.weirExecutor)
        }
        // Nobody else holds it; it is still the one that is found.
        let found = ObjectIdentifier(loop.weirExecutor)
        promise.succeed()
        #expect(try await task.value == found)
        try await group.shutdownGracefully()
    }

    @Test func tasksThatWakeEachOtherWithoutEndLeaveRoomForSockets() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let spinners = (0..<3).map { _ in
            Task(executorPreference: loop.weirExecutor) { () -> Int in
                var turns = 0
                while !Task.isCancelled {
                    await Task.yield()
                    turns += 1
                }
                #expect(loop.inEventLoop)
                return turns
            }
        }
        let served = await Task { try await Sockets.roundTrips(20, on: loop) }.result
        for spinner in spinners { spinner.cancel() }
        for spinner in spinners { _ = await spinner.value }
        try served.get()
        try await group.shutdownGracefully()
    }

    @Test func whatIsQueuedAtShutdownStillRuns() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let elsewhere = MultiThreadedEventLoopGroup.singleton.next()
        let ends = (0..<200).map { _ in
            // Enqueued here and now; waited for elsewhere.
            let task = Task(executorPreference: loop.weirExecutor) {
                for _ in 0..<5 { await Task.yield() }
            }
            return elsewhere.makeFutureWithTask { await task.value }
        }
        try await group.shutdownGracefully()
        for end in ends { try await end.boundedGet() }
    }
}
