import Measuring
import NIOCore
import WeirCore

let coreScenarios: [Scenario] = [
    (
        "counter-increment",
        { operations, marks in
            try withLoops(1) { group in
                let counter = MetricRegistry(group: group).counter("counts_total")
                let loop = group.any()
                try loop.submit { repeated(operations, marks, counter.local(loop)) { $0.increment() } }.wait()
            }
        }
    ),
    (
        "histogram-record",
        { operations, marks in
            try withLoops(1) { group in
                let histogram = MetricRegistry(group: group).histogram("counts_seconds", unit: .nanoseconds)
                let loop = group.any()
                try loop.submit { repeated(operations, marks, histogram.local(loop)) { $0.record(123_456) } }.wait()
            }
        }
    ),
    (
        "deadline-arm-cancel",
        { operations, marks in
            try onLoop { loop in
                let deadlines = LoopContext.of(loop).deadlines
                let target = deadlines.register(Nobody())
                let deadline = NIODeadline.now() + .hours(1)
                repeated(operations, marks, deadlines) { deadlines in
                    deadlines.cancel(deadlines.arm(at: deadline, target: target, tag: 0))
                }
                deadlines.unregister(target)
            }
        }
    ),
    // Found on the loop, as a handler's initializer does it.
    (
        "loop-local",
        { operations, marks in
            try withLoops(2) { group in
                let local = LoopLocal(group) { _ in Nobody() }
                let loop = group.next()
                try loop.submit { repeated(operations, marks, local) { keep($0[loop]) } }.wait()
            }
        }
    ),
    // A future that the loop completes, awaited on the loop.
    (
        "await-on-loop",
        { operations, marks in
            try withLoops(1) { group in
                let loop = group.any()
                try loop.makeFutureWithTask(on: loop.weirExecutor) {
                    try await awaits(loop, warmUp)
                    marks.begin()
                    try await awaits(loop, operations)
                    marks.end()
                }.wait()
            }
        }
    ),
]

private final class Nobody: DeadlineReceiver {
    func deadlineReached(tag: UInt64) {}
}

@inline(never)
func repeated<Subject>(_ operations: Int, _ marks: Marks, _ subject: Subject, _ operation: (Subject) -> Void) {
    for _ in 0..<warmUp { operation(subject) }
    marks.begin()
    for _ in 0..<operations { operation(subject) }
    marks.end()
}

@inline(never)
private func awaits(_ loop: any EventLoop, _ operations: Int) async throws {
    for _ in 0..<operations {
        let promise = loop.makePromise(of: Void.self)
        loop.execute { promise.succeed() }
        try await promise.futureResult.get()
    }
}
