import Atomics
public import NIOCore

/// A count of events. Each loop counts in a cell of its own; ``value`` sums them.
///
/// `Sendable`: pass it about, and take ``local(_:)`` once on each loop that counts. Wraps modulo 2^64.
public struct Counter: Sendable {
    let instrument: MetricInstrument

    /// The loop's own cell. Call it on `loop`, once, and keep what it returns.
    ///
    /// - Precondition: `loop` is of the registry's group and is the loop this runs on.
    public func local(_ loop: any EventLoop) -> LocalCounter {
        LocalCounter(instrument: self.instrument, cell: self.instrument.cells(on: loop))
    }

    /// Counts `amount` more, from any thread. One locked instruction on a cell that all threads share: for code off the loops.
    public func add(_ amount: UInt64 = 1) {
        self.instrument.spareCells.sharedAdd(amount)
    }

    /// The count over all loops, from any thread. Reads each lane once, so that increments made meanwhile may be in it or not.
    public var value: UInt64 { self.instrument.counterValue }

    /// Name, labels and the rest.
    public var descriptor: MetricDescriptor { self.instrument.descriptor }
}

/// One loop's cell of a ``Counter``. Belongs to that loop and is not `Sendable`; keep it in what lives on the loop.
public struct LocalCounter {
    @usableFromInline let instrument: MetricInstrument
    @usableFromInline let cell: UnsafeMutablePointer<MetricCell>

    init(instrument: MetricInstrument, cell: UnsafeMutablePointer<MetricCell>) {
        self.instrument = instrument
        self.cell = cell
    }

    /// Counts `amount` more. On its loop only (checked in debug builds). A load, an addition and a store; wraps modulo 2^64.
    @inlinable
    public func increment(by amount: UInt64 = 1) {
        assert(self.instrument.mayWrite(self.cell), "a LocalCounter was used off its loop")
        self.cell.ownerAdd(amount)
        // The object behind the pointer must outlive the store; costs no instruction.
        withExtendedLifetime(self.instrument) {}
    }

    /// What this loop has counted since the start, resets apart. On its loop only.
    public var value: UInt64 {
        withExtendedLifetime(self.instrument) { self.cell.loadRelaxed() }
    }
}

@available(*, unavailable, message: "a LocalCounter belongs to one event loop")
extension LocalCounter: Sendable {}

extension MetricInstrument {
    /// The wrapping sum of one cell over all lanes.
    var laneSum: UInt64 {
        var total: UInt64 = 0
        for lane in 0..<self.lanes.count { total &+= self.cells(lane: lane).loadRelaxed() }
        return total
    }

    var counterValue: UInt64 {
        // Before the cells, and acquiring: what they then hold is no less than what they held when the baseline was taken.
        let baseline = self.baseline.load(ordering: .acquiring)
        return self.laneSum &- baseline
    }

    /// Makes the count read zero from here on. Increments made while this runs may be lost or kept.
    func resetCounter() { self.baseline.store(self.laneSum, ordering: .releasing) }
}
