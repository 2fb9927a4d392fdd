import Dispatch
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing
import WeirCore

@Suite struct LoopLocalTests {
    /// Not Sendable, knows its loop and reports where it died.
    final class Thing {
        let loop: any EventLoop
        let number: Int
        let died: EventLoopPromise<Bool>
        init(_ loop: any EventLoop, number: Int, died: EventLoopPromise<Bool>) {
            self.loop = loop
            self.number = number
            self.died = died
        }
        deinit { self.died.succeed(self.loop.inEventLoop) }
    }

    @Test func eachLoopHasItsOwnMadeOnceOnIt() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 5)
        let made = Atomic<Int>(0)
        let local = LoopLocal(group) { loop -> ObjectIdentifier in
            loop.preconditionInEventLoop()
            made.add(1, ordering: .relaxed)
            return ObjectIdentifier(loop)
        }
        #expect(local.loops.count == 5)
        let before = try await EventLoopFuture.whenAllSucceed(local.onEachExisting { _ in true }, on: group.next()).get()
        #expect(before == [nil, nil, nil, nil, nil])
        for _ in 0..<3 {
            let values = try await EventLoopFuture.whenAllSucceed(local.onEachLoop { $0 }, on: group.next()).get()
            #expect(values == local.loops.map { ObjectIdentifier($0) })
        }
        let existing = try await EventLoopFuture.whenAllSucceed(local.onEachExisting { $0 }, on: group.next()).get()
        #expect(existing == local.loops.map { ObjectIdentifier($0) })
        let count = made.load(ordering: .relaxed)
        #expect(count == 5)
        try await group.shutdownGracefully()
    }

    @Test func valuesDieOnTheirLoopsAlsoWhenDroppedElsewhere() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let deaths = (0..<3).map { _ in group.next().makePromise(of: Bool.self) }
        let next = Atomic<Int>(0)
        var local: LoopLocal<Thing>? = LoopLocal(group) { loop in
            let number = next.add(1, ordering: .relaxed).oldValue
            return Thing(loop, number: number, died: deaths[number])
        }
        _ = try await EventLoopFuture.whenAllSucceed(local!.onEachLoop { $0.number }, on: group.next()).get()
        local = nil
        let onLoop = try await EventLoopFuture.whenAllSucceed(deaths.map(\.futureResult), on: group.next()).get()
        #expect(onLoop == [true, true, true])
        try await group.shutdownGracefully()
    }

    @Test func valuesDieOnTheirLoopsWhenTheseAreShutDown() async throws {
        let elsewhere = MultiThreadedEventLoopGroup.singleton.next()
        let died = elsewhere.makePromise(of: Bool.self)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let local = LoopLocal(group) { Thing($0, number: 0, died: died) }
        _ = try await local.onEachLoop { $0.number }[0].get()
        try await group.shutdownGracefully()
        #expect(try await died.futureResult.boundedGet())
        withExtendedLifetime(local) {}
    }

    @Test func removedValuesAreMadeAnew() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let deaths = (0..<2).map { _ in loop.makePromise(of: Bool.self) }
        let next = Atomic<Int>(0)
        let local = LoopLocal(group) { loop in
            let number = next.add(1, ordering: .relaxed).oldValue
            return Thing(loop, number: number, died: deaths[number])
        }
        #expect(try await local.onEachLoop { $0.number }[0].get() == 0)
        try await local.removeValues()[0].get()
        #expect(try await deaths[0].futureResult.get())
        #expect(try await local.onEachLoop { $0.number }[0].get() == 1)
        try await local.removeValues()[0].get()
        #expect(try await deaths[1].futureResult.get())
        try await group.shutdownGracefully()
    }

    @Test func optionalValuesAreMadeOnceToo() {
        let loop = EmbeddedEventLoop()
        let made = Atomic<Int>(0)
        let local = LoopLocal(loop) { _ -> Int? in
            made.add(1, ordering: .relaxed)
            return nil
        }
        #expect(local[loop] == nil)
        #expect(local[loop] == nil)
        let count = made.load(ordering: .relaxed)
        #expect(count == 1)
        #expect(local.existing(on: loop) == .some(nil))
    }

    @Test func manyLoopsAreFoundInTheTable() {
        for count in [1, 2, 3, 4, 7, 8, 33, 64] {
            let loops = (0..<count).map { _ in EmbeddedEventLoop() }
            // Addresses that are not of the group, between those that are.
            let local = LoopLocal(Group(loops: loops)) { ObjectIdentifier($0) }
            for loop in loops { #expect(local[loop] == ObjectIdentifier(loop)) }
        }
    }

    /// Several embedded loops as one group.
    private final class Group: EventLoopGroup {
        let loops: [EmbeddedEventLoop]
        init(loops: [EmbeddedEventLoop]) { self.loops = loops }
        func next() -> any EventLoop { self.loops[0] }
        func makeIterator() -> EventLoopIterator { EventLoopIterator(self.loops) }
        func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) { callback(nil) }
    }

    @Test func anotherThreadIsRefusedLoudly() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let local = LoopLocal(group) { _ in 1 }
            _ = local[group.next()]
        }
        #expect(result?.standardError.contains("on another thread than that loop's") == true)
    }

    @Test func anotherGroupIsRefusedLoudly() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let local = LoopLocal(EmbeddedEventLoop()) { _ in 1 }
            _ = local[EmbeddedEventLoop()]
        }
        #expect(result?.standardError.contains("is not a loop of the group") == true)
    }

    @Test func aValueThatAsksForItselfIsRefusedLoudly() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            final class Knot: Sendable { let local = Mutex<LoopLocal<Int>?>(nil) }
            let knot = Knot()
            let loop = EmbeddedEventLoop()
            let local = LoopLocal(loop) { loop in knot.local.withLock { $0 }![loop] }
            knot.local.withLock { $0 = local }
            _ = local[loop]
        }
        #expect(result?.standardError.contains("asked for the value it is making") == true)
    }
}
