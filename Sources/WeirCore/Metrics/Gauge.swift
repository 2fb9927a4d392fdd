public import NIOCore

/// A whole amount that goes up and down: connections open, bytes queued. Each loop has a part of its own; ``value`` sums them.
///
/// `Sendable`. Wraps modulo 2^64 in two's complement, never traps.
public struct Gauge: Sendable {
    let instrument: MetricInstrument

    /// The loop's own part. Call it on `loop`, once, and keep what it returns.
    ///
    /// - Precondition: `loop` is of the registry's group and is the loop this runs on.
    public func local(_ loop: any EventLoop) -> LocalGauge {
        LocalGauge(instrument: self.instrument, cell: self.instrument.cells(on: loop))
    }

    /// Adds to the part that belongs to no loop, from any thread. One locked instruction on a shared cell.
    public func add(_ amount: Int64) {
        self.instrument.spareCells.sharedAdd(UInt64(bitPattern: amount))
    }

    /// The sum of all parts, from any thread.
    ///
    /// Reads each lane once: when an amount moves from one loop to another meanwhile, it may be seen twice or not at all.
    public var value: Int64 { Int64(bitPattern: self.instrument.laneSum) }

    /// Name, labels and the rest.
    public var descriptor: MetricDescriptor { self.instrument.descriptor }
}

/// One loop's part of a ``Gauge``. Belongs to that loop and is not `Sendable`.
public struct LocalGauge {
    @usableFromInline let instrument: MetricInstrument
    @usableFromInline let cell: UnsafeMutablePointer<MetricCell>

    init(instrument: MetricInstrument, cell: UnsafeMutablePointer<MetricCell>) {
        self.instrument = instrument
        self.cell = cell
    }

    /// Sets this loop's part. On its loop only (checked in debug builds). One store.
    @inlinable
    public func set(_ value: Int64) {
        assert(self.instrument.mayWrite(self.cell), "a LocalGauge was used off its loop")
        self.cell.storeRelaxed(UInt64(bitPattern: value))
        withExtendedLifetime(self.instrument) {}
    }

    /// Adds to this loop's part; negative amounts subtract. On its loop only (checked in debug builds). Wraps, never traps.
    @inlinable
    public func add(_ amount: Int64) {
        assert(self.instrument.mayWrite(self.cell), "a LocalGauge was used off its loop")
        self.cell.ownerAdd(UInt64(bitPattern: amount))
        withExtendedLifetime(self.instrument) {}
    }

    /// This loop's part. On its loop only.
    public var value: Int64 {
        withExtendedLifetime(self.instrument) { Int64(bitPattern: self.cell.loadRelaxed()) }
    }
}

@available(*, unavailable, message: "a LocalGauge belongs to one event loop")
extension LocalGauge: Sendable {}
