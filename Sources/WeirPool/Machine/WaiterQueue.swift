import NIOCore
import WeirCore

/// Requests that wait, oldest first: a linked list in one slab, so that taking one out of the middle is O(1) and nothing is allocated
/// once the slab has grown to the greatest number that waited at once.
@usableFromInline
struct WaiterQueue: ~Copyable {
    @usableFromInline
    struct Waiter {
        var serial: UInt32 = 0
        var next: Int32 = -1
        var previous: Int32 = -1
        var isQueued = false
        var isShedAtDeadline = false
        var refusal: PoolMachine.Refusal?
        var enqueuedAt: NIODeadline = .uptimeNanoseconds(0)
        var timer: DeadlineToken = .none
        var owner: Owner = .none
        var site = CallSite(file: "", line: 0)
    }

    @usableFromInline private(set) var slab: UnsafeMutablePointer<Waiter>
    @usableFromInline private(set) var capacity = 0
    private let maximum: Int
    private var free: Int32 = -1
    private(set) var oldest: Int32 = -1
    private(set) var newest: Int32 = -1
    @usableFromInline private(set) var count: Int32 = 0
    /// Refused and not yet told, in the order of their refusals.
    private var refusedFirst: Int32 = -1
    private var refusedLast: Int32 = -1
    /// Taken places: queued or refused and not yet told.
    private(set) var taken: Int32 = 0

    init(maximum: Int) {
        self.maximum = maximum
        self.slab = .allocate(capacity: 0)
    }

    // Inlinable, as the machine is seen by inlinable code: the optimizer has to see how each part of it ends.
    @inlinable
    deinit {
        self.slab.deinitialize(count: self.capacity)
        self.slab.deallocate()
    }

    subscript(index: Int32) -> Waiter {
        get { self.slab[Int(index)] }
        nonmutating _modify { yield &self.slab[Int(index)] }
    }

    /// - Returns: the place taken, or nil if as many wait as may.
    mutating func append(now: NIODeadline, owner: Owner, site: CallSite) -> Int32? {
        guard self.count < self.maximum else { return nil }
        if self.free < 0 { self.grow() }
        let index = self.free
        self.free = self[index].next
        self.taken += 1
        self.count += 1
        self[index].serial &+= 1
        self[index].isQueued = true
        self[index].isShedAtDeadline = false
        self[index].enqueuedAt = now
        self[index].owner = owner
        self[index].site = site
        self[index].next = -1
        self[index].previous = self.newest
        if self.newest >= 0 { self[self.newest].next = index } else { self.oldest = index }
        self.newest = index
        return index
    }

    /// Takes one out of the queue and frees its place.
    mutating func remove(_ index: Int32) {
        self.unlink(index)
        self.release(index)
    }

    /// Takes one out of the queue; its place is free once ``nextRefused()`` has named it.
    mutating func refuse(_ index: Int32, _ refusal: PoolMachine.Refusal) {
        self.unlink(index)
        self[index].refusal = refusal
        self[index].next = -1
        if self.refusedLast >= 0 { self[self.refusedLast].next = index } else { self.refusedFirst = index }
        self.refusedLast = index
    }

    mutating func nextRefused() -> (Int32, PoolMachine.Refusal)? {
        let index = self.refusedFirst
        guard index >= 0, let refusal = self[index].refusal else { return nil }
        self.refusedFirst = self[index].next
        if self.refusedFirst < 0 { self.refusedLast = -1 }
        self[index].refusal = nil
        self.release(index)
        return (index, refusal)
    }

    private mutating func unlink(_ index: Int32) {
        let next = self[index].next
        let previous = self[index].previous
        if next >= 0 { self[next].previous = previous } else { self.newest = previous }
        if previous >= 0 { self[previous].next = next } else { self.oldest = next }
        self[index].isQueued = false
        self.count -= 1
    }

    private mutating func release(_ index: Int32) {
        self[index].next = self.free
        self.free = index
        self.taken -= 1
    }

    private mutating func grow() {
        let capacity = max(16, self.capacity * 2)
        let slab = UnsafeMutablePointer<Waiter>.allocate(capacity: capacity)
        slab.moveInitialize(from: self.slab, count: self.capacity)
        (slab + self.capacity).initialize(repeating: Waiter(), count: capacity - self.capacity)
        self.slab.deallocate()
        self.slab = slab
        for index in stride(from: capacity - 1, through: self.capacity, by: -1) {
            self[Int32(index)].next = self.free
            self.free = Int32(index)
        }
        self.capacity = capacity
    }
}
