import CoreMetrics
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import ServiceLifecycle
import Testing

@testable import WeirCore

@Suite struct MetricsReporterTests {
    private let backend = FakeBackend()
    private let loop = NIOAsyncTestingEventLoop()

    @Test func countersAreDeltasAndGaugesAreValues() async throws {
        let registry = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry, factory: self.backend)
        let counter = registry.counter("c", labels: [("a", "b")])
        let gauge = registry.gauge("g")
        counter.add(5)
        gauge.add(-3)
        try await reporter.publish()
        #expect(self.backend.calls("c{a=b}") == ["+5"])
        #expect(self.backend.calls("g") == ["=-3"])
        try await reporter.publish()
        #expect(self.backend.calls("c{a=b}") == ["+5"], "nothing new, nothing sent")
        counter.add(2)
        gauge.add(10)
        try await reporter.publish()
        #expect(self.backend.calls("c{a=b}") == ["+5", "+2"])
        #expect(self.backend.calls("g") == ["=-3", "=-3", "=7"])
        counter.add(.max - 7)
        try await reporter.publish()
        #expect(
            self.backend.calls("c{a=b}").dropFirst(2) == ["+9223372036854775807", "+9223372036854775801"],
            "a delta beyond Int64 goes in two")
        #expect(self.backend.made("c{a=b}") == 1, "backend instruments are made once")
    }

    @Test func histogramsAreCountsSumsAndQuantilesOfTheInterval() async throws {
        let registry = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry, factory: self.backend)
        let histogram = registry.histogram("h", unit: .milliseconds)
        for value: UInt64 in 1...10 { histogram.record(value) }
        try await reporter.publish()
        histogram.record(20, count: 4)
        try await reporter.publish()
        try await reporter.publish()
        #expect(self.backend.calls("h_count") == ["+10", "+4"])
        #expect(self.backend.calls("h_sum") == ["+0.055", "+0.08"])
        #expect(self.backend.calls("h_p50") == ["=0.005", "=0.02", "=0.0"])
        #expect(self.backend.calls("h_p90") == ["=0.009", "=0.02", "=0.0"])
        #expect(self.backend.calls("h_p99") == ["=0.01", "=0.02", "=0.0"])
        #expect(self.backend.calls("h_p999") == ["=0.01", "=0.02", "=0.0"])
        #expect(self.backend.calls("h_max") == ["=0.01", "=0.02", "=0.0"])
    }

    @Test func bridgedInstrumentsResetAndDestroyed() async throws {
        let registry = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry, factory: self.backend)
        let counter = CoreMetrics.Counter(label: "c", factory: registry.metricsFactory)
        let amount = CoreMetrics.FloatingPointCounter(label: "f", factory: registry.metricsFactory)
        let meter = CoreMetrics.Meter(label: "m", factory: registry.metricsFactory)
        counter.increment(by: 9)
        amount.increment(by: 1.5)
        meter.set(2.5)
        try await reporter.publish()
        counter.reset()
        counter.increment(by: 4)
        amount.reset()
        amount.increment(by: 0.25)
        try await reporter.publish()
        #expect(self.backend.calls("c") == ["+9", "+4"])
        #expect(self.backend.calls("f") == ["+1.5", "+0.25"])
        #expect(self.backend.calls("m") == ["=2.5", "=2.5"])
        counter.destroy()
        CoreMetrics.Counter(label: "c", factory: registry.metricsFactory).increment(by: 1)
        try await reporter.publish()
        #expect(self.backend.calls("c") == ["+9", "+4", "destroyed", "+1"])
    }

    @Test func leavesOutWhatIsNotWanted() async throws {
        let registry = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry, factory: self.backend) { $0.origin == .registry }
        CoreMetrics.Counter(label: "theirs", factory: registry.metricsFactory).increment()
        registry.counter("ours").add(1)
        try await reporter.publish()
        #expect(self.backend.made("theirs") == 0)
        #expect(self.backend.calls("ours") == ["+1"])
    }

    @Test func refusesToFeedBack() async throws {
        let registry = MetricRegistry(group: self.loop)
        let error = #expect(throws: MetricsError.self) {
            _ = try MetricsReporter(registry: registry, factory: registry.metricsFactory)
        }
        #expect(error?.code == .feedback)
        #expect(throws: MetricsError.self) { _ = try MetricsReporter(registry: registry, interval: .zero) }
        // Another registry's factory is a backend like any other.
        let other = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry, factory: other.metricsFactory)
        registry.counter("c").add(3)
        try await reporter.publish()
        #expect(other.snapshot().counter("c") == 3)
    }

    @Test func refusesItsOwnFactoryWhenThatIsBootstrapped() async throws {
        let registry = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry)
        await withMetricsFactory(registry.metricsFactory) {
            await #expect(throws: MetricsError.self) { try await reporter.publish() }
            await #expect(throws: MetricsError.self) { try await reporter.run() }
        }
    }

    @Test func aMultiplexerFeedsAllButItself() async throws {
        let registry = MetricRegistry(group: self.loop)
        let both = MultiplexMetricsHandler(factories: [registry.metricsFactory, self.backend])
        let reporter = try MetricsReporter(registry: registry, factory: both)
        registry.counter("c").add(3)
        registry.histogram("h").record(1)
        let before = registry.snapshot().samples.count
        for _ in 0..<3 { try await reporter.publish() }
        #expect(registry.counter("c").value == 3)
        #expect(registry.snapshot().samples.count == before)
        #expect(self.backend.calls("c") == ["+3"])
    }

    @Test func waitsForTheBootstrappedBackend() async throws {
        let registry = MetricRegistry(group: self.loop)
        let reporter = try MetricsReporter(registry: registry)
        registry.counter("c").add(3)
        try await withMetricsFactory(NOOPMetricsHandler.instance) { try await reporter.publish() }
        registry.counter("c").add(1)
        try await withMetricsFactory(self.backend) { try await reporter.publish() }
        #expect(self.backend.calls("c") == ["+4"])
    }

    @Test(.timeLimit(.minutes(1))) func reportsAtAnIntervalAndOnceMoreAtShutdown() async throws {
        let registry = MetricRegistry(group: self.loop)
        let gauge = registry.gauge("g")
        let counter = registry.counter("c")
        let (reports, continuation) = AsyncStream.makeStream(of: Void.self)
        self.backend.onSet("g") { continuation.yield() }
        let reporter = try MetricsReporter(registry: registry, factory: self.backend, interval: .milliseconds(1))
        let group = ServiceGroup(configuration: .init(services: [.init(service: reporter)], logger: .init(label: "test")))
        gauge.add(1)
        async let running: Void = group.run()
        var seen = 0
        for await _ in reports {
            seen += 1
            if seen == 3 { break }
        }
        await group.triggerGracefulShutdown()
        try await running
        #expect(self.backend.calls("g").count >= 4, "three at the interval and the last one")
        counter.add(1)
        #expect(self.backend.calls("c").isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func theLastReportHasWhatCameBeforeShutdown() async throws {
        let registry = MetricRegistry(group: self.loop)
        let counter = registry.counter("c")
        let reporter = try MetricsReporter(registry: registry, factory: self.backend, interval: .seconds(Int64.max))
        let group = ServiceGroup(configuration: .init(services: [.init(service: reporter)], logger: .init(label: "test")))
        counter.add(42)
        async let running: Void = group.run()
        await group.triggerGracefulShutdown()
        try await running
        #expect(self.backend.calls("c") == ["+42"])

        counter.add(1)
        let task = Task { try await reporter.run() }
        task.cancel()
        try await task.value
        #expect(self.backend.calls("c") == ["+42", "+1"], "cancellation ends it as well, with a report")
    }

    @Test func neverCallsTheBackendOnALoop() async throws {
        let loops = MultiThreadedEventLoopGroup.singleton
        let loop = loops.next()
        let registry = MetricRegistry(group: loops)
        registry.counter("c").add(1)
        let reporter = try MetricsReporter(registry: registry, factory: self.backend)
        let onLoop = try await Task(executorPreference: LoopPreference(loop: loop)) {
            let started = loop.inEventLoop
            try await reporter.publish()
            let task = Task(executorPreference: LoopPreference(loop: loop)) { try await reporter.run() }
            task.cancel()
            try await task.value
            return started && loop.inEventLoop
        }.value
        #expect(onLoop, "the caller was on the loop and came back to it")
        #expect(self.backend.calls("c") == ["+1"])
        #expect(!self.backend.wasCalledOnALoop)
    }
}

/// Runs tasks on a loop.
private final class LoopPreference: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// A backend that writes down what it is told: `+n` for counters, `=n` for meters.
private final class FakeBackend: MetricsFactory {
    private struct State {
        var calls: [String: [String]] = [:]
        var made: [String: Int] = [:]
        var onSet: [String: @Sendable () -> Void] = [:]
        var wasCalledOnALoop = false
    }

    private let state = NIOLockedValueBox(State())

    func calls(_ name: String) -> [String] { self.state.withLockedValue { $0.calls[name] ?? [] } }
    func made(_ name: String) -> Int { self.state.withLockedValue { $0.made[name] ?? 0 } }
    var wasCalledOnALoop: Bool { self.state.withLockedValue { $0.wasCalledOnALoop } }
    func onSet(_ name: String, _ body: @escaping @Sendable () -> Void) { self.state.withLockedValue { $0.onSet[name] = body } }

    fileprivate func called(_ name: String, _ what: String) {
        let onSet = self.state.withLockedValue { state in
            state.calls[name, default: []].append(what)
            if MultiThreadedEventLoopGroup.currentEventLoop != nil { state.wasCalledOnALoop = true }
            return state.onSet[name]
        }
        onSet?()
    }

    private func make(_ label: String, _ dimensions: [(String, String)]) -> Instrument {
        let labels = dimensions.map { "\($0.0)=\($0.1)" }.joined(separator: ",")
        let name = labels.isEmpty ? label : "\(label){\(labels)}"
        self.state.withLockedValue { $0.made[name, default: 0] += 1 }
        return Instrument(name: name, backend: self)
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { self.make(label, dimensions) }
    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        self.make(label, dimensions)
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { self.make(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        NOOPMetricsHandler.instance
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { NOOPMetricsHandler.instance }
    func destroyCounter(_ handler: any CounterHandler) { self.destroy(handler) }
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.destroy(handler) }
    func destroyMeter(_ handler: any MeterHandler) { self.destroy(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    private func destroy(_ handler: AnyObject) {
        guard let instrument = handler as? Instrument else { return }
        self.called(instrument.name, "destroyed")
    }

    private final class Instrument: CounterHandler, FloatingPointCounterHandler, MeterHandler {
        let name: String
        private let backend: FakeBackend

        init(name: String, backend: FakeBackend) {
            self.name = name
            self.backend = backend
        }

        func increment(by amount: Int64) { self.backend.called(self.name, "+\(amount)") }
        func increment(by amount: Double) { self.backend.called(self.name, "+\(amount)") }
        func decrement(by amount: Double) { self.backend.called(self.name, "-\(amount)") }
        func set(_ value: Int64) { self.backend.called(self.name, "=\(value)") }
        func set(_ value: Double) { self.backend.called(self.name, "=\(value)") }
        func reset() { self.backend.called(self.name, "reset") }
    }
}
