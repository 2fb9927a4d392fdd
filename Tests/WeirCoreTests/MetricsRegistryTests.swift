import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import WeirCore

@Suite struct MetricsRegistryTests {
    @Test func sameNameAndLabelsAreTheSameInstrument() {
        let registry = MetricRegistry(group: EmbeddedEventLoop())
        registry.counter("c", help: "first", labels: [("a", "1"), ("b", "2")]).add(1)
        registry.counter("c", help: "second", labels: [("b", "2"), ("a", "1")]).add(2)
        registry.counter("c", labels: [("a", "1")]).add(10)
        registry.gauge("c", labels: [("a", "1")]).add(-7)
        #expect(registry.counter("c", labels: [("a", "1"), ("b", "2")]).value == 3)
        #expect(registry.counter("c", labels: [("a", "1")]).value == 10)
        #expect(registry.gauge("c", labels: [("a", "1")]).value == -7)
        #expect(registry.counter("c", labels: [("a", "1"), ("b", "2")]).descriptor.help == "first")
    }

    @Test func countersWrapAndGaugesWrap() {
        let loop = EmbeddedEventLoop()
        let registry = MetricRegistry(group: loop)
        let counter = registry.counter("c")
        let local = counter.local(loop)
        local.increment(by: .max)
        local.increment(by: 3)
        #expect(local.value == 2)
        counter.add(.max)
        #expect(counter.value == 1)
        let gauge = registry.gauge("g")
        let part = gauge.local(loop)
        part.set(.max)
        part.add(1)
        #expect(part.value == .min)
        gauge.add(-1)
        #expect(gauge.value == .max)
    }

    @Test func gaugeIsTheSumOfItsParts() throws {
        try withLoops(3) { group, loops in
            let gauge = MetricRegistry(group: group).gauge("g")
            for (index, loop) in loops.enumerated() {
                try loop.submit {
                    gauge.local(loop).set(100)
                    gauge.local(loop).set(Int64(index) - 5)
                    gauge.local(loop).add(2)
                }.wait()
            }
            gauge.add(1000)
            #expect(gauge.value == (-5 - 4 - 3) + 6 + 1000)
        }
    }

    @Test func localsOutliveTheRegistry() {
        let loop = EmbeddedEventLoop()
        var registry: MetricRegistry? = MetricRegistry(group: loop)
        let counter = registry?.counter("c").local(loop)
        let histogram = registry?.histogram("h").local(loop)
        registry = nil
        counter?.increment()
        histogram?.record(1)
        #expect(counter?.value == 1)
    }

    @Test func lanesShareNoCacheLine() {
        let block = MetricCellBlock(lanes: 4, cellsPerLane: 17)
        let starts = (0..<4).map { Int(bitPattern: block.cells(lane: $0)) }
        for start in starts { #expect(start % 128 == 0) }
        for (one, next) in zip(starts, starts.dropFirst()) { #expect(next - one >= 17 * 8 && (next - one) % 128 == 0) }
        // All cells of a lane are that lane's.
        for lane in 0..<4 {
            for cell in 0..<17 { #expect(block.lane(of: block.cells(lane: lane) + cell) == lane) }
        }
    }

    @Test func everyLoopHasItsLane() throws {
        try withLoops(17) { group, loops in
            let lanes = LoopLanes(group)
            #expect(lanes.count == 18 && lanes.spare == 17)
            #expect(loops.compactMap { lanes.lane(of: $0) } == Array(0..<17))
            #expect(lanes.lane(of: EmbeddedEventLoop()) == nil)
        }
    }

    @Test func snapshotListsEverythingSorted() {
        let loop = EmbeddedEventLoop()
        let registry = MetricRegistry(group: loop)
        registry.histogram("b_latency", help: "How long.", labels: [("k", "v")], unit: .nanoseconds).record(1_500_000)
        registry.gauge("a_open").add(4)
        registry.counter("c_total", labels: [("z", "2")]).add(5)
        registry.counter("c_total", labels: [("z", "1")]).add(6)
        let snapshot = registry.snapshot()
        let ours = snapshot.samples.filter { !$0.descriptor.name.hasPrefix("weir_") }
        #expect(ours.map(\.descriptor.name) == ["a_open", "b_latency", "c_total", "c_total"])
        #expect(ours.map(\.descriptor.kind) == [.gauge, .histogram, .counter, .counter])
        #expect(ours[2].descriptor.labels.first?.1 == "1")
        #expect(ours[1].descriptor.help == "How long." && ours[1].descriptor.unit == .nanoseconds)
        #expect(snapshot.gauge("a_open") == 4)
        #expect(snapshot.counter("c_total", labels: [("z", "1")]) == 6)
        #expect(snapshot.counter("c_total", labels: [("z", "2")]) == 5)
        #expect(snapshot.counter("c_total") == nil && snapshot.counter("zzz") == nil && snapshot.counter("") == nil)
        #expect(snapshot.histogram("b_latency", labels: [("k", "v")])?.count == 1)
        #expect(MetricUnit.nanoseconds.inBaseUnit(UInt64(1_500_000)) == 0.0015)
    }

    @Test func beyondTheLimitInstrumentsAreShared() {
        let registry = MetricRegistry(
            group: EmbeddedEventLoop(), limits: .init(maximumInstruments: 5, maximumHistograms: 1))
        registry.histogram("h0").record(1)
        registry.histogram("h1").record(2)
        registry.histogram("h2").record(3)
        for index in 0..<100 { registry.counter("c\(index)").add(1) }
        let snapshot = registry.snapshot()
        #expect(snapshot.samples.count == 3 + 5 + 2, "the registry's own, the limit, one overflow instrument per kind")
        #expect(snapshot.counter("weir_metrics_rejected_instruments") == 98, "two histograms, 96 counters")
        #expect(snapshot.counter("weir_metrics_overflow", labels: [("kind", "counter")]) == 96)
        #expect(snapshot.histogram("weir_metrics_overflow", labels: [("kind", "histogram")])?.count == 2)
        #expect(snapshot.histogram("h0")?.count == 1)
        registry.counter("c3").add(1)
        #expect(registry.counter("c3").value == 2, "those within the limit are still found")
    }

    @Test func cellsAreUsedAgainAndZeroed() {
        let arena = MetricCellArena(lanes: 2)
        var places: Set<UnsafeMutablePointer<MetricCell>> = []
        for _ in 0..<1000 {
            let slot = arena.allocate()
            let cell = slot.block.cells(lane: 1) + slot.offset
            #expect(cell.loadRelaxed() == 0)
            cell.storeRelaxed(7)
            places.insert(cell)
            arena.release(slot)
        }
        #expect(places.count == 1)
        let many = (0..<200).map { _ in arena.allocate() }
        #expect(Set(many.map { $0.block.cells(lane: 0) + $0.offset }).count == 200)
    }

    #if os(Linux) || os(macOS)
        @Test func refusesALoopOfAnotherGroup() async {
            await #expect(processExitsWith: .failure) {
                let registry = MetricRegistry(group: EmbeddedEventLoop())
                _ = registry.counter("c").local(EmbeddedEventLoop())
            }
        }

        @Test func refusesToHandOutCellsOffTheLoop() async {
            await #expect(processExitsWith: .failure) {
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
                _ = MetricRegistry(group: group).counter("c").local(group.next())
            }
        }

        @Test func debugBuildsRefuseACellUsedOffItsLoop() async {
            await #expect(processExitsWith: .failure) {
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
                MetricsThief.use(MetricRegistry(group: group).counter("c"))
            }
        }
    #endif
}

/// Does what the compiler and `local(_:)` forbid: writes to a loop's cell from another thread.
enum MetricsThief {
    static func use(_ counter: WeirCore.Counter) {
        LocalCounter(instrument: counter.instrument, cell: counter.instrument.cells(lane: 0)).increment()
    }
}
