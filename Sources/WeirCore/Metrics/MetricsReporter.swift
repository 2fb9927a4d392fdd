public import CoreMetrics
public import ServiceLifecycle

/// Publishes a registry's instruments to a swift-metrics backend at an interval, from a task off the event loops: hot code never
/// calls a backend.
///
/// | instrument | in the backend |
/// | --- | --- |
/// | counter, floating-point counter | a counter, incremented by what was added since the last report |
/// | gauge, last value | a meter, set |
/// | histogram | counters `…_count` and `…_sum`, incremented by what was added |
/// | the same, since the last report | meters `…_p50`, `…_p90`, `…_p99`, `…_p999`, `…_max`; zero when nothing was recorded |
///
/// Values of histograms are in the base unit (seconds, not nanoseconds). A counter that was reset is reported from zero. An
/// instrument that was destroyed is destroyed in the backend; what it counted after the last report is not reported.
///
/// A registry is not published into itself: its own factory is refused, and if it is one of several that a multiplexing factory
/// feeds, that part gets nothing while the others get everything.
///
/// A ServiceLifecycle `Service`: ``run()`` reports until graceful shutdown or cancellation, then once more. `Sendable`.
public final class MetricsReporter: Service {
    private let publisher: MetricsPublisher
    private let interval: Duration

    /// - Parameters:
    ///   - registry: what to publish.
    ///   - factory: where to; nil for what the program bootstrapped with `MetricsSystem`, looked up at each report until there
    ///     is something.
    ///   - interval: from one report to the next; greater than zero, and taken as a year if it is longer.
    ///   - isIncluded: which instruments to publish; asked once for each. Leave out those whose origin is
    ///     ``MetricDescriptor/Origin-swift.enum/metricsFactory`` where a multiplexing factory hands them to the backend as well.
    /// - Throws: ``MetricsError`` when the interval is not positive or the factory is the registry's own.
    public init(
        registry: MetricRegistry,
        factory: (any MetricsFactory)? = nil,
        interval: Duration = .seconds(10),
        isIncluded: @escaping @Sendable (MetricDescriptor) -> Bool = { _ in true }
    ) throws(MetricsError) {
        guard interval > .zero else { throw .invalidInterval }
        if let factory { try MetricsPublisher.refuseFeedback(from: registry, to: factory) }
        self.interval = min(interval, .seconds(365 * 86_400))
        self.publisher = MetricsPublisher(registry: registry, factory: factory, isIncluded: isIncluded)
    }

    /// One report now. Runs on the global executor, whatever executor the caller prefers; concurrent calls take turns.
    ///
    /// - Throws: ``MetricsError`` when what the program bootstrapped is the registry's own factory.
    public func publish() async throws(MetricsError) {
        try await withTaskExecutorPreference(globalConcurrentExecutor) { () async throws(MetricsError) in
            try await self.publisher.publish()
        }
    }

    /// Reports at each interval until graceful shutdown or cancellation, then a last time. A report that takes longer than the
    /// interval delays the next; none are made up for.
    ///
    /// - Throws: ``MetricsError`` as ``publish()`` does, at once when the program bootstrapped already.
    public func run() async throws {
        try await self.publisher.refuseFeedback()
        do {
            try await cancelWhenGracefulShutdown {
                var next = ContinuousClock.now
                while true {
                    next = max(next + self.interval, .now)
                    try await Task.sleep(until: next, clock: .continuous)
                    try await self.publish()
                }
            }
        } catch is CancellationError {
            // The end of the service, one way or the other.
        }
        try await self.publish()
    }
}
