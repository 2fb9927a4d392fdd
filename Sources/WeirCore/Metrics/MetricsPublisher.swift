import CoreMetrics

/// The reporter's memory: which instrument is what in the backend, and what was reported last. Runs where its caller's task runs.
actor MetricsPublisher {
    private struct Published {
        /// Kept so that no other instrument can be found under its identity.
        let instrument: MetricInstrument
        /// Nil when it is not to be published.
        var backend: BackendInstrument?
    }

    private let registry: MetricRegistry
    private let isIncluded: @Sendable (MetricDescriptor) -> Bool
    private var factory: (any MetricsFactory)?
    private var published: [ObjectIdentifier: Published] = [:]

    init(
        registry: MetricRegistry, factory: (any MetricsFactory)?, isIncluded: @escaping @Sendable (MetricDescriptor) -> Bool
    ) {
        self.registry = registry
        self.factory = factory
        self.isIncluded = isIncluded
    }

    static func refuseFeedback(from registry: MetricRegistry, to factory: any MetricsFactory) throws(MetricsError) {
        if let own = factory as? RegistryMetricsFactory, own.registry === registry { throw .feedback }
    }

    /// Throws at once what the first report would.
    func refuseFeedback() throws(MetricsError) { _ = try self.backendFactory() }

    /// One report. Nothing in it suspends, so rounds do not mix.
    func publish() throws(MetricsError) {
        guard let factory = try self.backendFactory() else { return }
        RegistryBeingPublished.$identity.withValue(ObjectIdentifier(self.registry)) {
            let instruments = self.registry.instruments()
            // First those that are gone: one of the same name may have taken the place.
            let present = Set(instruments.map { ObjectIdentifier($0) })
            for (identity, entry) in self.published where !present.contains(identity) {
                entry.backend?.destroy()
                self.published[identity] = nil
            }
            for instrument in instruments {
                self.published[ObjectIdentifier(instrument), default: self.entry(for: instrument, factory)]
                    .backend?.report(instrument)
            }
        }
    }

    private func entry(for instrument: MetricInstrument, _ factory: any MetricsFactory) -> Published {
        let isIncluded = self.isIncluded(instrument.descriptor)
        return Published(
            instrument: instrument,
            backend: isIncluded ? BackendInstrument(instrument.descriptor, factory: factory) : nil)
    }

    /// The explicit factory, or the bootstrapped one, kept once there is one: handlers belong to the factory that made them. Nil
    /// until then; what is counted meanwhile is in the first report.
    private func backendFactory() throws(MetricsError) -> (any MetricsFactory)? {
        if let factory = self.factory { return factory }
        let bootstrapped = MetricsSystem.factory
        try Self.refuseFeedback(from: self.registry, to: bootstrapped)
        guard !(bootstrapped is NOOPMetricsHandler) else { return nil }
        self.factory = bootstrapped
        return bootstrapped
    }
}

/// One of our instruments as a backend knows it, with what was reported last.
private enum BackendInstrument {
    case counter(CoreMetrics.Counter, last: UInt64)
    case floatingPointCounter(CoreMetrics.FloatingPointCounter, last: Double)
    case meter(CoreMetrics.Meter)
    case histogram(BackendHistogram)

    init(_ descriptor: MetricDescriptor, factory: any MetricsFactory) {
        let name = descriptor.name
        let labels = descriptor.labels
        switch descriptor.kind {
        case .counter: self = .counter(.init(label: name, dimensions: labels, factory: factory), last: 0)
        case .floatingPointCounter:
            self = .floatingPointCounter(.init(label: name, dimensions: labels, factory: factory), last: 0)
        case .gauge, .lastValue: self = .meter(.init(label: name, dimensions: labels, factory: factory))
        case .histogram: self = .histogram(BackendHistogram(descriptor, factory: factory))
        }
    }

    mutating func report(_ instrument: MetricInstrument) {
        switch (self, instrument.sample.value) {
        case (.counter(let counter, let last), .counter(let value)):
            counter.increment(byDelta: value >= last ? value - last : value)
            self = .counter(counter, last: value)
        case (.floatingPointCounter(let counter, let last), .floatingPointCounter(let value)):
            let delta = value >= last ? value - last : value
            if delta > 0 { counter.increment(by: delta) }
            self = .floatingPointCounter(counter, last: value)
        case (.meter(let meter), .gauge(let value)):
            // Not as a Double, which would lose the last digits of a large one.
            meter.set(value)
        case (.meter(let meter), .lastValue(let value)):
            meter.set(value)
        case (.histogram(var histogram), .histogram(let value)):
            histogram.report(value)
            self = .histogram(histogram)
        case (.counter, _), (.floatingPointCounter, _), (.meter, _), (.histogram, _):
            assertionFailure("an instrument's value is of its kind")
        }
    }

    func destroy() {
        switch self {
        case .counter(let counter, _): counter.destroy()
        case .floatingPointCounter(let counter, _): counter.destroy()
        case .meter(let meter): meter.destroy()
        case .histogram(let histogram): histogram.destroy()
        }
    }
}

/// A histogram as a backend knows it.
private struct BackendHistogram {
    private static let quantiles: [(suffix: String, quantile: Double)] = [
        ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1),
    ]

    private let unit: MetricUnit
    private let count: CoreMetrics.Counter
    private let sum: CoreMetrics.FloatingPointCounter
    private let quantiles: [CoreMetrics.Meter]
    private var last = HistogramSnapshot.empty

    init(_ descriptor: MetricDescriptor, factory: any MetricsFactory) {
        let name = descriptor.name
        let labels = descriptor.labels
        self.unit = descriptor.unit
        self.count = .init(label: name + "_count", dimensions: labels, factory: factory)
        self.sum = .init(label: name + "_sum", dimensions: labels, factory: factory)
        self.quantiles = Self.quantiles.map { .init(label: "\(name)_\($0.suffix)", dimensions: labels, factory: factory) }
    }

    mutating func report(_ snapshot: HistogramSnapshot) {
        let interval = snapshot - self.last
        self.last = snapshot
        self.count.increment(byDelta: interval.count)
        let sum = self.unit.inBaseUnit(interval.floatingPointSum)
        if sum > 0 { self.sum.increment(by: sum) }
        for (meter, (_, quantile)) in zip(self.quantiles, Self.quantiles) {
            meter.set(self.unit.inBaseUnit(interval.value(atQuantile: quantile)))
        }
    }

    func destroy() {
        self.count.destroy()
        self.sum.destroy()
        for meter in self.quantiles { meter.destroy() }
    }
}

extension CoreMetrics.Counter {
    /// Backends take an `Int64`; a delta may be up to twice as large.
    fileprivate func increment(byDelta delta: UInt64) {
        var rest = delta
        while rest > 0 {
            let step = min(rest, UInt64(Int64.max))
            self.increment(by: Int64(step))
            rest -= step
        }
    }
}
