import CoreMetrics
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import WeirCore

@Suite struct MetricsThreadTests {
    /// Loops and two plain threads write while another thread takes snapshots: totals are exact at the end and never go back.
    @Test func totalsAreExactUnderConcurrentSnapshots() throws {
        let perLoop: UInt64 = 20_000
        try withLoops(3) { group, loops in
            let registry = MetricRegistry(group: group)
            let counter = registry.counter("c")
            let gauge = registry.gauge("g")
            let histogram = registry.histogram("h")
            let isDone = NIOLockedValueBox(false)
            let threads = NIOThreadPool(numberOfThreads: 3)
            threads.start()

            let reading = threads.runIfActive(eventLoop: loops[0]) { () -> (rounds: Int, wentBack: Bool) in
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
            let spares = (0..<2).map { _ in
                threads.runIfActive(eventLoop: loops[0]) {
                    for value in 0..<perLoop {
                        counter.add(1)
                        gauge.add(1)
                        histogram.record(value)
                    }
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
            for future in spares { try future.wait() }
            isDone.withLockedValue { $0 = true }
            let (rounds, wentBack) = try reading.wait()
            try threads.syncShutdownGracefully()

            #expect(!wentBack)
            #expect(rounds > 0)
            let writers = UInt64(loops.count + spares.count)
            #expect(counter.value == writers * perLoop)
            #expect(gauge.value == Int64(writers * perLoop))
            let snapshot = histogram.snapshot()
            #expect(snapshot.count == writers * perLoop)
            #expect(snapshot.sum == writers * (perLoop * (perLoop - 1) / 2))
            #expect(snapshot.maximum == perLoop - 1)
        }
    }

    /// The spare cells have many writers: none of their additions is lost.
    @Test func writersOffTheLoopsLoseNothing() throws {
        try withLoops(1) { group, loops in
            let registry = MetricRegistry(group: group)
            let counter = registry.counter("c")
            let histogram = registry.histogram("h")
            let amount = registry.metricsFactory.makeFloatingPointCounter(label: "f", dimensions: [])
            let threads = NIOThreadPool(numberOfThreads: 3)
            threads.start()
            let waiting = NIOLockedValueBox(3)
            let each: UInt64 = 100_000
            let futures = (0..<3).map { _ in
                threads.runIfActive(eventLoop: loops[0]) {
                    // All at once, or there is nothing to lose.
                    waiting.withLockedValue { $0 -= 1 }
                    while waiting.withLockedValue({ $0 }) > 0 {}
                    for value in 0..<each {
                        counter.add(1)
                        histogram.record(value % 4)
                        amount.increment(by: 0.5)
                    }
                }
            }
            for future in futures { try future.wait() }
            try threads.syncShutdownGracefully()
            #expect(counter.value == 3 * each)
            #expect(histogram.snapshot().count == 3 * each)
            #expect(histogram.snapshot().sum == 3 * each / 4 * 6)
            #expect(registry.snapshot().value("f") == .floatingPointCounter(Double(3 * each) / 2))
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
