import Atomics
import Measuring
import NIOCore
import WeirCore

let counterRows: [Row] = [
    (
        "counter-increment",
        { sampler in
            try withLoops(2) { group in
                let counter = MetricRegistry(group: group).counter("benchmark_total")
                let loop = group.next()
                try loop.submit { sampler.measure { increment(counter.local(loop), $0) } }.wait()
            }
        }
    ),
    (
        "counter-increment-two-loops",
        { sampler in
            try withLoops(2) { group in
                let counter = MetricRegistry(group: group).counter("benchmark_total")
                // Both are the mean of two loops: a single one would be less often hit by what disturbs a processor.
                try sampler.measureInTurn(
                    { operations in try timeTogether(group) { loop in increment(counter.local(loop), operations) } },
                    beside: "one-loop",
                    { operations in try timeInTurn(group) { loop in increment(counter.local(loop), operations) } })
            }
        }
    ),
    (
        "counter-increment:swift-atomics",
        { sampler in
            try onLoop { _ in
                let cell = UnsafeAtomic<UInt64>.create(0)
                defer { cell.destroy() }
                sampler.measure { increment(cell, $0) }
            }
        }
    ),
    (
        "counter-increment-two-loops:swift-atomics",
        { sampler in
            try withLoops(2) { group in
                let cell = UnsafeAtomic<UInt64>.create(0)
                defer { cell.destroy() }
                try sampler.measureSelfTimed { operations in
                    try timeTogether(group) { _ in increment(cell, operations) }
                }
            }
        }
    ),
]

@inline(never)
private func increment(_ counter: LocalCounter, _ operations: Int) {
    for _ in 0..<operations { counter.increment() }
}

@inline(never)
private func increment(_ cell: UnsafeAtomic<UInt64>, _ operations: Int) {
    for _ in 0..<operations { cell.wrappingIncrement(ordering: .relaxed) }
}
