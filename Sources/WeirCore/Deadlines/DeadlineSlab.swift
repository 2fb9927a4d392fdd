/// One armed deadline, or one that waits to be armed, or the head of a bucket. 32 bytes: two to a cache line.
@usableFromInline
struct DeadlineEntry {
    /// When it is due, in ticks; ``vacant`` while the entry is free. In a bucket's head: no entry of the bucket is due before this.
    @usableFromInline var tick: UInt64
    @usableFromInline var next: UInt32
    @usableFromInline var previous: UInt32
    @usableFromInline var serial: UInt32
    @usableFromInline var target: UInt32
    @usableFromInline var tag: UInt64

    @inlinable static var vacant: UInt64 { .max }

    @inlinable
    init(tick: UInt64, next: UInt32, previous: UInt32, serial: UInt32, target: UInt32, tag: UInt64) {
        self.tick = tick
        self.next = next
        self.previous = previous
        self.serial = serial
        self.target = target
        self.tag = tag
    }
}

/// Deadline entries in chunks that never move, linked by index. Growing copies one pointer per chunk and no entry.
///
/// The first ``heads`` entries are the heads of circular lists: an entry in a list is unlinked without asking whether it is the
/// first or the last.
@usableFromInline
struct DeadlineSlab: ~Copyable {
    @inlinable static var chunkShift: UInt32 { 12 }
    @inlinable static var chunkCapacity: Int { 1 << 12 }

    @usableFromInline var chunks: UnsafeMutablePointer<UnsafeMutablePointer<DeadlineEntry>>
    @usableFromInline var chunkCount: Int
    @usableFromInline var chunkTableCapacity: Int
    /// Entries handed out at least once, heads included.
    @usableFromInline var used: UInt32
    /// The free entry that was used last (it is the one still in the cache), or 0.
    @usableFromInline var free: UInt32
    @usableFromInline let heads: UInt32

    init(heads: UInt32, reservingCapacity capacity: Int) {
        precondition(heads > 0 && heads < Self.chunkCapacity)
        self.heads = heads
        self.used = heads
        self.free = 0
        self.chunkCount = 0
        self.chunkTableCapacity = 16
        self.chunks = .allocate(capacity: 16)
        self.addChunk()
        while self.chunkCount * Self.chunkCapacity < capacity + Int(heads) { self.addChunk() }
        for head in 0..<heads {
            // A serial that no token bears: none has index and serial 0, and live entries are never below `heads`.
            (self.chunks[0] + Int(head)).initialize(
                to: DeadlineEntry(tick: 0, next: head, previous: head, serial: .max, target: 0, tag: 0))
        }
    }

    @inlinable
    deinit {
        // Entries are trivial: only the memory goes back.
        for chunk in 0..<self.chunkCount { self.chunks[chunk].deallocate() }
        self.chunks.deallocate()
    }

    @inlinable
    func entry(_ index: UInt32) -> UnsafeMutablePointer<DeadlineEntry> {
        self.chunks[Int(index &>> Self.chunkShift)] + Int(index & 0xFFF)
    }

    /// A free entry, with its serial set and nothing else.
    @inlinable
    mutating func take() -> UInt32 {
        let index = self.free
        if index != 0 {
            self.free = self.entry(index).pointee.next
            return index
        }
        return self.takeFresh()
    }

    @inline(never)
    @usableFromInline
    mutating func takeFresh() -> UInt32 {
        precondition(self.used < .max, "DeadlineWheel: more than 4 billion pending deadlines")
        if Int(self.used) == self.chunkCount * Self.chunkCapacity { self.addChunk() }
        let index = self.used
        self.used += 1
        self.entry(index).initialize(to: DeadlineEntry(tick: 0, next: 0, previous: 0, serial: 1, target: 0, tag: 0))
        return index
    }

    /// The entry is free again and tokens that name it are worthless.
    ///
    /// An entry whose serial has been through all its values is retired, so that no token ever names a later deadline: that
    /// costs 32 bytes for 4 billion uses.
    @inlinable
    mutating func giveBack(_ index: UInt32) {
        let entry = self.entry(index)
        entry.pointee.tick = DeadlineEntry.vacant
        entry.pointee.serial &+= 1
        if entry.pointee.serial == 0 { return }
        entry.pointee.next = self.free
        self.free = index
    }

    @inline(never)
    private mutating func addChunk() {
        if self.chunkCount == self.chunkTableCapacity {
            let larger = UnsafeMutablePointer<UnsafeMutablePointer<DeadlineEntry>>.allocate(capacity: self.chunkTableCapacity * 2)
            larger.moveInitialize(from: self.chunks, count: self.chunkCount)
            self.chunks.deallocate()
            self.chunks = larger
            self.chunkTableCapacity *= 2
        }
        (self.chunks + self.chunkCount).initialize(to: .allocate(capacity: Self.chunkCapacity))
        self.chunkCount += 1
    }
}
