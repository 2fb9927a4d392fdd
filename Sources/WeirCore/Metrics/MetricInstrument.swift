import Atomics
import NIOConcurrencyHelpers
import NIOCore

/// One instrument: who it is, and where its cells are in each lane.
///
/// Every handle on the instrument, also those on a loop's cells, holds this object, and it holds the memory. When the last
/// handle and the registry have let go, its cells go back to be given to another.
@usableFromInline final class MetricInstrument: Sendable {
    let descriptor: MetricDescriptor
    let lanes: LoopLanes
    private let block: MetricCellBlock
    private let offset: Int
    private let slot: MetricCellArena.Slot?
    /// What the total was when somebody reset it. Writers never see a reset: their cells are theirs alone.
    let baseline = ManagedAtomic<UInt64>(0)

    /// An instrument of one cell per lane.
    init(_ descriptor: MetricDescriptor, lanes: LoopLanes, slot: MetricCellArena.Slot) {
        self.descriptor = descriptor
        self.lanes = lanes
        self.block = slot.block
        self.offset = slot.offset
        self.slot = slot
    }

    /// An instrument with a block of its own.
    init(_ descriptor: MetricDescriptor, lanes: LoopLanes, cellsPerLane: Int) {
        self.descriptor = descriptor
        self.lanes = lanes
        self.block = MetricCellBlock(lanes: lanes.count, cellsPerLane: cellsPerLane)
        self.offset = 0
        self.slot = nil
    }

    deinit {
        if let slot = self.slot { slot.arena.release(slot) }
    }

    /// The first cell of a lane; valid while this object lives.
    func cells(lane: Int) -> UnsafeMutablePointer<MetricCell> { self.block.cells(lane: lane) + self.offset }

    /// The cells for writers off the loops.
    var spareCells: UnsafeMutablePointer<MetricCell> { self.cells(lane: self.lanes.spare) }

    /// The cells of a loop, for code that runs on it.
    func cells(on loop: any EventLoop) -> UnsafeMutablePointer<MetricCell> {
        guard let lane = self.lanes.lane(of: loop) else {
            preconditionFailure(
                "metric \(self.descriptor.name): \(loop) is not of the group its registry was made for")
        }
        precondition(loop.inEventLoop, "metric \(self.descriptor.name): local(_:) is for code that runs on \(loop)")
        return self.cells(lane: lane)
    }

    /// Whether the running code may write to these cells. Asked in debug builds only.
    @usableFromInline
    func mayWrite(_ cell: UnsafeMutablePointer<MetricCell>) -> Bool {
        self.lanes.loops[self.block.lane(of: cell)].inEventLoop
    }
}

/// Hands out single cells, each at the same place in every lane, from blocks that many instruments share.
///
/// One loop's counters lie side by side, so that what a request bumps together shares a few lines of that loop.
final class MetricCellArena: Sendable {
    struct Slot: Sendable {
        let arena: MetricCellArena
        let block: MetricCellBlock
        let offset: Int
    }

    private static let cellsPerBlock = 64

    private let lanes: Int
    private let free = NIOLockedValueBox<[(block: MetricCellBlock, offset: Int)]>([])

    init(lanes: Int) { self.lanes = lanes }

    /// A zeroed cell in each lane.
    func allocate() -> Slot {
        self.free.withLockedValue { free in
            if free.isEmpty {
                let block = MetricCellBlock(lanes: self.lanes, cellsPerLane: Self.cellsPerBlock)
                for offset in (0..<Self.cellsPerBlock).reversed() { free.append((block, offset)) }
            }
            let (block, offset) = free.removeLast()
            return Slot(arena: self, block: block, offset: offset)
        }
    }

    /// Takes back a cell that nobody can write to any more.
    func release(_ slot: Slot) {
        for lane in 0..<self.lanes { (slot.block.cells(lane: lane) + slot.offset).storeRelaxed(0) }
        self.free.withLockedValue { $0.append((slot.block, slot.offset)) }
    }
}
