import Measuring
import NIOCore
import WeirCore

let deadlineRows: [Row] = [
    (
        "deadline-arm-cancel-100k",
        { sampler in
            try onLoop { loop in
                let deadlines = LoopContext.of(loop).deadlines
                let receiver = Nobody()
                let target = deadlines.register(receiver)
                let delays = randomDelays(pendingCount)
                let now = NIODeadline.now()
                let pending = delays.map { deadlines.arm(at: now + $0, target: target, tag: 0) }
                sampler.measure { armAndCancel(deadlines, target, delays, $0) }
                for token in pending { deadlines.cancel(token) }
                deadlines.unregister(target)
            }
        }
    ),
    (
        "deadline-arm-cancel-100k:nio",
        { sampler in
            try onLoop { loop in
                let delays = randomDelays(pendingCount)
                let now = NIODeadline.now()
                for delay in delays { loop.scheduleTask(deadline: now + delay) {} }
                sampler.measure { armAndCancel(loop, delays, $0) }
            }
        }
    ),
]

private let pendingCount = 100_000

/// From half a minute, later than any sample ends, to a minute and a half.
private func randomDelays(_ count: Int) -> [TimeAmount] {
    (0..<count).map { _ in .nanoseconds(.random(in: 30_000_000_000..<90_000_000_000)) }
}

private final class Nobody: DeadlineReceiver {
    func deadlineReached(tag: UInt64) {}
}

// Both take the time from a clock read outside the loop: what is measured is the timers, not the clock.

@inline(never)
private func armAndCancel(_ deadlines: LoopDeadlines, _ target: DeadlineTarget, _ delays: [TimeAmount], _ operations: Int) {
    let now = NIODeadline.now()
    var next = 0
    for _ in 0..<operations {
        let token = deadlines.arm(at: now + delays[next], target: target, tag: 1)
        deadlines.cancel(token)
        next = next + 1 == delays.count ? 0 : next + 1
    }
}

@inline(never)
private func armAndCancel(_ loop: any EventLoop, _ delays: [TimeAmount], _ operations: Int) {
    let now = NIODeadline.now()
    var next = 0
    for _ in 0..<operations {
        loop.scheduleTask(deadline: now + delays[next]) {}.cancel()
        next = next + 1 == delays.count ? 0 : next + 1
    }
}
