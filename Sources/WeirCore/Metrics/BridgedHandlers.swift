import Atomics
import CoreMetrics
import NIOPosix

/// What all our swift-metrics handlers have: the instrument, and that it is given back once.
struct MetricsBridge: Sendable {
    let registry: MetricRegistry
    let instrument: MetricInstrument
    private let isReleased = ManagedAtomic<Bool>(false)

    init(_ registry: MetricRegistry, _ instrument: MetricInstrument) {
        self.registry = registry
        self.instrument = instrument
    }

    /// The instrument leaves the registry when its last handler is released. Later writes through this one are harmless.
    func release() {
        guard !self.isReleased.exchange(true, ordering: .relaxed) else { return }
        self.registry.release(self.instrument)
    }

    /// The lane of the loop this runs on; nil off the registry's loops.
    var lane: Int? {
        MultiThreadedEventLoopGroup.currentEventLoop.flatMap { self.registry.lanes.lane(of: $0) }
    }

    func clamped() { self.registry.clampedValues.bump(lane: self.lane) }
    func dropped() { self.registry.droppedValues.bump(lane: self.lane) }
}

/// A handler of ours, to be told from another factory's.
protocol BridgedHandler: AnyObject, Sendable {
    var bridge: MetricsBridge { get }
}

final class BridgedCounter: BridgedHandler, CounterHandler {
    let bridge: MetricsBridge

    init(_ bridge: MetricsBridge) { self.bridge = bridge }

    func increment(by amount: Int64) {
        guard amount >= 0 else { return self.bridge.dropped() }
        self.bridge.instrument.bump(by: UInt64(amount), lane: self.bridge.lane)
    }

    func reset() { self.bridge.instrument.resetCounter() }
}

final class BridgedFloatingPointCounter: BridgedHandler, FloatingPointCounterHandler {
    let bridge: MetricsBridge

    init(_ bridge: MetricsBridge) { self.bridge = bridge }

    func increment(by amount: Double) {
        guard amount.isFinite, amount >= 0 else { return self.bridge.dropped() }
        if let lane = self.bridge.lane {
            self.bridge.instrument.addFloatingPoint(amount, lane: lane)
        } else {
            self.bridge.instrument.addFloatingPoint(amount)
        }
    }

    func reset() { self.bridge.instrument.resetFloatingPointCounter() }
}

/// Meters, gauges and recorders that do not aggregate.
final class BridgedLastValue: BridgedHandler, MeterHandler, RecorderHandler {
    let bridge: MetricsBridge

    init(_ bridge: MetricsBridge) { self.bridge = bridge }

    func set(_ value: Int64) { self.bridge.instrument.setLastValue(Double(value)) }

    func set(_ value: Double) {
        guard value.isFinite else { return self.bridge.dropped() }
        self.bridge.instrument.setLastValue(value)
    }

    func increment(by amount: Double) {
        guard amount.isFinite else { return self.bridge.dropped() }
        self.bridge.instrument.addFloatingPoint(amount)
    }

    func decrement(by amount: Double) { self.increment(by: -amount) }
    func record(_ value: Int64) { self.set(value) }
    func record(_ value: Double) { self.set(value) }
}

/// Timers and recorders that aggregate.
final class BridgedHistogram: BridgedHandler, TimerHandler, RecorderHandler {
    let bridge: MetricsBridge

    init(_ bridge: MetricsBridge) { self.bridge = bridge }

    private var instrument: MetricInstrument { self.bridge.instrument }

    func recordNanoseconds(_ duration: Int64) {
        if self.instrument.descriptor.unit == .nanoseconds {
            if duration < 0 { self.bridge.clamped() }
            self.recordRaw(UInt64(max(duration, 0)))
        } else {
            // The histogram was made before, in another unit.
            self.record(Double(duration) / 1e9)
        }
    }

    func record(_ value: Int64) {
        guard value >= 0 else {
            self.bridge.clamped()
            return self.recordRaw(0)
        }
        let (raw, overflow) = UInt64(value).multipliedReportingOverflow(by: self.instrument.descriptor.unit.rawPerUnit)
        if overflow { self.bridge.clamped() }
        self.recordRaw(overflow ? .max : raw)
    }

    func record(_ value: Double) {
        guard value.isFinite else { return self.bridge.dropped() }
        let raw = (value * Double(self.instrument.descriptor.unit.rawPerUnit)).rounded()
        if raw < 0 || raw >= 0x1p64 { self.bridge.clamped() }
        self.recordRaw(raw < 0 ? 0 : raw >= 0x1p64 ? .max : UInt64(raw))
    }

    private func recordRaw(_ raw: UInt64) {
        if let lane = self.bridge.lane {
            LocalHistogram(instrument: self.instrument, cells: self.instrument.cells(lane: lane)).record(raw)
        } else {
            Histogram(instrument: self.instrument).record(raw)
        }
    }
}

extension MetricInstrument {
    /// Counts on the lane of the loop this runs on, or on the spare one when there is none.
    func bump(by amount: UInt64 = 1, lane: Int?) {
        if let lane {
            self.cells(lane: lane).ownerAdd(amount)
        } else {
            self.spareCells.sharedAdd(amount)
        }
    }
}
