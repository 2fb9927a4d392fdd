import Atomics

/// The ledger's shared words, each loop's on lines of their own, so that one loop's store does not take a line from another.
///
/// Sendable: the memory is made in `init`, freed in `deinit` and accessed by atomic operations in between.
final class PermitCells: @unchecked Sendable {
    private static let stride = 128

    private let memory: UnsafeMutableRawPointer

    /// Line 0: the pot. Line 1: how many loops starve. Then one line per loop.
    init(loops: Int, pot: Int) {
        self.memory = .allocate(byteCount: Self.stride * (2 + loops), alignment: Self.stride)
        self.pot = UnsafeAtomic(at: Self.word(self.memory, 0, UnsafeAtomic<Int>.Storage(pot)))
        self.starvingLoops = UnsafeAtomic(at: Self.word(self.memory, Self.stride, UnsafeAtomic<Int>.Storage(0)))
        for loop in 0..<loops {
            _ = Self.word(self.memory, Self.stride * (2 + loop), UnsafeAtomic<Bool>.Storage(false))
            _ = Self.word(self.memory, Self.stride * (2 + loop) + 8, UnsafeAtomic<Bool>.Storage(false))
        }
    }

    deinit {
        self.memory.deallocate()
    }

    /// Permits that nobody holds.
    let pot: UnsafeAtomic<Int>
    /// How many loops wait for a permit; never less than the flags that are up.
    let starvingLoops: UnsafeAtomic<Int>

    /// Whether a loop waits for a permit.
    func isStarving(_ loop: Int) -> UnsafeAtomic<Bool> { self.flag(loop, offset: 0) }

    /// Whether a loop has idle resources that it could give up.
    func hasSurplus(_ loop: Int) -> UnsafeAtomic<Bool> { self.flag(loop, offset: 8) }

    private func flag(_ loop: Int, offset: Int) -> UnsafeAtomic<Bool> {
        let address = self.memory + Self.stride * (2 + loop) + offset
        return UnsafeAtomic(at: address.assumingMemoryBound(to: UnsafeAtomic<Bool>.Storage.self))
    }

    private static func word<Storage>(
        _ memory: UnsafeMutableRawPointer, _ offset: Int, _ value: Storage
    ) -> UnsafeMutablePointer<Storage> {
        (memory + offset).initializeMemory(as: Storage.self, repeating: value, count: 1)
    }
}
