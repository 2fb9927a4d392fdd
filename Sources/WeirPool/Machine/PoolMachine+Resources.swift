import NIOCore
import WeirCore

/// Resources come, are checked, grow old and go.
extension PoolMachine {
    // MARK: Connecting

    mutating func beginConnecting(now: NIODeadline) -> Int32 {
        if self.freeSlots.isEmpty { self.growSlots() }
        let index = self.freeSlots.head
        self.freeSlots.remove(index, self.slots)
        let slot = self.slots + Int(index)
        slot.pointee.state = .connecting
        slot.pointee.marks = []
        slot.pointee.resourceSerial &+= 1
        self.occupied += 1
        self.connecting += 1
        self.setTimer(index, at: now + self.configuration.connectTimeout)
        return index
    }

    /// Whether an event is about the resource that the slot holds now, and not about one that was written off.
    func isCurrent(_ index: Int32, _ resourceSerial: UInt32) -> Bool {
        self.slots[Int(index)].resourceSerial == resourceSerial
    }

    mutating func connected(_ index: Int32, now: NIODeadline) {
        let slot = self.slots + Int(index)
        switch slot.pointee.state {
        case .connecting:
            self.connecting -= 1
            slot.pointee.marks.insert(.unproven)
            self.gate.connected(stillWaiting: self.waiters.count > self.ready.count + 1)
            if self.serving == 0 { self.servingSince = now }
            if slot.pointee.marks.contains(.retiring) { return self.beginClosing(index, reason: .evicted) }
            // Whoever it was opened for has been served or has gone, and it is more than the pool keeps.
            if self.waiters.count <= self.ready.count, self.serving + self.connecting >= self.size, self.oldestExpiredIdle() == nil {
                return self.beginClosing(index, reason: .overflow)
            }
            slot.pointee.generation = self.generation
            slot.pointee.checkedAt = now
            slot.pointee.idleSince = now
            slot.pointee.expiresAt = self.endOfLife(now: now)
            self.setTimer(index, at: slot.pointee.expiresAt)
            slot.pointee.state = .ready
            self.ready.pushFirst(index, self.slots)
            self.armIdleTimer(now: now)
            self.replaceOneExpired()
        case .abandoned:
            self.unqueueAbandoned(index)
            self.beginClosing(index, reason: .late)
        case .free, .ready, .suspect, .validating, .leased, .revoked, .gone, .closing:
            preconditionFailure("a connect was reported twice; the slot is \(slot.pointee.state)")
        }
    }

    mutating func connectFailed(_ index: Int32, now: NIODeadline) {
        switch self.slots[Int(index)].state {
        case .connecting:
            self.connecting -= 1
            self.freeOccupied(index)
            self.noteFailedConnect(now: now)
        case .abandoned:
            self.unqueueAbandoned(index)
            self.freeOccupied(index)
        case .free, .ready, .suspect, .validating, .leased, .revoked, .gone, .closing:
            preconditionFailure("a connect was reported twice; the slot is \(self.slots[Int(index)].state)")
        }
    }

    mutating func abandon(_ index: Int32, now: NIODeadline) {
        self.connecting -= 1
        self.slots[Int(index)].state = .abandoned
        self.toAbandon.pushLast(index, self.slots)
        self.setTimer(index, at: now + self.configuration.closeTimeout)
    }

    private mutating func unqueueAbandoned(_ index: Int32) {
        // It is on the list as long as nobody has been told.
        if self.isListed(index, in: self.toAbandon) { self.toAbandon.remove(index, self.slots) }
    }

    func isListed(_ index: Int32, in list: SlotList) -> Bool {
        list.head == index || self.slots[Int(index)].previous >= 0
    }

    mutating func noteFailedConnect(now: NIODeadline) {
        self.gate.failed(now: now, using: &self.random)
    }

    /// Whether nothing is open and the circuit says that nothing will be soon.
    func isDown(now: NIODeadline) -> Bool {
        self.gate.isOpen && self.serving == 0 && self.gate.isResting(now: now)
    }

    /// Resources that serve or could.
    var serving: Int32 { self.ready.count + self.suspect.count + self.validating + self.leased }

    private mutating func endOfLife(now: NIODeadline) -> NIODeadline {
        guard let lifetime = self.configuration.maximumLifetime else { return .distantFuture }
        let share = 1 - self.configuration.lifetimeJitter * Double.random(in: 0..<1, using: &self.random)
        return now + .nanoseconds(Int64(Double(lifetime.nanoseconds) * share))
    }

    // MARK: Checking

    /// The share of the validation timeout after which a check is not counted on any more: others are checked and connects started
    /// beside it, so that a black hole full of idle resources costs its waiters little.
    private static var patience: Int64 { 10 }

    /// How long a check may take before others are tried beside it.
    private var checkPatience: TimeAmount { .nanoseconds(max(1, self.configuration.validationTimeout.nanoseconds / Self.patience)) }

    mutating func beginValidating(_ index: Int32, now: NIODeadline) {
        self.slots[Int(index)].state = .validating
        self.validating += 1
        self.slots[Int(index)].checkEndsAt = now + self.configuration.validationTimeout
        self.setTimer(index, at: now + self.checkPatience)
        self.toValidate.pushLast(index, self.slots)
    }

    mutating func validated(_ index: Int32, healthy: Bool, now: NIODeadline) {
        let slot = self.slots + Int(index)
        // A late answer: the check timed out, or the slot was evicted meanwhile.
        guard slot.pointee.state == .validating else { return }
        guard healthy else {
            self.generation &+= 1
            self.suspectAllReady()
            return self.closeValidating(index, reason: .unhealthy)
        }
        self.endValidating(index)
        self.gate.proven()
        slot.pointee.marks.remove(.unproven)
        if slot.pointee.marks.contains(.retiring) { return self.beginClosing(index, reason: .evicted) }
        slot.pointee.state = .ready
        slot.pointee.checkedAt = now
        slot.pointee.generation = self.generation
        self.setTimer(index, at: slot.pointee.expiresAt)
        // At the end: being checked is not being used.
        self.ready.pushLast(index, self.slots)
        self.armIdleTimer(now: now)
    }

    /// The deadline of a check has come: that of patience with it first, then its own.
    mutating func checkTakesLong(_ index: Int32, now: NIODeadline) {
        if self.slots[Int(index)].marks.contains(.slow) { return self.validated(index, healthy: false, now: now) }
        self.slots[Int(index)].marks.insert(.slow)
        self.slowChecks += 1
        self.setTimer(index, at: self.slots[Int(index)].checkEndsAt)
    }

    /// Checks under way that are likely to answer soon.
    var promisingChecks: Int32 { self.validating - self.slowChecks }

    private mutating func endValidating(_ index: Int32) {
        if self.isListed(index, in: self.toValidate) { self.toValidate.remove(index, self.slots) }
        self.validating -= 1
        guard self.slots[Int(index)].marks.contains(.slow) else { return }
        self.slots[Int(index)].marks.remove(.slow)
        self.slowChecks -= 1
    }

    /// Closes one whose check has not answered, or not well. A later answer finds it in another state.
    mutating func closeValidating(_ index: Int32, reason: CloseReason) {
        self.endValidating(index)
        self.beginClosing(index, reason: reason)
    }

    private mutating func suspectAllReady() {
        while let index = self.ready.popFirst(self.slots) {
            self.slots[Int(index)].state = .suspect
            self.suspect.pushLast(index, self.slots)
        }
    }

    // MARK: Closing

    /// Closes a resource that is in no list and not leased.
    mutating func beginClosing(_ index: Int32, reason: CloseReason) {
        self.slots[Int(index)].state = .closing
        self.clearExpired(index)
        self.slots[Int(index)].marks = []
        self.queueClosing(index, reason: reason)
    }

    mutating func queueClosing(_ index: Int32, reason: CloseReason) {
        self.wheel.cancel(self.slots[Int(index)].timer)
        self.slots[Int(index)].timer = .none
        self.slots[Int(index)].closeReason = reason
        self.toClose.pushLast(index, self.slots)
    }

    /// Closes an idle one.
    mutating func closeIdle(_ index: Int32, reason: CloseReason) {
        self.unlinkIdle(index)
        self.beginClosing(index, reason: reason)
    }

    private mutating func unlinkIdle(_ index: Int32) {
        switch self.slots[Int(index)].state {
        case .ready: self.ready.remove(index, self.slots)
        case .suspect: self.suspect.remove(index, self.slots)
        case .free, .connecting, .abandoned, .validating, .leased, .revoked, .gone, .closing:
            preconditionFailure("the slot is \(self.slots[Int(index)].state), not idle")
        }
    }

    /// The resource is gone, by our order or by itself.
    mutating func closed(_ index: Int32, now: NIODeadline) {
        switch self.slots[Int(index)].state {
        case .ready, .suspect:
            if self.slots[Int(index)].marks.contains(.unproven) { self.gate.diedUnused(now: now, using: &self.random) }
            self.unlinkIdle(index)
            self.freeOccupied(index)
        case .validating:
            self.endValidating(index)
            self.freeOccupied(index)
        case .leased:
            self.leased -= 1
            self.becomeGone(index)
        case .revoked:
            self.unqueueClosing(index)
            self.becomeGone(index)
        case .closing:
            self.unqueueClosing(index)
            self.freeOccupied(index)
        case .free, .gone, .connecting, .abandoned:
            // Said twice, or before the connect was reported: the report decides.
            break
        }
    }

    private mutating func unqueueClosing(_ index: Int32) {
        if self.isListed(index, in: self.toClose) { self.toClose.remove(index, self.slots) }
    }

    private mutating func becomeGone(_ index: Int32) {
        self.clearExpired(index)
        self.slots[Int(index)].state = .gone
        self.slots[Int(index)].resourceSerial &+= 1
        self.occupied -= 1
        self.cancelTimer(index)
        self.permitCameBack()
    }

    private mutating func freeOccupied(_ index: Int32) {
        self.clearExpired(index)
        self.occupied -= 1
        self.cancelTimer(index)
        self.permitCameBack()
        self.freeSlot(index)
    }

    mutating func freeSlot(_ index: Int32) {
        self.slots[Int(index)].state = .free
        self.slots[Int(index)].marks = []
        self.slots[Int(index)].resourceSerial &+= 1
        self.freeSlots.pushFirst(index, self.slots)
    }

    private mutating func permitCameBack() {
        self.wasPermitRefused = false
        if self.donationsOwed > 0 {
            self.donationsOwed -= 1
            self.permitsToGiveUp += 1
        } else {
            self.permitsInHand += 1
        }
    }

    var hasIdle: Bool { self.ready.head >= 0 || self.suspect.head >= 0 }

    func oldestIdle() -> Int32? {
        if self.suspect.tail >= 0 { return self.suspect.tail }
        return self.ready.tail >= 0 ? self.ready.tail : nil
    }

    /// Permits that go back to the ledger as soon as what stands on them is closed.
    var promisedPermits: Int { self.donationsOwed + self.permitsToGiveUp }

    /// Gives up a permit that nothing stands on yet, else the idle resource that was unused for the longest, for a loop that starves.
    ///
    /// - Returns: false if there is neither.
    mutating func donate() -> Bool {
        if self.permitsInHand > 0 {
            self.permitsInHand -= 1
            self.permitsToGiveUp += 1
            return true
        }
        guard let index = self.oldestIdle() else { return false }
        self.donationsOwed += 1
        self.closeIdle(index, reason: .donated)
        return true
    }

    // MARK: Slots and their timers

    mutating func setTimer(_ index: Int32, at deadline: NIODeadline) {
        let slot = self.slots + Int(index)
        self.wheel.cancel(slot.pointee.timer)
        slot.pointee.timer =
            deadline == .distantFuture ? .none : self.wheel.arm(at: deadline, target: 0, tag: Timer.slot(index).tag)
    }

    private mutating func cancelTimer(_ index: Int32) {
        self.wheel.cancel(self.slots[Int(index)].timer)
        self.slots[Int(index)].timer = .none
    }

    mutating func growSlots() {
        let capacity = max(8, self.slotCapacity * 2)
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        slots.moveInitialize(from: self.slots, count: self.slotCapacity)
        (slots + self.slotCapacity).initialize(repeating: Slot(), count: capacity - self.slotCapacity)
        self.slots.deallocate()
        self.slots = slots
        for index in stride(from: capacity - 1, through: self.slotCapacity, by: -1) {
            self.freeSlots.pushFirst(Int32(index), self.slots)
        }
        self.slotCapacity = capacity
    }
}
