public import CoreMetrics

/// A swift-metrics backend that keeps what other libraries measure in the cells of a ``MetricRegistry``.
///
/// `MetricsSystem.bootstrap(registry.metricsFactory)`, or pass it to a library. What a library records on one of the registry's
/// loops goes to that loop's cells, without a locked instruction; what it records elsewhere goes to the spare ones, with one.
///
/// | swift-metrics | becomes | values without meaning |
/// | --- | --- | --- |
/// | `Counter` | counter | below zero: dropped |
/// | `FloatingPointCounter` | floating-point counter | below zero, infinite, not a number: dropped |
/// | `Recorder` | histogram, fixed point | below zero and beyond the range: clamped; infinite, not a number: dropped |
/// | `Gauge`, `Recorder(aggregate: false)`, `Meter` | last value | infinite, not a number: dropped |
/// | `Timer` | histogram of nanoseconds | below zero: clamped to zero |
///
/// What was clamped or dropped counts in `weir_metrics_invalid_values`. Sums stay finite. Beyond the registry's limits a library
/// gets the overflow instrument. Instruments destroyed by all who made them leave the registry, and their cells are used again.
/// Making an instrument takes a lock and looks up a name: libraries should keep what they made.
public struct RegistryMetricsFactory: MetricsFactory {
    /// Where the instruments are.
    public let registry: MetricRegistry
    /// The unit of histograms made for `Recorder`s. Thousandths by default, so that ratios and other fractions keep a shape:
    /// values up to 1.8 × 10^16, resolution 0.001 or 3.2 %, whichever is coarser.
    public let recorderUnit: MetricUnit

    init(registry: MetricRegistry, recorderUnit: MetricUnit) {
        self.registry = registry
        self.recorderUnit = recorderUnit
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        guard let bridge = self.bridge(.counter, label, dimensions) else { return NOOPMetricsHandler.instance }
        return BridgedCounter(bridge)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        guard let bridge = self.bridge(.floatingPointCounter, label, dimensions) else {
            return NOOPMetricsHandler.instance
        }
        return BridgedFloatingPointCounter(bridge)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        guard let bridge = self.bridge(.lastValue, label, dimensions) else { return NOOPMetricsHandler.instance }
        return BridgedLastValue(bridge)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else {
            guard let bridge = self.bridge(.lastValue, label, dimensions) else { return NOOPMetricsHandler.instance }
            return BridgedLastValue(bridge)
        }
        guard let bridge = self.bridge(.histogram, label, dimensions, unit: self.recorderUnit) else {
            return NOOPMetricsHandler.instance
        }
        return BridgedHistogram(bridge)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        guard let bridge = self.bridge(.histogram, label, dimensions, unit: .nanoseconds) else {
            return NOOPMetricsHandler.instance
        }
        return BridgedHistogram(bridge)
    }

    // A handler of another factory, or one destroyed before, is ignored.
    public func destroyCounter(_ handler: any CounterHandler) { self.destroy(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.destroy(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { self.destroy(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { self.destroy(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { self.destroy(handler) }

    private func destroy(_ handler: AnyObject) {
        guard let bridge = (handler as? any BridgedHandler)?.bridge, bridge.registry === self.registry else { return }
        bridge.release()
    }

    /// Nil while this very registry is being published: a reporter that feeds several backends at once, this one among them,
    /// must not be handed its own instruments.
    private func bridge(
        _ kind: MetricKind, _ label: String, _ dimensions: [(String, String)], unit: MetricUnit = .none
    ) -> MetricsBridge? {
        guard RegistryBeingPublished.identity != ObjectIdentifier(self.registry) else { return nil }
        return MetricsBridge(
            self.registry,
            self.registry.instrument(kind, label, help: "", labels: dimensions, unit: unit, origin: .metricsFactory))
    }
}

extension MetricRegistry {
    /// A swift-metrics backend whose instruments are this registry's. See ``RegistryMetricsFactory``.
    public var metricsFactory: RegistryMetricsFactory { self.metricsFactory(recorderUnit: .thousandths) }

    /// A swift-metrics backend whose instruments are this registry's, with another resolution for `Recorder`s.
    public func metricsFactory(recorderUnit: MetricUnit) -> RegistryMetricsFactory {
        RegistryMetricsFactory(registry: self, recorderUnit: recorderUnit)
    }
}

/// Which registry the running code is publishing to a backend.
enum RegistryBeingPublished {
    @TaskLocal static var identity: ObjectIdentifier?
}
