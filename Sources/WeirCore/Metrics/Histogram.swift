public import NIOCore

/// A distribution of whole numbers (nanoseconds, bytes) with a relative error below 1/32 over all of `UInt64`.
///
/// `Sendable`: pass it about, and take ``local(_:)`` once on each loop that records. Memory: 7.8 KiB for each loop and as much
/// for writers off the loops, whatever is recorded. The sum has 128 bits, so that one absurd value cannot spoil it.
public struct Histogram: Sendable {
    let instrument: MetricInstrument

    /// The loop's own buckets. Call it on `loop`, once, and keep what it returns.
    ///
    /// - Precondition: `loop` is of the registry's group and is the loop this runs on.
    public func local(_ loop: any EventLoop) -> LocalHistogram {
        LocalHistogram(instrument: self.instrument, cells: self.instrument.cells(on: loop))
    }

    /// Records `count` occurrences of a value from any thread. Two locked instructions on shared cells, and a third for a new maximum.
    public func record(_ value: UInt64, count: UInt64 = 1) {
        guard count > 0 else { return }
        let cells = self.instrument.spareCells
        let product = value.multipliedFullWidth(by: count)
        let before = (cells + HistogramLayout.sumLow).sharedAdd(product.low)
        let carry: UInt64 = before.addingReportingOverflow(product.low).overflow ? 1 : 0
        if product.high &+ carry != 0 { (cells + HistogramLayout.sumHigh).sharedAdd(product.high &+ carry) }
        (cells + HistogramLayout.maximum).sharedUpdate { $0 < value ? value : nil }
        (cells + HistogramLayout.firstBucket + HistogramBuckets.index(of: value)).sharedAdd(count)
    }

    /// The distribution so far, from any thread; stops nobody.
    ///
    /// Each cell is read once. The count is the sum of the buckets as they were read; the mean may take in or leave out the
    /// few values that were recorded while this ran.
    public func snapshot() -> HistogramSnapshot { self.instrument.histogramSnapshot() }

    /// Name, labels, unit and the rest.
    public var descriptor: MetricDescriptor { self.instrument.descriptor }
}

/// One loop's buckets of a ``Histogram``. Belongs to that loop and is not `Sendable`; keep it in what lives on the loop.
public struct LocalHistogram {
    @usableFromInline let instrument: MetricInstrument
    @usableFromInline let cells: UnsafeMutablePointer<MetricCell>

    init(instrument: MetricInstrument, cells: UnsafeMutablePointer<MetricCell>) {
        self.instrument = instrument
        self.cells = cells
    }

    /// Records `count` occurrences of a value. On its loop only (checked in debug builds). Touches two cache lines; a bucket's
    /// count wraps modulo 2^64; never traps.
    @inlinable
    public func record(_ value: UInt64, count: UInt64 = 1) {
        assert(self.instrument.mayWrite(self.cells), "a LocalHistogram was used off its loop")
        (self.cells + HistogramLayout.firstBucket + HistogramBuckets.index(of: value)).ownerAdd(count)
        let product = value.multipliedFullWidth(by: count)
        let sumLow = self.cells + HistogramLayout.sumLow
        let (sum, carry) = sumLow.loadRelaxed().addingReportingOverflow(product.low)
        sumLow.storeRelaxed(sum)
        let high = product.high &+ (carry ? 1 : 0)
        if high != 0 { (self.cells + HistogramLayout.sumHigh).ownerAdd(high) }
        let maximum = self.cells + HistogramLayout.maximum
        if value > maximum.loadRelaxed() && count > 0 { maximum.storeRelaxed(value) }
        // The object behind the pointer must outlive the stores; costs no instruction.
        withExtendedLifetime(self.instrument) {}
    }
}

extension LocalHistogram {
    /// What this loop has recorded. On its loop only.
    public func snapshot() -> HistogramSnapshot {
        withExtendedLifetime(self.instrument) { histogramSnapshot(of: CollectionOfOne(self.cells)) }
    }
}

@available(*, unavailable, message: "a LocalHistogram belongs to one event loop")
extension LocalHistogram: Sendable {}

extension MetricInstrument {
    func histogramSnapshot() -> HistogramSnapshot {
        WeirCore.histogramSnapshot(of: (0..<self.lanes.count).lazy.map { self.cells(lane: $0) })
    }
}

/// The sum of some lanes' cells.
private func histogramSnapshot(of lanes: some Sequence<UnsafeMutablePointer<MetricCell>>) -> HistogramSnapshot {
    var counts = [UInt64](repeating: 0, count: HistogramBuckets.count)
    var sum: UInt128 = 0
    var maximum: UInt64 = 0
    for cells in lanes {
        for index in 0..<HistogramBuckets.count {
            counts[index] &+= (cells + HistogramLayout.firstBucket + index).loadRelaxed()
        }
        let low = (cells + HistogramLayout.sumLow).loadRelaxed()
        let high = (cells + HistogramLayout.sumHigh).loadRelaxed()
        sum &+= UInt128(high) << 64 | UInt128(low)
        maximum = max(maximum, (cells + HistogramLayout.maximum).loadRelaxed())
    }
    return HistogramSnapshot(counts: counts, exactSum: sum, recordedMaximum: maximum)
}
