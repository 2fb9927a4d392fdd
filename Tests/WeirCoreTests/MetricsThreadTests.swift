import CoreMetrics
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import WeirCore

@Suite struct MetricsThreadTests {
    /// Loops and a plain thread write while another thread takes snapshots: totals are exact at the end and never go back.
    @Test func totalsAreExactUnderConcurrentSnapshots() throws {
        let perLoop: UInt64 = 20_000
        try withLoops(3) { group, loops in
            let registry = MetricRegistry(group: group)
            let counter = registry.counter("c")
            let gauge = registry.gauge("g")
            let histogram = registry.histogram("h")
            let isDone = NIOLockedValueBox(false)
            let reader = NIOThreadPool(numberOfThreads: 2)
            reader.start()

            let reading = reader.runIfActive(eventLoop: loops[0]) { () -> (rounds: Int, wentBack: Bool) in
                var last: UInt64 = 0
                var lastCount: UInt64 = 0
                var wentBack = false
                var rounds = 0
                while !isDone.withLockedValue({ $0 }) {
                    let snapshot = registry.snapshot()
                    let count = snapshot.counter("c") ?? 0
                    let recorded = snapshot.histogram("h")?.count ?? 0
                    wentBack = wentBack || count < last || recorded < lastCount
                    (last, lastCount) = (count, recorded)
                    rounds += 1
                }
                return (rounds, wentBack)
            }
            let spare = reader.runIfActive(eventLoop: loops[0]) {
                for value in 0..<perLoop {
                    counter.add(1)
                    gauge.add(1)
                    histogram.record(value)
                }
            }
            let writing = loops.map { loop in
                loop.submit {
                    let counter = counter.local(loop)
                    let gauge = gauge.local(loop)
                    let histogram = histogram.local(loop)
                    for value in 0..<perLoop {
                        counter.increment()
                        gauge.add(1)
                        histogram.record(value)
                    }
                }
            }
            for future in writing { try future.wait() }
            try spare.wait()
            isDone.withLockedValue { $0 = true }
            let (rounds, wentBack) = try reading.wait()
            try reader.syncShutdownGracefully()

            #expect(!wentBack)
            #expect(rounds > 0)
            let writers = UInt64(loops.count + 1)
            #expect(counter.value == writers * perLoop)
            #expect(gauge.value == Int64(writers * perLoop))
            let snapshot = histogram.snapshot()
            #expect(snapshot.count == writers * perLoop)
            #expect(snapshot.sum == writers * (perLoop * (perLoop - 1) / 2))
            #expect(snapshot.maximum == perLoop - 1)
        }
    }

    /// Many threads make, find and give back the same instruments while loops count in some.
    @Test func makingAndDestroyingFromManyThreads() throws {
        try withLoops(3) { group, loops in
            let registry = MetricRegistry(group: group)
            let factory = registry.metricsFactory
            let pinned = registry.counter("pinned")
            let futures = loops.map { loop in
                loop.submit {
                    for index in 0..<500 {
                        let handler = factory.makeCounter(label: "c\(index % 7)", dimensions: [])
                        handler.increment(by: 1)
                        let shared = factory.makeCounter(label: "pinned", dimensions: [])
                        shared.increment(by: 1)
                        factory.destroyCounter(handler)
                        factory.destroyCounter(shared)
                        _ = registry.snapshot()
                    }
                }
            }
            for future in futures { try future.wait() }
            #expect(pinned.value == 1500)
            #expect(registry.snapshot().samples.filter { $0.descriptor.origin == .metricsFactory }.isEmpty)
        }
    }
}
