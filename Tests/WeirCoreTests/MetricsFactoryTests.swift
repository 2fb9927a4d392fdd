import CoreMetrics
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import WeirCore

@Suite struct MetricsFactoryTests {
    private let registry = MetricRegistry(group: EmbeddedEventLoop())
    private var factory: RegistryMetricsFactory { self.registry.metricsFactory }

    private func invalid(_ action: String) -> UInt64? {
        self.registry.snapshot().counter("weir_metrics_invalid_values", labels: [("action", action)])
    }

    @Test func countersLandInTheLoopsOwnCells() throws {
        try withLoops(2) { group, loops in
            let registry = MetricRegistry(group: group)
            let counter = CoreMetrics.Counter(label: "c", dimensions: [("a", "b")], factory: registry.metricsFactory)
            let native = registry.counter("c", labels: [("a", "b")])
            for (index, loop) in loops.enumerated() {
                let own = try loop.submit {
                    counter.increment(by: index + 1)
                    return native.local(loop).value
                }.wait()
                #expect(own == UInt64(index) + 1)
            }
            counter.increment(by: 10)
            #expect(native.instrument.spareCells.loadRelaxed() == 10)
            #expect(native.value == 13)

            // A loop that is not of the group: the spare cell.
            try withLoops(1) { _, others in
                try others[0].submit { counter.increment() }.wait()
            }
            #expect(native.instrument.spareCells.loadRelaxed() == 11)
        }
    }

    @Test func everyKindOnALoop() throws {
        try withLoops(1) { group, loops in
            let registry = MetricRegistry(group: group)
            let factory = registry.metricsFactory
            try loops[0].submit {
                CoreMetrics.FloatingPointCounter(label: "f", factory: factory).increment(by: 0.25)
                CoreMetrics.Timer(label: "t", dimensions: [], factory: factory).recordNanoseconds(Int64(31))
                CoreMetrics.Recorder(label: "r", dimensions: [], aggregate: true, factory: factory).record(2)
            }.wait()
            let snapshot = registry.snapshot()
            #expect(snapshot.value("f") == .floatingPointCounter(0.25))
            #expect(snapshot.histogram("t")?.sum == 31)
            #expect(snapshot.histogram("r")?.sum == 2000)
            for name in ["t", "r", "f"] {
                let instrument = registry.instruments().first { $0.descriptor.name == name }
                #expect(instrument?.spareCells.loadRelaxed() == 0, "\(name) used the loop's cells")
                #expect(instrument?.descriptor.origin == .metricsFactory)
            }
        }
    }

    @Test func countersRefuseWhatHasNoMeaning() {
        let counter = self.factory.makeCounter(label: "c", dimensions: [])
        counter.increment(by: -5)
        counter.increment(by: .min)
        counter.increment(by: .max)
        counter.increment(by: .max)
        #expect(self.registry.counter("c").value == UInt64.max - 1)
        #expect(self.invalid("dropped") == 2)
        counter.reset()
        #expect(self.registry.counter("c").value == 0)
        counter.increment(by: 3)
        #expect(self.registry.counter("c").value == 3)
    }

    @Test func floatingPointCountersStayFinite() {
        let counter = self.factory.makeFloatingPointCounter(label: "f", dimensions: [])
        for odd in [Double.nan, .signalingNaN, .infinity, -.infinity, -1] { counter.increment(by: odd) }
        #expect(self.invalid("dropped") == 5)
        counter.increment(by: 0.5)
        counter.increment(by: 1.25)
        #expect(self.registry.snapshot().value("f") == .floatingPointCounter(1.75))
        counter.reset()
        #expect(self.registry.snapshot().value("f") == .floatingPointCounter(0))
        counter.increment(by: 2)
        #expect(self.registry.snapshot().value("f") == .floatingPointCounter(2))
        counter.increment(by: .greatestFiniteMagnitude)
        counter.increment(by: .greatestFiniteMagnitude)
        #expect(self.registry.snapshot().value("f") == .floatingPointCounter(.greatestFiniteMagnitude))
    }

    @Test func metersAndGaugesKeepTheLastValue() {
        let meter = CoreMetrics.Meter(label: "m", factory: self.factory)
        meter.set(5)
        meter.increment(by: 2.5)
        meter.decrement(by: 10.0)
        #expect(self.registry.snapshot().value("m") == .lastValue(-2.5))
        for odd in [Double.nan, .infinity, -.infinity] {
            meter.set(odd)
            meter.increment(by: odd)
            meter.decrement(by: odd)
        }
        #expect(self.registry.snapshot().value("m") == .lastValue(-2.5))
        #expect(self.invalid("dropped") == 9)
        meter.set(Double.greatestFiniteMagnitude)
        meter.increment(by: Double.greatestFiniteMagnitude)
        #expect(self.registry.snapshot().value("m") == .lastValue(.greatestFiniteMagnitude))
        let gauge = CoreMetrics.Gauge(label: "g", dimensions: [], factory: self.factory)
        gauge.record(1)
        gauge.record(-0.5)
        #expect(self.registry.snapshot().value("g") == .lastValue(-0.5))
    }

    @Test func recordersClampAndDrop() {
        let recorder = self.factory.makeRecorder(label: "r", dimensions: [], aggregate: true)
        recorder.record(0.25)
        #expect(self.registry.histogram("r").snapshot().maximum == 250)
        recorder.record(Int64(-4))
        recorder.record(-4.5)
        recorder.record(Int64.max)
        recorder.record(1e300)
        #expect(self.invalid("clamped") == 4)
        for odd in [Double.nan, .infinity, -.infinity] { recorder.record(odd) }
        #expect(self.invalid("dropped") == 3)
        let snapshot = self.registry.histogram("r").snapshot()
        #expect(snapshot.count == 5 && snapshot.maximum == .max && snapshot.minimum == 0)
        #expect(self.registry.histogram("r").descriptor.unit == .thousandths)

        let whole = self.registry.metricsFactory(recorderUnit: .bytes).makeRecorder(
            label: "w", dimensions: [], aggregate: true)
        whole.record(Int64.max)
        whole.record(0x1p64)
        whole.record(0x1p64.nextDown)
        #expect(self.invalid("clamped") == 5)
    }

    @Test func timersClampAndConvert() {
        let timer = self.factory.makeTimer(label: "t", dimensions: [])
        timer.recordNanoseconds(-1)
        timer.recordNanoseconds(.max)
        #expect(self.invalid("clamped") == 1)
        let snapshot = self.registry.histogram("t").snapshot()
        #expect(snapshot.count == 2 && snapshot.minimum == 0 && snapshot.maximum == UInt64(Int64.max))

        // Made before by somebody who counts microseconds.
        let micro = self.registry.histogram("u", unit: .microseconds)
        self.factory.makeTimer(label: "u", dimensions: []).recordNanoseconds(31_000)
        #expect(micro.snapshot().maximum == 31)
    }

    @Test func destroyedByAllMeansGone() {
        let one = self.factory.makeCounter(label: "c", dimensions: [])
        let two = self.factory.makeCounter(label: "c", dimensions: [])
        one.increment(by: 1)
        self.factory.destroyCounter(one)
        self.factory.destroyCounter(one)
        #expect(self.registry.snapshot().counter("c") == 1, "one is left, and destroying twice is once")
        self.factory.destroyCounter(two)
        #expect(self.registry.snapshot().counter("c") == nil)
        two.increment(by: 5)
        let three = self.factory.makeCounter(label: "c", dimensions: [])
        #expect(self.registry.snapshot().counter("c") == 0, "a new one starts at zero, whatever the old one counts")
        // Asked for by the registry's own users: stays.
        _ = self.registry.counter("c")
        self.factory.destroyCounter(three)
        #expect(self.registry.snapshot().counter("c") == 0)
        // Not ours.
        let other = MetricRegistry(group: EmbeddedEventLoop())
        let foreign = other.metricsFactory.makeCounter(label: "x", dimensions: [])
        self.factory.destroyCounter(foreign)
        self.factory.destroyCounter(NOOPMetricsHandler.instance)
        #expect(other.snapshot().counter("x") == 0)
    }

    @Test func everyKindIsDestroyed() {
        let before = self.registry.snapshot().samples.count
        CoreMetrics.Counter(label: "1", factory: self.factory).destroy()
        CoreMetrics.FloatingPointCounter(label: "2", factory: self.factory).destroy()
        CoreMetrics.Meter(label: "3", factory: self.factory).destroy()
        CoreMetrics.Recorder(label: "4", dimensions: [], aggregate: true, factory: self.factory).destroy()
        CoreMetrics.Recorder(label: "5", dimensions: [], aggregate: false, factory: self.factory).destroy()
        CoreMetrics.Timer(label: "6", dimensions: [], factory: self.factory).destroy()
        #expect(self.registry.snapshot().samples.count == before)
    }

    @Test func destroyedInstrumentsMakeRoom() {
        let registry = MetricRegistry(
            group: EmbeddedEventLoop(), limits: .init(maximumInstruments: 3, maximumHistograms: 1))
        for index in 0..<100 {
            let timer = CoreMetrics.Timer(label: "t\(index)", dimensions: [], factory: registry.metricsFactory)
            timer.recordNanoseconds(Int64(1))
            timer.destroy()
        }
        #expect(registry.snapshot().counter("weir_metrics_rejected_instruments") == 0)
        for index in 0..<100 { CoreMetrics.Counter(label: "c\(index)", factory: registry.metricsFactory).increment() }
        #expect(registry.snapshot().counter("weir_metrics_rejected_instruments") == 97)
        #expect(registry.snapshot().counter("weir_metrics_overflow", labels: [("kind", "counter")]) == 97)
    }
}
