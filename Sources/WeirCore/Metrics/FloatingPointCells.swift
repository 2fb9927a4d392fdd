import Atomics

// Cells that hold a `Double`'s bit pattern: what swift-metrics' floating-point counters, meters and gauges are made of.
extension MetricInstrument {
    /// Adds to a loop's sum, on that loop. The amount is finite and not negative.
    func addFloatingPoint(_ amount: Double, lane: Int) {
        let cell = self.cells(lane: lane)
        cell.storeRelaxed(Self.sum(cell.loadRelaxed(), amount))
    }

    /// Adds to the spare sum, from any thread.
    func addFloatingPoint(_ amount: Double) {
        self.spareCells.sharedUpdate { Self.sum($0, amount) }
    }

    /// The sum over all lanes since the last reset.
    var floatingPointCounterValue: Double {
        // The baseline first, as for a counter.
        let baseline = Double(bitPattern: self.baseline.load(ordering: .acquiring))
        return max(0, self.floatingPointLaneSum - baseline)
    }

    func resetFloatingPointCounter() {
        self.baseline.store(self.floatingPointLaneSum.bitPattern, ordering: .releasing)
    }

    private var floatingPointLaneSum: Double {
        var total = 0.0
        for lane in 0..<self.lanes.count { total += Double(bitPattern: self.cells(lane: lane).loadRelaxed()) }
        return min(total, .greatestFiniteMagnitude)
    }

    /// Sums stay finite: beyond the greatest `Double` they stay there.
    private static func sum(_ bits: UInt64, _ amount: Double) -> UInt64 {
        let sum = Double(bitPattern: bits) + amount
        return min(max(sum, -.greatestFiniteMagnitude), .greatestFiniteMagnitude).bitPattern
    }

    /// Sets the last value. There is one cell for all threads: only so is "last" one thing. A plain store, nothing locked.
    func setLastValue(_ value: Double) { self.spareCells.storeRelaxed(value.bitPattern) }
}
