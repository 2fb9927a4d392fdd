import NIOCore
import WeirCore

/// The place of one resource in its loop's pool.
///
/// States and what may follow:
/// ```
/// free ──────────► connecting                        a permit was taken
/// connecting ────► ready | abandoned | free          established | given up | failed
/// abandoned ─────► closing | free                    established too late | failed, or written off
/// ready ─────────► leased | suspect | validating | closing | free
/// suspect ───────► validating | closing | free       must be checked before use
/// validating ────► ready | closing | free
/// leased ────────► ready | closing | revoked | gone
/// revoked ───────► closing | gone                    being closed while the lease is still out
/// gone ──────────► free                              closed while the lease is still out
/// closing ───────► free
/// ```
/// Any state with a resource goes to `free` (or, while leased, to `gone`) when the resource closes by itself.
@usableFromInline
struct Slot {
    @usableFromInline
    enum State: UInt8, CaseIterable {
        case free, connecting, abandoned, ready, suspect, validating, leased, revoked, gone, closing

        /// Whether a permit stands behind it.
        var holdsPermit: Bool {
            switch self {
            case .free, .gone: false
            case .connecting, .abandoned, .ready, .suspect, .validating, .leased, .revoked, .closing: true
            }
        }
    }

    /// What makes a return take the long way.
    @usableFromInline
    struct Marks: OptionSet {
        @usableFromInline let rawValue: UInt8
        @usableFromInline init(rawValue: UInt8) { self.rawValue = rawValue }
        /// To be closed when it comes back: evicted.
        @usableFromInline static var retiring: Marks { Marks(rawValue: 1) }
        /// Older than its lifetime: to be replaced as soon as that leaves enough of them.
        @usableFromInline static var expired: Marks { Marks(rawValue: 2) }
        /// Its lease was reported as leaked.
        @usableFromInline static var reported: Marks { Marks(rawValue: 4) }
        /// Its lease carries a backtrace.
        @usableFromInline static var traced: Marks { Marks(rawValue: 8) }
        /// Connected, and neither used nor checked since.
        @usableFromInline static var unproven: Marks { Marks(rawValue: 16) }
        /// Its check takes long.
        @usableFromInline static var slow: Marks { Marks(rawValue: 32) }
        /// Its holder means to keep it: no leak, however long that is.
        @usableFromInline static var heldForLong: Marks { Marks(rawValue: 64) }
    }

    @usableFromInline var state: State = .free
    @usableFromInline var marks: Marks = []
    /// Tells one resource of the slot from the next.
    @usableFromInline var resourceSerial: UInt32 = 0
    /// The pool's generation when the resource was last proven.
    @usableFromInline var generation: UInt32 = 0
    @usableFromInline var next: Int32 = -1
    @usableFromInline var previous: Int32 = -1
    /// When it was last proven: connected, checked or returned.
    @usableFromInline var checkedAt: NIODeadline = .uptimeNanoseconds(0)
    @usableFromInline var idleSince: NIODeadline = .uptimeNanoseconds(0)
    @usableFromInline var leasedAt: NIODeadline = .uptimeNanoseconds(0)
    @usableFromInline var owner: Owner = .none
    @usableFromInline var site = CallSite(file: "", line: 0)
    /// The one deadline a slot needs in its state: connect, check, close or the end of its life.
    @usableFromInline var timer: DeadlineToken = .none
    /// When its life ends; its timer is busy with something else at times.
    @usableFromInline var expiresAt: NIODeadline = .distantFuture
    /// When the check under way counts as failed; its timer runs out earlier once, to try others beside it.
    @usableFromInline var checkEndsAt: NIODeadline = .uptimeNanoseconds(0)
    /// Why it is being closed, if it is.
    @usableFromInline var closeReason: PoolMachine.CloseReason = .discarded

    @usableFromInline init() {}
}

/// A doubly linked list of slots by their numbers: each slot is in one list at most.
@usableFromInline
struct SlotList {
    @usableFromInline var head: Int32 = -1
    @usableFromInline var tail: Int32 = -1
    @usableFromInline var count: Int32 = 0

    @usableFromInline init() {}

    @inlinable
    var isEmpty: Bool { self.head < 0 }

    @inlinable
    mutating func pushFirst(_ index: Int32, _ slots: UnsafeMutablePointer<Slot>) {
        let slot = slots + Int(index)
        slot.pointee.next = self.head
        slot.pointee.previous = -1
        if self.head >= 0 { slots[Int(self.head)].previous = index } else { self.tail = index }
        self.head = index
        self.count &+= 1
    }

    @inlinable
    mutating func pushLast(_ index: Int32, _ slots: UnsafeMutablePointer<Slot>) {
        let slot = slots + Int(index)
        slot.pointee.previous = self.tail
        slot.pointee.next = -1
        if self.tail >= 0 { slots[Int(self.tail)].next = index } else { self.head = index }
        self.tail = index
        self.count &+= 1
    }

    @inlinable
    mutating func remove(_ index: Int32, _ slots: UnsafeMutablePointer<Slot>) {
        let next = slots[Int(index)].next
        let previous = slots[Int(index)].previous
        if next >= 0 { slots[Int(next)].previous = previous } else { self.tail = previous }
        if previous >= 0 { slots[Int(previous)].next = next } else { self.head = next }
        // A slot in no list has nobody before it: that is how it is told from one that is listed.
        slots[Int(index)].previous = -1
        self.count &-= 1
    }

    @inlinable
    mutating func popFirst(_ slots: UnsafeMutablePointer<Slot>) -> Int32? {
        guard self.head >= 0 else { return nil }
        let index = self.head
        self.remove(index, slots)
        return index
    }
}
