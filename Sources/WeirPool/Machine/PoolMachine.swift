import NIOCore
import WeirCore

/// The logic of one loop's pool: events in, one action out.
///
/// It knows no socket, clock, lock or loop. Time and randomness are passed in; resources and those who wait are numbers. An event
/// changes the state; then ``next(now:)`` is asked for one action after the other until it answers nil. What can be derived from the
/// state is derived there (whom to serve, whether to connect), and only what cannot is queued, so that an event never has to know
/// what else is going on.
///
/// The hot path is ``tryLease(now:owner:site:)`` and ``giveBackSimply(_:now:)``: they touch one slot and the head of the list of
/// ready ones.
@usableFromInline
struct PoolMachine: ~Copyable {
    /// What is to be done now.
    enum Action {
        /// The slot is leased to the waiter, whose number is free again.
        case grant(waiter: Int32, slot: Int32)
        /// The waiter gets nothing; its number is free again.
        case refuse(waiter: Int32, Refusal)
        /// Ask the ledger and answer with ``permitAnswered(_:)``.
        case acquirePermit
        /// Say to the ledger that a permit is missing; answer with ``permitGranted()`` if one turned up at once.
        case starve
        case stopStarving
        case releasePermit
        case connect(slot: Int32)
        /// Tell the connect under way that nobody wants it any more.
        case abandon(slot: Int32)
        case validate(slot: Int32)
        case close(slot: Int32, CloseReason)
        case reportLeak(slot: Int32)
        /// Nothing is open and nobody waits; it stays so.
        case drained
    }

    enum Refusal {
        case deadlineExceeded, queueFull, overloaded, circuitOpen, shutdown, cancelled
    }

    @usableFromInline
    enum CloseReason: UInt8, CaseIterable {
        case idle, expired, evicted, overflow, unhealthy, discarded, revoked, donated, drained, late, lost
    }

    enum Mode {
        case open, suspended, draining, closed
    }

    enum Timer {
        case slot(Int32), waiter(Int32), idle, leak, retry, drain
    }

    let configuration: PoolConfiguration
    var random: SplitMix64

    // MARK: Slots

    @usableFromInline var slots: UnsafeMutablePointer<Slot>
    @usableFromInline var slotCapacity: Int
    var freeSlots = SlotList()
    /// Idle and fit for use, the last used first.
    @usableFromInline var ready = SlotList()
    /// Idle and to be checked before use.
    var suspect = SlotList()
    var toClose = SlotList()
    var toAbandon = SlotList()
    var toValidate = SlotList()

    /// Slots that stand for a permit.
    @usableFromInline var occupied: Int32 = 0
    var connecting: Int32 = 0
    var validating: Int32 = 0
    /// Those among them that have not answered for so long that nobody counts on them.
    var slowChecks: Int32 = 0
    /// In use and their resource open.
    @usableFromInline var leased: Int32 = 0
    /// Slots marked as older than their lifetime and still in use or idle.
    var expired: Int32 = 0
    /// When the pool last came to have something to serve with.
    var servingSince: NIODeadline = .uptimeNanoseconds(0)

    // MARK: Waiters

    @usableFromInline var waiters: WaiterQueue
    var delay: QueueDelay

    // MARK: The rest

    /// Open, and nothing makes the hot path take the long way.
    @usableFromInline var isOpen = true
    var mode: Mode = .open {
        didSet { self.isOpen = self.mode == .open }
    }
    var gate: ConnectGate
    /// Advanced by each failed check: what was proven before is suspect.
    @usableFromInline var generation: UInt32 = 0
    @usableFromInline let validateAfterIdle: TimeAmount
    @usableFromInline let size: Int32
    let hardLimit: Int32

    var permitsInHand = 0
    /// Permits that go back to the ledger whatever this loop could do with them.
    var permitsToGiveUp = 0
    var donationsOwed = 0
    var isStarving = false
    var wasPermitRefused = false

    var wheel: DeadlineWheel
    @usableFromInline var isIdleTimerArmed = false
    @usableFromInline var isLeakTimerArmed: Bool
    var retryTimer: DeadlineToken = .none
    var retryTimerAt: NIODeadline = .distantFuture
    var leakCursor: Int32 = .max

    init(configuration: PoolConfiguration, now: NIODeadline, seed: UInt64) {
        self.configuration = configuration
        self.random = SplitMix64(seed: seed)
        self.size = Int32(configuration.size)
        self.hardLimit = Int32(min(configuration.size + configuration.overflow, configuration.maximum))
        self.slotCapacity = 0
        self.slots = .allocate(capacity: 0)
        self.waiters = WaiterQueue(maximum: configuration.maximumWaiters)
        self.delay = QueueDelay(configuration.overload)
        self.gate = ConnectGate(
            backoff: configuration.backoff, threshold: configuration.circuitThreshold,
            maximumConcurrent: configuration.maximumConcurrentConnects)
        self.validateAfterIdle = configuration.validateAfterIdle ?? .nanoseconds(.max)
        self.wheel = DeadlineWheel(now: now)
        // Counting as armed for good is what off means.
        self.isLeakTimerArmed = configuration.leakDetection.level == .off
        self.growSlots()
    }

    @inlinable
    deinit {
        self.slots.deinitialize(count: self.slotCapacity)
        self.slots.deallocate()
    }

    // MARK: The hot path

    /// Leases the resource that was used last, if one is free and needs no check, and nothing else is to be done.
    ///
    /// - Returns: its slot, or -1; then ``tryLeaseCarefully(now:owner:site:)`` may still find one.
    @inlinable
    mutating func tryLease(now: NIODeadline, owner: Owner, site: CallSite) -> Int32 {
        let index = self.ready.head
        guard index >= 0, self.isOpen, self.waiters.count == 0 else { return -1 }
        let slot = self.slots + Int(index)
        guard slot.pointee.generation == self.generation, now - slot.pointee.checkedAt <= self.validateAfterIdle,
            self.isLeakTimerArmed
        else { return -1 }
        self.lease(index, now: now, owner: owner, site: site)
        return index
    }

    @inlinable
    @inline(__always)
    mutating func lease(_ index: Int32, now: NIODeadline, owner: Owner, site: CallSite) {
        let slot = self.slots + Int(index)
        let next = slot.pointee.next
        self.ready.head = next
        if next >= 0 { self.slots[Int(next)].previous = -1 } else { self.ready.tail = -1 }
        self.ready.count &-= 1
        self.leased &+= 1
        slot.pointee.state = .leased
        slot.pointee.leasedAt = now
        slot.pointee.owner = owner
        slot.pointee.site = site
    }

    /// Takes a lease back if nothing but putting it on the list of ready ones is to be done.
    @inlinable
    mutating func giveBackSimply(_ index: Int32, now: NIODeadline) -> Bool {
        let slot = self.slots + Int(index)
        guard slot.pointee.state == .leased, slot.pointee.marks.isEmpty, self.isOpen, self.waiters.count == 0,
            self.occupied <= self.size, self.isIdleTimerArmed
        else { return false }
        self.leased &-= 1
        slot.pointee.state = .ready
        slot.pointee.checkedAt = now
        slot.pointee.idleSince = now
        self.ready.pushFirst(index, self.slots)
        return true
    }
}
