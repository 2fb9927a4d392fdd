public import Atomics

/// One 64-bit cell. Integers are kept as themselves, doubles as their bit pattern.
@usableFromInline typealias MetricCell = UnsafeAtomic<UInt64>.Storage

// How a cell may be touched. A loop's cells have one writer, so a relaxed load and a relaxed store make an addition that
// costs what plain memory costs and that any thread may read at any time. The spare lane has many writers: there, and only
// there, the read-modify-write is one locked instruction.
extension UnsafeMutablePointer where Pointee == MetricCell {
    @inlinable @inline(__always)
    func loadRelaxed() -> UInt64 { UnsafeAtomic<UInt64>(at: self).load(ordering: .relaxed) }

    @inlinable @inline(__always)
    func storeRelaxed(_ value: UInt64) { UnsafeAtomic<UInt64>(at: self).store(value, ordering: .relaxed) }

    /// Adds without a locked instruction. Only for the cell's one writer.
    @inlinable @inline(__always)
    func ownerAdd(_ amount: UInt64) { self.storeRelaxed(self.loadRelaxed() &+ amount) }

    /// Adds from any thread; returns what was there before.
    @discardableResult
    func sharedAdd(_ amount: UInt64) -> UInt64 {
        UnsafeAtomic<UInt64>(at: self).loadThenWrappingIncrement(by: amount, ordering: .relaxed)
    }

    /// Replaces the value by a function of it, from any thread. `transform` may be called several times; nil leaves the cell.
    func sharedUpdate(_ transform: (UInt64) -> UInt64?) {
        let cell = UnsafeAtomic<UInt64>(at: self)
        var current = cell.load(ordering: .relaxed)
        while let next = transform(current) {
            let (exchanged, original) = cell.weakCompareExchange(expected: current, desired: next, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}

/// Zeroed cells for each loop and one spare lane, laid out so that no two lanes share a cache line.
///
/// Each lane starts on a 128-byte boundary and is a multiple of 128 bytes long: 64-byte lines are prefetched in aligned
/// pairs by common x86 cores, and some ARM cores have lines of 128 bytes. Memory goes when the block goes.
@usableFromInline final class MetricCellBlock: Sendable {
    static let alignment = 128

    // Proof: set once, owned by this object for its whole life, and every access to what it points to is atomic.
    private nonisolated(unsafe) let base: UnsafeMutablePointer<MetricCell>
    private let lanes: Int
    private let cellsPerLane: Int

    init(lanes: Int, cellsPerLane: Int) {
        let cellsPerLine = Self.alignment / MemoryLayout<MetricCell>.stride
        self.lanes = lanes
        self.cellsPerLane = (cellsPerLane + cellsPerLine - 1) / cellsPerLine * cellsPerLine
        let count = lanes * self.cellsPerLane
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<MetricCell>.stride, alignment: Self.alignment)
        self.base = raw.bindMemory(to: MetricCell.self, capacity: count)
        self.base.initialize(repeating: MetricCell(0), count: count)
    }

    deinit {
        self.base.deinitialize(count: self.lanes * self.cellsPerLane)
        UnsafeMutableRawPointer(self.base).deallocate()
    }

    /// The first cell of a lane. Valid while the block lives.
    func cells(lane: Int) -> UnsafeMutablePointer<MetricCell> {
        precondition(lane >= 0 && lane < self.lanes, "no lane \(lane) in a block of \(self.lanes)")
        return self.base + lane * self.cellsPerLane
    }

    /// The lane a cell of this block belongs to.
    func lane(of cell: UnsafeMutablePointer<MetricCell>) -> Int {
        (cell - self.base) / self.cellsPerLane
    }
}
