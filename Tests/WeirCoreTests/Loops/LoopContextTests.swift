import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import WeirCore

@Suite struct LoopContextTests {
    @Test func thereIsOnePerLoopWhileAnyoneHoldsIt() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = Array(group.makeIterator())
        let contexts = LoopLocal(group) { LoopContext.of($0) }
        let first = try await EventLoopFuture.whenAllSucceed(contexts.onEachLoop { ObjectIdentifier($0) }, on: loops[0]).get()
        #expect(Set(first).count == 2)
        let again = try await EventLoopFuture.whenAllSucceed(
            loops.map { loop in loop.submit { ObjectIdentifier(LoopContext.of(loop)) } }, on: loops[0]
        ).get()
        #expect(again == first)
        try await group.shutdownGracefully()
    }

    @Test func itGoesWhenNobodyHoldsIt() {
        let loop = EmbeddedEventLoop()
        weak var context: LoopContext?
        weak var executor: LoopExecutor?
        do {
            let held = LoopContext.of(loop)
            context = held
            executor = held.executor
            _ = held.passTime
            let target = held.deadlines.register(Unimpressed())
            _ = held.deadlines.arm(at: .now() + .hours(1), target: target, tag: 0)
            #expect(LoopContext.of(loop) === held)
            #expect(LoopExecutor.of(loop) === held.executor)
        }
        #expect(context == nil)
        #expect(executor == nil)
        // Nothing of it remains on the loop but the end of the pass.
        loop.run()
        loop.advanceTime(by: .hours(2))
        #expect(LoopContext.of(loop).deadlines.count == 0)
    }

    private final class Unimpressed: DeadlineReceiver {
        func deadlineReached(tag: UInt64) { Issue.record("its loop deadlines are gone") }
    }

    @Test func aLoopAtTheAddressOfAnotherGetsItsOwn() {
        for _ in 0..<200 {
            let loop = EmbeddedEventLoop()
            let context = LoopContext.of(loop)
            #expect(context.loop === loop && context.executor.loop === loop)
        }
    }

    @Test func passTimeIsReadOncePerPass() {
        let loop = EmbeddedEventLoop()
        loop.advanceTime(by: .seconds(5))
        let context = LoopContext.of(loop)
        #expect(context.passTime == loop.now)
        #expect(context.clock.state.pointee.isValid)
        loop.run()
        #expect(!context.clock.state.pointee.isValid)
        loop.advanceTime(by: .seconds(3))
        #expect(context.passTime == loop.now)
        // Tasks at other times are other passes.
        var seen: [NIODeadline] = []
        for seconds in 1...3 as ClosedRange<Int64> {
            loop.assumeIsolated().scheduleTask(in: .seconds(seconds)) {
                #expect(context.passTime == loop.now)
                seen.append(context.passTime)
            }
        }
        loop.advanceTime(by: .seconds(9))
        #expect(seen == [9, 10, 11].map { .uptimeNanoseconds($0 * 1_000_000_000) })
        loop.run()
    }

    @Test func passTimeStandsStillInAPassAndMovesOnAfterIt() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let contexts = LoopLocal(group) { LoopContext.of($0) }
        let first = try await loop.submit { () -> NIODeadline in
            let context = contexts[loop]
            let time = context.passTime
            #expect(time <= loop.now)
            // Until the clock has moved on for certain.
            while loop.now == time {}
            #expect(context.passTime == time)
            return time
        }.get()
        let second = try await loop.submit { contexts[loop].passTime }.get()
        #expect(second > first)
        try await group.shutdownGracefully()
    }

    @Test func anotherThreadIsRefusedLoudly() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            _ = LoopContext.of(group.next())
        }
        #expect(result?.standardError.contains("on another thread than the loop's") == true)
    }
}
