/// Told on its loop that a deadline it armed was reached.
public protocol DeadlineReceiver: AnyObject {
    /// Called on the loop, once for each deadline that was armed and not cancelled. May arm, cancel, register and unregister.
    func deadlineReached(tag: UInt64)
}

/// The name under which a ``DeadlineReceiver`` is registered with its loop's ``LoopDeadlines``.
///
/// Good until it is unregistered; never given to another receiver.
public struct DeadlineTarget: Equatable, Sendable {
    @usableFromInline let id: UInt32
    @usableFromInline let serial: UInt32

    @inlinable
    init(id: UInt32, serial: UInt32) {
        self.id = id
        self.serial = serial
    }
}

/// Who is registered. Ids are given again only when no pending deadline bears them.
@usableFromInline
struct DeadlineTargets: ~Copyable {
    /// 32 bytes.
    @usableFromInline
    struct Slot {
        /// `nil` when free, and when unregistered with deadlines still pending.
        @usableFromInline var receiver: (any DeadlineReceiver)?
        /// How often the slot was registered.
        @usableFromInline var serial: UInt32
        @usableFromInline var pending: UInt32
        @usableFromInline var nextFree: UInt32
    }

    @usableFromInline var slots: UnsafeMutablePointer<Slot>
    private var capacity: Int
    @usableFromInline var used: UInt32
    private var free: UInt32

    init() {
        self.capacity = 8
        self.slots = .allocate(capacity: 8)
        self.used = 0
        self.free = .max
    }

    @inlinable
    deinit {
        self.slots.deinitialize(count: Int(self.used))
        self.slots.deallocate()
    }

    @inlinable
    func slot(_ id: UInt32) -> UnsafeMutablePointer<Slot> { self.slots + Int(id) }

    /// Whether the target is registered now.
    @inlinable
    func contains(_ target: DeadlineTarget) -> Bool {
        guard target.id < self.used else { return false }
        let slot = self.slot(target.id)
        return slot.pointee.serial == target.serial && slot.pointee.receiver != nil
    }

    mutating func add(_ receiver: any DeadlineReceiver) -> DeadlineTarget {
        let id: UInt32
        if self.free != .max {
            id = self.free
            self.free = self.slot(id).pointee.nextFree
            self.slot(id).pointee.serial &+= 1
            self.slot(id).pointee.receiver = receiver
        } else {
            if Int(self.used) == self.capacity { self.grow() }
            id = self.used
            self.used += 1
            self.slot(id).initialize(to: Slot(receiver: receiver, serial: 1, pending: 0, nextFree: .max))
        }
        return DeadlineTarget(id: id, serial: self.slot(id).pointee.serial)
    }

    /// The id may be given again.
    @inline(never)
    @usableFromInline
    mutating func recycle(_ id: UInt32) {
        // A slot that has been through all its serials is retired, so that a stale target never names a later receiver.
        if self.slot(id).pointee.serial == .max { return }
        self.slot(id).pointee.nextFree = self.free
        self.free = id
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Slot>.allocate(capacity: self.capacity * 2)
        larger.moveInitialize(from: self.slots, count: self.capacity)
        self.slots.deallocate()
        self.slots = larger
        self.capacity *= 2
    }
}
