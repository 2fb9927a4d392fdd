import NIOConcurrencyHelpers
public import NIOCore

/// The instruments of a program, or of a part of it, with cells on each loop of one group.
///
/// Make one beside the group. Asking for an instrument takes a lock and is for set-up; counting takes none. `Sendable`: every
/// method may be called from any thread. The same kind, name and labels are the same instrument, whoever asks; the first to ask
/// settles its help and unit. The same name with another kind is another instrument.
///
/// Bounded: beyond ``Limits-swift.struct`` a request gets the shared overflow instrument of its kind (named
/// `weir_metrics_overflow`, with the label `kind`) and counts in `weir_metrics_rejected_instruments`. Nothing grows without
/// bound and nothing traps, but the overflow instruments mix what has nothing in common: seeing them means that somebody made
/// labels of values that have no bound.
public final class MetricRegistry: Sendable {
    /// How many instruments there may be.
    public struct Limits: Sendable, Hashable {
        /// All instruments together, histograms included; the registry's own few come on top. 8 bytes and what its name takes
        /// for each loop and instrument.
        public var maximumInstruments: Int
        /// Histograms alone: 7.8 KiB for each loop and once more for writers off the loops.
        public var maximumHistograms: Int

        public init(maximumInstruments: Int = 4096, maximumHistograms: Int = 512) {
            self.maximumInstruments = maximumInstruments
            self.maximumHistograms = maximumHistograms
        }
    }

    /// What this registry's instruments are bounded by.
    public let limits: Limits

    let lanes: LoopLanes
    private let arena: MetricCellArena
    private let table: NIOLockedValueBox<InstrumentTable>
    private let rejected: MetricInstrument
    /// Values a metrics library handed us that a cell cannot hold: brought into range, or dropped.
    let clampedValues: MetricInstrument
    let droppedValues: MetricInstrument

    /// - Parameters:
    ///   - group: the loops that will count. Each gets cells of its own; ``Counter/local(_:)`` refuses others.
    ///   - limits: how many instruments there may be.
    public init(group: any EventLoopGroup, limits: Limits = Limits()) {
        let lanes = LoopLanes(group)
        let arena = MetricCellArena(lanes: lanes.count)
        var table = InstrumentTable()
        func own(_ name: String, _ labels: [(String, String)], _ help: String) -> MetricInstrument {
            let descriptor = MetricDescriptor(
                name: name, labels: labels, help: help, kind: .counter, unit: .none, origin: .registry)
            let instrument = MetricInstrument(descriptor, lanes: lanes, slot: arena.allocate())
            table.insert(instrument, key: MetricKey(kind: .counter, name: name, labels: labels), countsAgainstLimits: false)
            return instrument
        }
        self.rejected = own(
            "weir_metrics_rejected_instruments", [], "Instruments asked for beyond the registry's limits.")
        self.clampedValues = own(
            "weir_metrics_invalid_values", [("action", "clamped")], "Values out of range, brought to the nearest in range.")
        self.droppedValues = own(
            "weir_metrics_invalid_values", [("action", "dropped")], "Values without meaning for their instrument, not recorded.")
        self.limits = limits
        self.lanes = lanes
        self.arena = arena
        self.table = NIOLockedValueBox(table)
    }

    /// The counter of this name and these labels, made if there is none. Any thread; takes a lock, so keep what it returns.
    public func counter(_ name: String, help: String = "", labels: [(String, String)] = []) -> Counter {
        Counter(instrument: self.instrument(.counter, name, help: help, labels: labels, unit: .none))
    }

    /// The gauge of this name and these labels, made if there is none. Any thread; takes a lock, so keep what it returns.
    public func gauge(
        _ name: String, help: String = "", labels: [(String, String)] = [], unit: MetricUnit = .none
    ) -> Gauge {
        Gauge(instrument: self.instrument(.gauge, name, help: help, labels: labels, unit: unit))
    }

    /// The histogram of this name and these labels, made if there is none. Any thread; takes a lock, so keep what it returns.
    ///
    /// - Parameter unit: what a recorded value is worth; settled by whoever asks first.
    public func histogram(
        _ name: String, help: String = "", labels: [(String, String)] = [], unit: MetricUnit = .none
    ) -> Histogram {
        Histogram(instrument: self.instrument(.histogram, name, help: help, labels: labels, unit: unit))
    }

    /// All instruments and their values now. Any thread; stops nobody: writers neither wait nor notice.
    ///
    /// Each cell is read once, one after the other, so values of different instruments are from slightly different moments: of
    /// two counters that one event bumps, one may show it and the other not yet. Each counter by itself never goes back from
    /// one snapshot to the next of the same thread, unless it was reset.
    ///
    /// - Complexity: O(instruments × loops); 976 cells for each histogram and loop. Sorts by name and labels.
    public func snapshot() -> MetricsSnapshot {
        MetricsSnapshot(samples: self.instruments().map(\.sample))
    }

    /// The instruments there are, in no order.
    func instruments() -> [MetricInstrument] { self.table.withLockedValue { $0.instruments() } }

    func instrument(
        _ kind: MetricKind, _ name: String, help: String, labels: [(String, String)], unit: MetricUnit,
        origin: MetricDescriptor.Origin = .registry
    ) -> MetricInstrument {
        let key = MetricKey(kind: kind, name: name, labels: labels)
        let (instrument, isOverflow) = self.table.withLockedValue { table -> (MetricInstrument, Bool) in
            if let found = table.find(key, for: origin) { return (found, false) }
            guard table.mayInsert(kind, limits: self.limits) else {
                let labels = [("kind", "\(kind)")]
                let key = MetricKey(kind: kind, name: Self.overflowName, labels: labels)
                if let found = table.find(key, for: .registry) { return (found, true) }
                let descriptor = MetricDescriptor(
                    name: Self.overflowName, labels: labels, help: "Shared by all instruments beyond the registry's limits.",
                    kind: kind, unit: unit, origin: .registry)
                let shared = self.make(descriptor)
                table.insert(shared, key: key, countsAgainstLimits: false)
                return (shared, true)
            }
            let made = self.make(
                MetricDescriptor(name: name, labels: labels, help: help, kind: kind, unit: unit, origin: origin))
            table.insert(made, key: key, countsAgainstLimits: true)
            return (made, false)
        }
        if isOverflow { self.rejected.spareCells.sharedAdd(1) }
        return instrument
    }

    /// A metrics library gave an instrument back. It goes when all who got it through the factory have given it back and no code
    /// has asked this registry for it.
    func release(_ instrument: MetricInstrument) {
        let descriptor = instrument.descriptor
        let key = MetricKey(kind: descriptor.kind, name: descriptor.name, labels: descriptor.labels)
        // What is removed dies outside the lock.
        let removed = self.table.withLockedValue { $0.release(key, instrument) }
        withExtendedLifetime(removed) {}
    }

    private static let overflowName = "weir_metrics_overflow"

    private func make(_ descriptor: MetricDescriptor) -> MetricInstrument {
        if descriptor.kind == .histogram {
            MetricInstrument(descriptor, lanes: self.lanes, cellsPerLane: HistogramLayout.cellsPerLane)
        } else {
            MetricInstrument(descriptor, lanes: self.lanes, slot: self.arena.allocate())
        }
    }
}

/// Instruments by key, how many count against the limits, and who still holds them through the factory.
private struct InstrumentTable {
    private struct Entry {
        let instrument: MetricInstrument
        let countsAgainstLimits: Bool
        /// Handlers made for it and not destroyed.
        var handlers: Int
        /// Somebody asked the registry itself: it stays.
        var isPinned: Bool
    }

    private var entries: [MetricKey: Entry] = [:]
    private var counted = 0
    private var countedHistograms = 0

    func instruments() -> [MetricInstrument] { self.entries.values.map(\.instrument) }

    mutating func find(_ key: MetricKey, for origin: MetricDescriptor.Origin) -> MetricInstrument? {
        guard let index = self.entries.index(forKey: key) else { return nil }
        switch origin {
        case .registry: self.entries.values[index].isPinned = true
        case .metricsFactory: self.entries.values[index].handlers += 1
        }
        return self.entries.values[index].instrument
    }

    func mayInsert(_ kind: MetricKind, limits: MetricRegistry.Limits) -> Bool {
        self.counted < limits.maximumInstruments
            && (kind != .histogram || self.countedHistograms < limits.maximumHistograms)
    }

    mutating func insert(_ instrument: MetricInstrument, key: MetricKey, countsAgainstLimits: Bool) {
        let isPinned = instrument.descriptor.origin == .registry
        self.entries[key] = Entry(
            instrument: instrument, countsAgainstLimits: countsAgainstLimits, handlers: isPinned ? 0 : 1, isPinned: isPinned)
        guard countsAgainstLimits else { return }
        self.counted += 1
        if instrument.descriptor.kind == .histogram { self.countedHistograms += 1 }
    }

    mutating func release(_ key: MetricKey, _ instrument: MetricInstrument) -> MetricInstrument? {
        guard var entry = self.entries[key], entry.instrument === instrument, entry.handlers > 0 else { return nil }
        entry.handlers -= 1
        guard entry.handlers == 0 && !entry.isPinned else {
            self.entries[key] = entry
            return nil
        }
        self.entries[key] = nil
        if entry.countsAgainstLimits {
            self.counted -= 1
            if instrument.descriptor.kind == .histogram { self.countedHistograms -= 1 }
        }
        return entry.instrument
    }
}
