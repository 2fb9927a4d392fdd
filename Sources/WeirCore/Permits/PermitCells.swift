import Atomics

/// The ledger's shared words, each loop's on lines of their own, so that one loop's store does not take a line from another.
///
/// Sendable: the memory is made in `init`, freed in `deinit` and accessed by atomic operations in between.
final class PermitCells: @unchecked Sendable {
    private static let stride = 128

    private let memory: UnsafeMutableRawPointer

    /// Line 0: the pot. Line 1: who starves, summed up. Then one line per loop.
    init(loops: Int, pot: Int) {
        self.memory = .allocate(byteCount: Self.stride * (2 + loops), alignment: Self.stride)
        self.pot = UnsafeAtomic(at: Self.word(self.memory, 0, UnsafeAtomic<Int>.Storage(pot)))
        self.starving = UnsafeAtomic(at: Self.word(self.memory, Self.stride, UnsafeAtomic<Int>.Storage(0)))
        for loop in 0..<loops {
            _ = Self.word(self.memory, Self.stride * (2 + loop), UnsafeAtomic<Int>.Storage(0))
            _ = Self.word(self.memory, Self.stride * (2 + loop) + 8, UnsafeAtomic<Bool>.Storage(false))
        }
    }

    deinit {
        self.memory.deallocate()
    }

    /// Permits that nobody holds.
    let pot: UnsafeAtomic<Int>
    /// The loops that wait for a permit, as the sum of their ``Starving`` words; never less than the flags that are up.
    let starving: UnsafeAtomic<Int>

    /// The ``Starving`` word of a loop that waits for a permit, else 0.
    func flag(_ loop: Int) -> UnsafeAtomic<Int> {
        UnsafeAtomic(at: (self.memory + Self.stride * (2 + loop)).assumingMemoryBound(to: UnsafeAtomic<Int>.Storage.self))
    }

    /// Whether a loop has idle resources that it could give up.
    func hasSurplus(_ loop: Int) -> UnsafeAtomic<Bool> {
        UnsafeAtomic(at: (self.memory + Self.stride * (2 + loop) + 8).assumingMemoryBound(to: UnsafeAtomic<Bool>.Storage.self))
    }

    private static func word<Storage>(
        _ memory: UnsafeMutableRawPointer, _ offset: Int, _ value: Storage
    ) -> UnsafeMutablePointer<Storage> {
        (memory + offset).initializeMemory(as: Storage.self, repeating: value, count: 1)
    }
}

/// Two counts in one word, so that one atomic step changes both: the loops that starve, and those among them that hold less than
/// their fair share.
enum Starving {
    private static var poorUnit: Int { 1 << 32 }

    /// The word of one loop.
    static func word(isPoor: Bool) -> Int { 1 + (isPoor ? self.poorUnit : 0) }
    static func loops(_ word: Int) -> Int { word % self.poorUnit }
    static func poorLoops(_ word: Int) -> Int { word / self.poorUnit }
}
