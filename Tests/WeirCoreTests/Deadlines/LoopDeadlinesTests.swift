import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import WeirCore

@Suite struct LoopDeadlinesTests {
    /// Notes what it is told, and does what a test asks in the middle of it.
    final class Recorder: DeadlineReceiver {
        var tags: [UInt64] = []
        var also: (UInt64) -> Void = { _ in }

        func deadlineReached(tag: UInt64) {
            self.tags.append(tag)
            self.also(tag)
        }
    }

    let loop = EmbeddedEventLoop()
    let deadlines: LoopDeadlines
    let recorder = Recorder()
    let target: DeadlineTarget

    init() {
        self.deadlines = LoopDeadlines(loop: self.loop)
        self.target = self.deadlines.register(self.recorder)
    }

    func arm(_ milliseconds: Int64, _ tag: UInt64) -> DeadlineToken {
        self.deadlines.arm(at: self.loop.now + .milliseconds(milliseconds), target: self.target, tag: tag)
    }

    @Test func firesNeverEarlyAndWithinATick() {
        _ = self.arm(100, 1)
        self.loop.advanceTime(by: .nanoseconds(99_999_999))
        #expect(self.recorder.tags == [])
        self.loop.advanceTime(by: DeadlineWheel.tick)
        #expect(self.recorder.tags == [1])
        #expect(self.deadlines.count == 0)
    }

    @Test func anEarlierDeadlineMovesTheCallback() {
        _ = self.arm(60_000, 3)
        _ = self.arm(10, 1)
        _ = self.arm(1000, 2)
        self.loop.advanceTime(by: .milliseconds(12))
        #expect(self.recorder.tags == [1])
        self.loop.advanceTime(by: .seconds(1))
        #expect(self.recorder.tags == [1, 2])
        self.loop.advanceTime(by: .hours(1))
        #expect(self.recorder.tags == [1, 2, 3])
    }

    @Test func whatIsPastComesInTheNextPassAndNotAtOnce() {
        self.loop.advanceTime(by: .seconds(1))
        _ = self.deadlines.arm(at: .distantPast, target: self.target, tag: 1)
        #expect(self.recorder.tags == [])
        self.loop.run()
        #expect(self.recorder.tags == [1])
    }

    @Test func cancelledNeverFires() {
        let tokens = (0..<10).map { self.arm(Int64($0) * 10, UInt64($0)) }
        for token in tokens where token != tokens[4] { #expect(self.deadlines.cancel(token)) }
        #expect(self.deadlines.count == 1)
        self.loop.advanceTime(by: .seconds(1))
        #expect(self.recorder.tags == [4])
        #expect(!self.deadlines.cancel(tokens[4]))
        #expect(!self.deadlines.cancel(tokens[0]))
    }

    @Test func distantFutureSchedulesNothing() {
        let token = self.deadlines.arm(at: .distantFuture, target: self.target, tag: 1)
        #expect(self.deadlines.state.pointee.wakeTick == LoopDeadlines.State.unscheduled)
        #expect(self.deadlines.cancel(token))
    }

    @Test func aReceiverMayArmAndCancelWhileItIsCalled() {
        var later: DeadlineToken?
        self.recorder.also = { tag in
            switch tag {
            case 1:
                #expect(self.deadlines.cancel(later!))
                _ = self.arm(0, 3)
                _ = self.arm(-5, 4)
                _ = self.arm(50, 5)
            default: break
            }
        }
        _ = self.arm(10, 1)
        later = self.arm(10, 2)
        self.loop.advanceTime(by: .milliseconds(12))
        #expect(self.recorder.tags == [1, 3, 4] || self.recorder.tags == [1, 4, 3] || self.recorder.tags == [1, 4])
        self.loop.advanceTime(by: .milliseconds(100))
        #expect(self.recorder.tags.sorted() == [1, 3, 4, 5])
        self.recorder.also = { _ in }
    }

    @Test func aReceiverMayGoWhileItIsCalled() {
        weak var gone: Recorder?
        var target: DeadlineTarget?
        do {
            let recorder = Recorder()
            gone = recorder
            target = self.deadlines.register(recorder)
            recorder.also = { _ in self.deadlines.unregister(target!) }
        }
        for tag in 0..<5 as Range<UInt64> { _ = self.deadlines.arm(at: self.loop.now + .milliseconds(5), target: target!, tag: tag) }
        _ = self.arm(5, 9)
        #expect(gone != nil)
        self.loop.advanceTime(by: .milliseconds(10))
        #expect(gone == nil)
        #expect(self.recorder.tags == [9])
        #expect(self.deadlines.count == 0 && self.deadlines.state.pointee.orphans == 0)
    }

    @Test func anUnregisteredReceiverIsNeverCalledAndItsIdIsNotGivenAwayEarly() {
        let other = Recorder()
        let first = self.deadlines.register(other)
        let token = self.deadlines.arm(at: self.loop.now + .milliseconds(10), target: first, tag: 1)
        let tokenToCancel = self.deadlines.arm(at: self.loop.now + .milliseconds(10), target: first, tag: 2)
        self.deadlines.unregister(first)
        self.deadlines.unregister(first)
        #expect(self.deadlines.count == 0)
        let successor = Recorder()
        let second = self.deadlines.register(successor)
        #expect(second.id != first.id)
        #expect(!self.deadlines.cancel(tokenToCancel))
        self.loop.advanceTime(by: .milliseconds(20))
        #expect(other.tags == [] && successor.tags == [])
        #expect(!self.deadlines.cancel(token))
        // Now nothing bears the id any more.
        let third = self.deadlines.register(Recorder())
        #expect(third.id == first.id && third != first)
        #expect(!self.deadlines.isRegistered(first))
        self.deadlines.unregister(first)
        #expect(self.deadlines.isRegistered(third))
    }

    @Test func orphansAreSweptOutWhenTheyAreMany() {
        let other = self.deadlines.register(Recorder())
        for tag in 0..<5000 as Range<UInt64> { _ = self.deadlines.arm(at: .distantFuture, target: other, tag: tag) }
        for tag in 0..<3000 as Range<UInt64> { _ = self.arm(10, tag) }
        self.deadlines.unregister(other)
        #expect(self.deadlines.count == 3000)
        #expect(self.deadlines.state.pointee.wheel.count == 3000)
        #expect(self.deadlines.register(Recorder()).id == other.id)
        self.loop.advanceTime(by: .milliseconds(20))
        #expect(self.recorder.tags.count == 3000 && self.deadlines.count == 0)
    }

    @Test func aLoopWhoseTasksWereAllCancelledIsScheduledOnAnew() throws {
        _ = self.arm(10, 1)
        // What EmbeddedChannel.finish() does to its loop.
        let channel = EmbeddedChannel(loop: self.loop)
        _ = try channel.finish(acceptAlreadyClosed: true)
        #expect(self.deadlines.count == 1)
        _ = self.arm(500, 2)
        self.loop.advanceTime(by: .milliseconds(20))
        #expect(self.recorder.tags == [1])
        self.loop.advanceTime(by: .seconds(1))
        #expect(self.recorder.tags == [1, 2])
    }

    @Test func anIdleLoopIsNotWokenForTheWheelsOwnSake() {
        // Deadlines that pass through every level; each wake of the callback must fire something.
        var expected: [UInt64] = []
        for exponent in 0..<20 as Range<UInt64> {
            _ = self.arm(Int64(3) << exponent, exponent)
            expected.append(exponent)
        }
        var wakes = 0
        while self.deadlines.count > 0 {
            let wake = NIODeadline.uptimeNanoseconds(self.deadlines.state.pointee.wakeTick << 20)
            let before = self.recorder.tags.count
            self.loop.advanceTime(to: wake)
            #expect(self.recorder.tags.count > before, "woken for nothing")
            wakes += 1
        }
        #expect(self.recorder.tags == expected && wakes == 20)
    }
}
