import NIOCore
import Testing

@testable import WeirCore

/// The wheel beside a list kept in order, under seeded random operations and time that jumps by everything from nothing to years.
@Suite struct DeadlineWheelModelTests {
    struct Pending {
        var tick: UInt64
        var order: UInt64
        var token: DeadlineToken
    }

    /// Ascending by tick, then by order of arming; bulk-sorted lazily would be faster, but this is plainly right.
    struct Model {
        var pending: [Pending] = []

        mutating func insert(_ new: Pending) {
            var low = 0
            var high = self.pending.count
            while low < high {
                let middle = (low + high) / 2
                if self.pending[middle].tick <= new.tick { low = middle + 1 } else { high = middle }
            }
            self.pending.insert(new, at: low)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func agreesWithAList(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let start = UInt64.random(in: 0...(1 << UInt64.random(in: 0...50, using: &random)), using: &random)
        var now = start
        let wheel = TestWheel(now: .uptimeNanoseconds(now))
        var model = Model()
        var stale: [DeadlineToken] = []
        var order: UInt64 = 0
        let tick = TestWheel.tick
        // What the wheel has taken out up to: a later arm for an earlier tick is due then.
        var reached = now / tick

        func distance() -> UInt64 { UInt64.random(in: 0...(1 << UInt64.random(in: 0...56, using: &random)), using: &random) }

        for operation in 0..<60_000 {
            let place = "seed \(seed), operation \(operation)"
            switch UInt8.random(in: 0..<100, using: &random) {
            case 0..<45 where model.pending.count < 2000:
                let ahead = distance()
                let deadline = Bool.random(using: &random) || ahead > now ? now &+ ahead : now - ahead
                let token = wheel.arm(at: .uptimeNanoseconds(deadline), target: UInt32(operation & 0xFF), tag: order)
                let clamped = min(deadline, UInt64(Int64.max))
                model.insert(Pending(tick: max((clamped + tick - 1) / tick, reached), order: order, token: token))
                order += 1
            case 0..<80 where !model.pending.isEmpty:
                let index = Int.random(in: 0..<model.pending.count, using: &random)
                let gone = model.pending.remove(at: index)
                #expect(wheel.cancel(gone.token), "\(place)")
                stale.append(gone.token)
            case 80..<90 where !stale.isEmpty:
                let index = Int.random(in: 0..<stale.count, using: &random)
                #expect(!wheel.cancel(stale[index]), "\(place)")
                if stale.count > 5000 { stale.removeAll() }
            default:
                // Time passes: by any distance, or to just before or at what is next.
                switch UInt8.random(in: 0..<4, using: &random) {
                case 0: now = wheel.nextWake?.uptimeNanoseconds ?? now
                case 1: now = max(now, (wheel.nextWake?.uptimeNanoseconds ?? 1) - 1)
                default: now += distance() >> UInt64.random(in: 0...40, using: &random)
                }
                if now > 1 << 61 { now = 1 << 61 }
                if let wake = wheel.nextWake?.uptimeNanoseconds, let first = model.pending.first {
                    #expect(wake <= first.tick * tick, "\(place): it would sleep too long")
                }
                // Some are taken one by one with others armed in between.
                while let due = wheel.popDue(now: .uptimeNanoseconds(now)) {
                    guard let first = model.pending.first, first.tick * tick <= now else {
                        Issue.record("\(place): fired early")
                        return
                    }
                    #expect(due.tag == first.order, "\(place): not the next in order")
                    reached = max(reached, first.tick)
                    stale.append(first.token)
                    model.pending.removeFirst()
                    if UInt8.random(in: 0..<10, using: &random) == 0 {
                        let deadline = now &+ distance()
                        let token = wheel.arm(at: .uptimeNanoseconds(deadline), tag: order)
                        model.insert(Pending(tick: (min(deadline, UInt64(Int64.max)) + tick - 1) / tick, order: order, token: token))
                        order += 1
                    }
                }
                #expect(model.pending.first.map { $0.tick * tick > now } ?? true, "\(place): missed one that was due")
                if let wake = wheel.nextWake { #expect(wake.uptimeNanoseconds > now, "\(place): wakes in the past") }
                reached = wheel.elapsed
            }
            #expect(wheel.count == model.pending.count, "\(place)")
            #expect(wheel.elapsed <= max(now, start) / tick, "\(place): it is ahead of time")
        }
        // To the end.
        while let wake = wheel.nextWake {
            while let due = wheel.popDue(now: wake) {
                #expect(due.tag == model.pending.first?.order)
                #expect((model.pending.first?.tick ?? 0) * tick <= wake.uptimeNanoseconds)
                model.pending.removeFirst()
            }
        }
        #expect(wheel.count == model.pending.count)
        #expect(model.pending.allSatisfy { $0.tick >= 1 << 43 })
    }
}
