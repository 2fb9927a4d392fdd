import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import WeirCore

/// The same on a loop with a thread and a clock of its own.
@Suite struct LoopDeadlinesOnThreadsTests {
    /// Checks each call against the clock and says when it had them all.
    final class Checker: DeadlineReceiver {
        let context: LoopContext
        var expected: Int
        let done: EventLoopPromise<Int>
        var early = 0

        init(_ context: LoopContext, expecting expected: Int, done: EventLoopPromise<Int>) {
            self.context = context
            self.expected = expected
            self.done = done
        }

        /// The tag is the deadline.
        func deadlineReached(tag: UInt64) {
            if self.context.loop.now.uptimeNanoseconds < tag { self.early += 1 }
            self.expected -= 1
            if self.expected == 0 { self.done.succeed(self.early) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func manyFireAndNoneEarly() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let contexts = LoopLocal(group) { LoopContext.of($0) }
        for (index, loop) in contexts.loops.enumerated() {
            let done = loop.makePromise(of: Int.self)
            let pending = try await loop.submit { () -> Int in
                let context = contexts[loop]
                let checker = Checker(context, expecting: 20_000, done: done)
                let target = context.deadlines.register(checker)
                done.futureResult.assumeIsolated().whenComplete { _ in context.deadlines.unregister(target) }
                var random = SplitMix64(seed: UInt64(index))
                for count in 0..<30_000 {
                    let deadline = loop.now + .nanoseconds(.random(in: -1_000_000...80_000_000, using: &random))
                    let token = context.deadlines.arm(at: deadline, target: target, tag: deadline.uptimeNanoseconds)
                    if count % 3 == 2 { #expect(context.deadlines.cancel(token)) }
                }
                return context.deadlines.count
            }.get()
            #expect(pending == 20_000)
            #expect(try await done.futureResult.boundedGet() == 0, "fired early")
            #expect(try await loop.submit { contexts[loop].deadlines.count }.get() == 0)
        }
        try await group.shutdownGracefully()
    }

    /// Arms itself again for the past whenever it is called, until told to stop.
    final class Storm: DeadlineReceiver {
        let context: LoopContext
        var target: DeadlineTarget?
        var fired = 0

        init(_ context: LoopContext) { self.context = context }

        func deadlineReached(tag: UInt64) {
            self.fired += 1
            if let target = self.target { _ = self.context.deadlines.arm(at: .distantPast, target: target, tag: tag) }
        }

        func stop() {
            self.target.map { self.context.deadlines.unregister($0) }
            self.target = nil
        }
    }

    @Test(.timeLimit(.minutes(1))) func aStormOfDeadlinesLeavesRoomForSockets() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let storms = LoopLocal(group) { Storm(LoopContext.of($0)) }
        _ = try await loop.submit {
            let storm = storms[loop]
            storm.target = storm.context.deadlines.register(storm)
            storm.deadlineReached(tag: 0)
        }.get()
        // Sockets on the loop work while it goes on.
        let served = await Task { try await Sockets.roundTrips(20, on: loop) }.result
        let fired = try await loop.submit { () -> Int in
            defer { storms[loop].stop() }
            return storms[loop].fired
        }.get()
        #expect(fired > 0)
        try served.get()
        try await group.shutdownGracefully()
    }

    @Test(.timeLimit(.minutes(1))) func aLoopMayShutDownWithDeadlinesPending() async throws {
        final class Never: DeadlineReceiver {
            let died: EventLoopPromise<Void>
            init(_ died: EventLoopPromise<Void>) { self.died = died }
            deinit { self.died.succeed() }
            func deadlineReached(tag: UInt64) { Issue.record("fired at shutdown") }
        }
        let other = MultiThreadedEventLoopGroup.singleton.next()
        let died = other.makePromise(of: Void.self)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var contexts: LoopLocal<LoopContext>? = LoopLocal(group) { LoopContext.of($0) }
        try await loop.submit { [contexts] in
            let context = contexts![loop]
            let target = context.deadlines.register(Never(died))
            for tag in 0..<100 as Range<UInt64> { _ = context.deadlines.arm(at: .now() + .hours(1), target: target, tag: tag) }
        }.get()
        try await group.shutdownGracefully()
        contexts = nil
        // The last reference went with the group's loop ended: the receiver went as well.
        try await died.futureResult.boundedGet()
    }

    @Test func armingForOneWhoIsGoneIsRefusedLoudly() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let deadlines = LoopDeadlines(loop: EmbeddedEventLoop())
            let target = deadlines.register(LoopDeadlinesTests.Recorder())
            deadlines.unregister(target)
            _ = deadlines.arm(at: .now(), target: target, tag: 0)
        }
        #expect(result?.standardError.contains("is not registered") == true)
    }
}
