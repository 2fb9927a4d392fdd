import NIOCore
import WeirCore

/// Requests come, are served, refused or taken back; leases return.
extension PoolMachine {
    enum RequestResult {
        case leased(Int32)
        case waiting(LeaseRequest)
        case refused(Refusal)
    }

    /// Serves a request at once, queues it or refuses it.
    mutating func request(now: NIODeadline, deadline: NIODeadline, owner: Owner, site: CallSite) -> RequestResult {
        let index = self.tryLeaseCarefully(now: now, owner: owner, site: site)
        if index >= 0 { return .leased(index) }
        switch self.mode {
        case .draining, .closed: return .refused(.shutdown)
        case .open, .suspended: break
        }
        if self.isDown(now: now) { return .refused(.circuitOpen) }
        if deadline <= now { return .refused(.deadlineExceeded) }
        // Also while nobody is served: when all that is open hangs, the queue stands.
        if self.waiters.oldest >= 0, self.serving > 0 {
            self.delay.sampled(oldestWaited: self.waited(self.waiters.oldest, now: now), now: now)
        }
        guard let waiter = self.waiters.append(now: now, owner: owner, site: site) else { return .refused(.queueFull) }
        var deadline = deadline
        if self.delay.isOverloaded, let target = self.configuration.overload?.target, now + target < deadline {
            deadline = now + target
            self.waiters[waiter].isShedAtDeadline = true
        }
        self.waiters[waiter].timer = self.wheel.arm(at: deadline, target: 0, tag: Timer.waiter(waiter).tag)
        return .waiting(LeaseRequest(index: waiter, serial: self.waiters[waiter].serial))
    }

    /// - Returns: whether the request was still waiting; it is not any more, and gets nothing.
    mutating func cancel(_ request: LeaseRequest) -> Bool {
        guard self.isWaiting(request) else { return false }
        self.wheel.cancel(self.waiters[request.index].timer)
        self.waiters.remove(request.index)
        self.queueChanged()
        return true
    }

    func isWaiting(_ request: LeaseRequest) -> Bool {
        guard request.index < self.waiters.capacity else { return false }
        return self.waiters[request.index].isQueued && self.waiters[request.index].serial == request.serial
    }

    /// The long way of ``tryLease(now:owner:site:)``: sets aside what must be checked first.
    mutating func tryLeaseCarefully(now: NIODeadline, owner: Owner, site: CallSite) -> Int32 {
        guard self.isOpen, self.waiters.count == 0 else { return -1 }
        guard let index = self.nextFit(now: now) else {
            // So that another try finds one.
            if self.promisingChecks == 0, let suspect = self.suspect.popFirst(self.slots) { self.beginValidating(suspect, now: now) }
            return -1
        }
        self.lease(index, now: now, owner: owner, site: site)
        self.armLeakTimer(now: now)
        return index
    }

    /// The first ready slot that needs no check; those before it become suspect.
    mutating func nextFit(now: NIODeadline) -> Int32? {
        while self.ready.head >= 0 {
            let index = self.ready.head
            let slot = self.slots[Int(index)]
            if slot.generation == self.generation, now - slot.checkedAt <= self.validateAfterIdle { return index }
            self.ready.remove(index, self.slots)
            self.slots[Int(index)].state = .suspect
            self.suspect.pushLast(index, self.slots)
        }
        return nil
    }

    /// A lease is over and the resource is fit for the next one.
    mutating func giveBack(_ index: Int32, now: NIODeadline) {
        let slot = self.slots + Int(index)
        switch slot.pointee.state {
        case .leased:
            if slot.pointee.marks.contains(.unproven) { self.gate.proven() }
            slot.pointee.marks.subtract([.reported, .traced, .unproven, .heldForLong])
            slot.pointee.checkedAt = now
            slot.pointee.idleSince = now
            if let reason = self.reasonToCloseReturned(slot.pointee.marks, expiredAt: slot.pointee.expiresAt, now: now) {
                self.leased -= 1
                self.beginClosing(index, reason: reason)
                return
            }
            self.leased -= 1
            slot.pointee.state = .ready
            self.ready.pushFirst(index, self.slots)
            self.armIdleTimer(now: now)
        case .revoked:
            slot.pointee.state = .closing
        case .gone:
            slot.pointee.marks = []
            self.freeSlot(index)
        case .free, .connecting, .abandoned, .ready, .suspect, .validating, .closing:
            preconditionFailure("a lease came back for a slot that is \(slot.pointee.state)")
        }
    }

    /// A lease is over and the resource's state is in doubt.
    mutating func discard(_ index: Int32, now: NIODeadline) {
        guard self.slots[Int(index)].state == .leased else { return self.giveBack(index, now: now) }
        self.leased -= 1
        self.beginClosing(index, reason: .discarded)
    }

    private func reasonToCloseReturned(_ marks: Slot.Marks, expiredAt: NIODeadline, now: NIODeadline) -> CloseReason? {
        if marks.contains(.retiring) { return .evicted }
        // A queue that never ends must not keep it alive, unless there is no telling that a new one can be had.
        if marks.contains(.expired), self.waiters.count > 0, self.gate.failuresInARow == 0 { return .expired }
        if self.waiters.count > 0, self.mode != .suspended { return nil }
        if self.mode == .draining || self.mode == .closed { return .drained }
        // Those on their way out are no reason to close one more.
        if self.serving + self.connecting > self.size { return .overflow }
        if marks.contains(.expired) {
            if self.ready.count + self.suspect.count >= Int32(self.configuration.minimumIdle) { return .expired }
            // Users who come and go all the time leave no moment in which it could be replaced: then one after the other goes first.
            if self.connecting == 0, self.gate.failuresInARow == 0, now - expiredAt > self.patienceWithExpired { return .expired }
        }
        return nil
    }

    /// For how long one that is due to go may be replaced in its own time.
    private var patienceWithExpired: TimeAmount { .nanoseconds((self.configuration.maximumLifetime?.nanoseconds ?? 0) / 10) }

    /// Takes every lease and every request of an owner away. The resources are closed: who held them may still be using them.
    ///
    /// - Returns: the leases that were taken away.
    mutating func releaseAll(of owner: Owner) -> Int {
        var count = 0
        for index in 0..<Int32(self.slotCapacity) where self.slots[Int(index)].state == .leased && self.slots[Int(index)].owner == owner {
            self.revoke(index)
            count += 1
        }
        self.refuseWaiters(.cancelled) { $0.owner == owner }
        return count
    }

    /// Whether the resource of a lease that was taken away has had its order to close, and the lease is still out.
    func isClosingUnderLease(_ index: Int32) -> Bool {
        self.slots[Int(index)].state == .revoked && !self.isListed(index, in: self.toClose)
    }

    mutating func revoke(_ index: Int32) {
        self.leased -= 1
        self.slots[Int(index)].state = .revoked
        self.clearExpired(index)
        self.queueClosing(index, reason: .revoked)
    }

    // MARK: The queue

    /// Refuses those that wait and fit.
    mutating func refuseWaiters(_ refusal: Refusal, where fits: (WaiterQueue.Waiter) -> Bool = { _ in true }) {
        var index = self.waiters.oldest
        while index >= 0 {
            let next = self.waiters[index].next
            if fits(self.waiters[index]) { self.refuse(index, refusal) }
            index = next
        }
    }

    mutating func refuse(_ waiter: Int32, _ refusal: Refusal) {
        self.wheel.cancel(self.waiters[waiter].timer)
        self.waiters.refuse(waiter, refusal)
        self.queueChanged()
    }

    private mutating func queueChanged() {
        guard self.waiters.count == 0 else { return }
        self.delay.emptied()
        self.gate.queueEmptied()
    }

    /// Takes the waiter whose turn it is, after shedding those that a standing queue has kept for too long.
    mutating func nextWaiter(now: NIODeadline) -> Int32? {
        guard self.waiters.oldest >= 0 else { return nil }
        self.delay.sampled(oldestWaited: self.waited(self.waiters.oldest, now: now), now: now)
        if self.delay.isOverloaded, let target = self.configuration.overload?.target {
            // The newest is spared: somebody has to be served.
            while self.waiters.oldest != self.waiters.newest, self.waited(self.waiters.oldest, now: now) > target {
                self.refuse(self.waiters.oldest, .overloaded)
            }
        }
        let waiter = self.delay.isOverloaded ? self.waiters.newest : self.waiters.oldest
        self.wheel.cancel(self.waiters[waiter].timer)
        self.waiters.remove(waiter)
        self.queueChanged()
        return waiter
    }

    /// How long a waiter has been kept by the queue: waiting for the first connect does not count.
    private func waited(_ waiter: Int32, now: NIODeadline) -> TimeAmount {
        now - max(self.waiters[waiter].enqueuedAt, self.servingSince)
    }

    mutating func waiterTimedOut(_ waiter: Int32) {
        self.waiters[waiter].timer = .none
        self.refuse(waiter, self.waiters[waiter].isShedAtDeadline ? .overloaded : .deadlineExceeded)
    }
}

/// Names a request that waits, to cancel it by. Good for one use: later ones find nothing.
public struct LeaseRequest: Sendable, Hashable {
    let index: Int32
    let serial: UInt32
}
