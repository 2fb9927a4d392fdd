import NIOCore
import WeirCore

/// What an operator does, and looks at.
extension LocalPool {
    /// Keeps requests waiting and grants nothing, until ``resume()``. Deadlines go on.
    public func suspend() {
        self.machine.pointee.suspend()
        self.drive()
    }

    /// Serves again.
    public func resume() {
        self.machine.pointee.resume()
        self.drive()
    }

    /// Replaces every resource: idle ones are closed now, the others when they come back. Nobody is disturbed.
    public func evictAll() {
        self.machine.pointee.evictAll()
        self.drive()
    }

    /// Takes all leases of an owner away and fails its waiting requests with ``PoolError/Code/cancelled``. The resources are closed,
    /// since who held them may still be using them; giving such a lease back does nothing.
    ///
    /// - Returns: how many leases were taken away.
    /// - Complexity: O(resources + waiters) of this loop.
    @discardableResult
    public func releaseAll(of owner: Owner) -> Int {
        let count = self.machine.pointee.releaseAll(of: owner)
        self.drive()
        return count
    }

    /// Who holds what right now.
    ///
    /// - Complexity: O(resources) of this loop.
    public func leases() -> [LeaseInfo] {
        let now = self.loop.now
        return (0..<Int32(self.machine.pointee.slotCapacity)).filter {
            switch self.machine.pointee.slots[Int($0)].state {
            case .leased, .revoked, .gone: true
            case .free, .connecting, .abandoned, .ready, .suspect, .validating, .closing: false
            }
        }.map { self.info(of: $0, now: now) }
    }

    func info(of slot: Int32, now: NIODeadline) -> LeaseInfo {
        let slot = self.machine.pointee.slots[Int(slot)]
        return LeaseInfo(owner: slot.owner, site: slot.site, heldFor: max(.zero, now - slot.leasedAt))
    }

    /// What this loop's pool holds and has done.
    public func statistics() -> PoolStatistics {
        let machine = self.machine
        var statistics = PoolStatistics.none
        statistics.active = Int(machine.pointee.leased)
        statistics.idle = Int(machine.pointee.ready.count + machine.pointee.suspect.count + machine.pointee.validating)
        statistics.connecting = Int(machine.pointee.connecting)
        statistics.closing = Int(machine.pointee.occupied) - statistics.active - statistics.idle - statistics.connecting
        statistics.waiting = Int(machine.pointee.waiters.count)
        statistics.leases = self.meters.leases.value
        statistics.connects = self.meters.connects.value
        statistics.connectFailures = self.meters.connectFailures.value
        statistics.exhaustions = self.meters.waits.value
        statistics.timeouts = self.meters.timeouts.value
        statistics.queueFull = self.meters.queueFull.value
        statistics.shed = self.meters.shed.value
        statistics.circuitRejections = self.meters.circuitRejections.value
        statistics.cancelled = self.meters.cancelled.value
        statistics.validations = self.meters.validations.value
        statistics.validationFailures = self.meters.validationFailures.value
        statistics.closed = self.meters.closed.reduce(0) { $0 + $1.value }
        statistics.dropped = self.meters.dropped.value
        statistics.leaks = self.meters.leaks.value
        statistics.acquireTime = self.meters.acquireTime.snapshot()
        statistics.holdTime = self.meters.holdTime.snapshot()
        return statistics
    }

    /// Refuses new requests, serves those that wait already until the deadline, then closes everything, under its holders if need be.
    ///
    /// - Parameter promise: succeeded once nothing is open any more. Asking again joins the first.
    func drain(deadline: NIODeadline, promise: EventLoopPromise<Void>?) {
        if self.machine.pointee.mode == .closed { return promise?.succeed() ?? () }
        if let promise { self.closeWaiters.append(promise) }
        self.machine.pointee.drain(deadline: deadline, now: self.loop.now)
        self.drive()
    }

    func finish() {
        self.alarm.stop()
        let waiters = self.closeWaiters
        self.closeWaiters = []
        for waiter in waiters { waiter.succeed() }
        self.endIfOver()
    }

    /// Lets go of itself once it is closed and the last lease is back.
    func endIfOver() {
        guard self.machine.pointee.mode == .closed, !self.machine.pointee.isAnyLeaseOut, let reference = self.selfReference else { return }
        self.selfReference = nil
        // The caller is one of this object's own methods: the object has to last until it has returned.
        self.loop.assumeIsolated().execute { reference.release() }
    }
}
