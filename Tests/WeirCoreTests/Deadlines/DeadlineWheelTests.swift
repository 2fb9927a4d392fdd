import NIOCore
import Testing

@testable import WeirCore

@Suite struct DeadlineWheelTests {
    @Test func nothingFiresEarlyAndAllAtMostOneTickLate() {
        let wheel = TestWheel(now: .uptimeNanoseconds(12_345))
        for deadline in [12_346, TestWheel.tick - 1, TestWheel.tick, TestWheel.tick + 1, 7 * TestWheel.tick + 3] as [UInt64] {
            let token = wheel.arm(at: .uptimeNanoseconds(deadline), target: 3, tag: deadline)
            #expect(wheel.drain(now: deadline - 1) == [])
            let wake = wheel.nextWake!.uptimeNanoseconds
            #expect(wake >= deadline && wake - deadline < TestWheel.tick)
            #expect(wake == deadline || wheel.drain(now: wake - 1) == [])
            #expect(wheel.drain(now: wake) == [deadline])
            #expect(!wheel.cancel(token))
            #expect(wheel.count == 0 && wheel.nextWake == nil)
        }
    }

    @Test func pastDeadlinesAreDueAtOnceInTheOrderOfArming() {
        let wheel = TestWheel(now: .uptimeNanoseconds(1000 * TestWheel.tick))
        for tag in 0..<5 as Range<UInt64> { _ = wheel.arm(at: .uptimeNanoseconds((5 - tag) * TestWheel.tick), tag: tag) }
        _ = wheel.arm(at: .distantPast, tag: 5)
        #expect(wheel.nextWake == .uptimeNanoseconds(1000 * TestWheel.tick))
        #expect(wheel.drain(now: 1000 * TestWheel.tick) == [0, 1, 2, 3, 4, 5])
    }

    @Test func oneTickIsFirstInFirstOutWhateverLevelsItPassed() {
        let wheel = TestWheel(now: .distantPast)
        let due = 5_000_000 * TestWheel.tick
        var now: UInt64 = 0
        var expected: [UInt64] = []
        // Armed from further and nearer away: each at another level.
        for tag in 0..<2000 as Range<UInt64> {
            _ = wheel.arm(at: .uptimeNanoseconds(due), tag: tag)
            expected.append(tag)
            if tag % 10 == 0 {
                now += (due - now) / 16
                #expect(wheel.drain(now: now) == [])
            }
        }
        #expect(wheel.drain(now: due) == expected)
    }

    @Test func distantFutureNeverFiresAndWakesNobody() {
        let wheel = TestWheel(now: .uptimeNanoseconds(77))
        let token = wheel.arm(at: .distantFuture, tag: 1)
        #expect(wheel.nextWake == nil)
        #expect(wheel.popDue(now: .distantFuture) == nil)
        #expect(wheel.count == 1)
        _ = wheel.arm(at: .uptimeNanoseconds(1), tag: 2)
        #expect(wheel.popDue(now: .distantFuture)?.tag == 2)
        #expect(wheel.cancel(token))
        #expect(wheel.count == 0)
    }

    @Test func everyLevelIsPassedOnTheWayDown() {
        // One deadline in each of many distances, from one tick to centuries, found exactly when due.
        let wheel = TestWheel(now: .uptimeNanoseconds(TestWheel.tick * 0o1234567))
        let start = TestWheel.tick * 0o1234567
        var due: [UInt64] = []
        for bit in 0..<42 as Range<UInt64> {
            for offset in [0, 1, 63] as [UInt64] { due.append(start + ((1 << bit) + offset) * TestWheel.tick) }
        }
        due = due.filter { $0 < UInt64(Int64.max) }
        for (tag, deadline) in due.enumerated() { _ = wheel.arm(at: .uptimeNanoseconds(deadline), tag: UInt64(tag)) }
        var fired: [UInt64] = []
        var wakes = 0
        while let wake = wheel.nextWake {
            wakes += 1
            let tags = wheel.drain(now: wake.uptimeNanoseconds)
            #expect(!tags.isEmpty, "woken for nothing")
            for tag in tags { #expect(due[Int(tag)] == wake.uptimeNanoseconds) }
            fired += tags
        }
        #expect(fired.count == due.count && wheel.count == 0)
        #expect(wakes == Set(due).count)
    }

    @Test func staleTokensAreHarmless() {
        let wheel = TestWheel(now: .distantPast)
        #expect(!wheel.cancel(.none))
        let first = wheel.arm(at: .uptimeNanoseconds(TestWheel.tick), tag: 1)
        #expect(wheel.cancel(first))
        #expect(!wheel.cancel(first))
        let second = wheel.arm(at: .uptimeNanoseconds(TestWheel.tick), tag: 2)
        #expect(second != first)
        #expect(!wheel.cancel(first))
        #expect(wheel.count == 1)
        #expect(wheel.drain(now: TestWheel.tick) == [2])
        _ = wheel.arm(at: .uptimeNanoseconds(2 * TestWheel.tick), tag: 3)
        #expect(!wheel.cancel(second))
        #expect(wheel.drain(now: 2 * TestWheel.tick) == [3])
        // A token of another wheel, for a slot this one does not have.
        #expect(!wheel.cancel(DeadlineToken(index: 4_000_000, serial: 1)))
        // No token of a list's head is ever honored.
        #expect(!wheel.cancel(DeadlineToken(index: 5, serial: 0)))
    }

    @Test func slotsAreRetiredRatherThanConfused() {
        let wheel = TestWheel(now: .distantPast)
        let old = wheel.arm(at: .uptimeNanoseconds(TestWheel.tick), tag: 1)
        wheel.wearOut(old)
        #expect(wheel.cancel(DeadlineToken(index: old.index, serial: .max)))
        let next = wheel.arm(at: .uptimeNanoseconds(TestWheel.tick), tag: 2)
        #expect(next.index != old.index)
        #expect(!wheel.cancel(old))
        #expect(wheel.count == 1)
    }

    @Test func cancellingTheEarliestCostsOneNeedlessWakeAtMost() {
        let wheel = TestWheel(now: .distantPast)
        let early = wheel.arm(at: .uptimeNanoseconds(5000 * TestWheel.tick), tag: 1)
        _ = wheel.arm(at: .uptimeNanoseconds(8000 * TestWheel.tick), tag: 2)
        #expect(wheel.cancel(early))
        #expect(wheel.nextWake == .uptimeNanoseconds(5000 * TestWheel.tick))
        #expect(wheel.drain(now: 5000 * TestWheel.tick) == [])
        #expect(wheel.nextWake == .uptimeNanoseconds(8000 * TestWheel.tick))
        #expect(wheel.drain(now: 8000 * TestWheel.tick) == [2])
    }

    @Test func aMillionPendingAndNothingLeaksAfterCancel() {
        let wheel = TestWheel(now: .distantPast)
        var random = SplitMix64(seed: 11)
        var tokens: [DeadlineToken] = []
        for round in 0..<3 {
            for tag in 0..<1_000_000 as Range<UInt64> {
                tokens.append(wheel.arm(at: .uptimeNanoseconds(.random(in: 0...(60_000 * TestWheel.tick), using: &random)), tag: tag))
            }
            #expect(wheel.count == 1_000_000)
            if round < 2 {
                #expect(tokens.allSatisfy { wheel.cancel($0) })
                #expect(wheel.count == 0 && wheel.nextWake == nil && wheel.hasNoBucket)
                tokens.removeAll(keepingCapacity: true)
            }
        }
        // The slots were used again: as many as were ever pending at once.
        #expect(wheel.slotsUsed == 1_000_000)
        #expect(wheel.drain(now: 60_000 * TestWheel.tick).count == 1_000_000)
        #expect(wheel.count == 0 && wheel.nextWake == nil)
    }

    @Test func cancelAllTakesExactlyWhatIsAskedFor() {
        let wheel = TestWheel(now: .distantPast)
        for tag in 0..<10_000 as Range<UInt64> {
            let token = wheel.arm(at: .uptimeNanoseconds((tag + 1) * 977 * TestWheel.tick), target: UInt32(tag % 3), tag: tag)
            if tag % 7 == 0 { wheel.cancel(token) }
        }
        wheel.cancelAll { target, _ in target == 1 }
        let expected = (0..<10_000 as Range<UInt64>).filter { $0 % 7 != 0 && $0 % 3 != 1 }
        #expect(wheel.count == expected.count)
        #expect(wheel.drain(now: 10_000 * 977 * TestWheel.tick) == expected)
    }
}
