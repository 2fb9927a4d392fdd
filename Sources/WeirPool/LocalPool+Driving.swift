import NIOCore
import WeirCore

/// Runs the machine's actions, and tells it what became of them.
extension LocalPool {
    /// Does what the state asks for, until it asks for nothing. A call from inside an action returns at once: the outer one goes on.
    ///
    /// - Parameter now: the clock as the event before was told it. A later reading could find that what that event proved is stale.
    @usableFromInline
    func drive(now: NIODeadline? = nil) {
        guard !self.isDriving else { return }
        self.isDriving = true
        let now = now ?? self.loop.now
        // Before anyone here is served: a loop that has more than its share gives up what just came back.
        if self.isShared { _ = self.donates() }
        repeat {
            while let action = self.machine.pointee.next(now: now) { self.perform(action, now: now) }
            // Shown first and then looked: whoever begins to starve raises its flag first and then looks here.
            if self.isShared { self.account.publish(hasIdle: self.machine.pointee.hasIdle) }
        } while self.isShared && self.donates()
        self.isDriving = false
        assert(self.machine.pointee.brokenInvariantAtRest() == nil, self.machine.pointee.brokenInvariantAtRest() ?? "")
        self.alarm.moveEarlier(to: self.machine.pointee.nextWake)
        self.meters.open.set(Int64(self.machine.pointee.occupied))
        self.meters.waiting.set(Int64(self.machine.pointee.waiters.count))
    }

    func timePassed() {
        let now = self.loop.now
        self.machine.pointee.advance(now: now)
        self.drive(now: now)
    }

    private func perform(_ action: PoolMachine.Action, now: NIODeadline) {
        switch action {
        case .grant(let waiter, let slot):
            self.meters.acquireTime.record(UInt64(clamping: (now - self.machine.pointee.waiters[waiter].enqueuedAt).nanoseconds))
            self.takeReceiver(waiter).grant(self.granted(slot))
        case .refuse(let waiter, let refusal):
            self.takeReceiver(waiter).fail(self.error(for: refusal))
        case .acquirePermit:
            self.machine.pointee.permitAnswered(self.account.tryAcquire())
        case .starve:
            if self.account.starve() { self.machine.pointee.permitGranted() }
        case .stopStarving:
            self.account.stopStarving()
        case .releasePermit:
            self.account.release()
        case .connect(let slot):
            self.connect(slot, now: now)
        case .abandon(let slot):
            self.meters.connectFailures.increment()
            self.lastConnectError = ConnectAbandoned()
            self.handle(slot).abandon()
        case .validate(let slot):
            self.meters.validations.increment()
            self.factory.validate(self.resource(in: slot), self.handle(slot))
        case .close(let slot, let reason):
            self.meters.closed[Int(reason.rawValue)].increment()
            if reason == .unhealthy { self.meters.validationFailures.increment() }
            self.close(slot)
        case .reportLeak(let slot):
            self.meters.leaks.increment()
            self.report(.leak(pool: self.name, self.info(of: slot, now: now), backtrace: self.tracer.backtrace(of: slot)))
        case .drained:
            self.finish()
        }
    }

    private func takeReceiver(_ waiter: Int32) -> WaitingReceiver<Resource> {
        let receiver = self.storage.pointee.receivers[Int(waiter)]
        self.storage.pointee.receivers[Int(waiter)] = .nobody
        return receiver
    }

    private func handle(_ slot: Int32) -> ResourceHandle<Resource> {
        guard let handle = self.storage.pointee.handles[Int(slot)] else { preconditionFailure("slot \(slot) has no resource") }
        return handle
    }

    private func connect(_ slot: Int32, now: NIODeadline) {
        self.makeRoom(for: slot)
        let serial = self.machine.pointee.slots[Int(slot)].resourceSerial
        let handle = ResourceHandle(pool: self, loop: self.loop, slot: slot, serial: serial)
        self.storage.pointee.handles[Int(slot)] = handle
        self.storage.pointee.connectStarts[Int(slot)] = now
        self.meters.connects.increment()
        self.factory.connect(handle)
    }

    private func close(_ slot: Int32) {
        let resource = self.resource(in: slot)
        // A lease that was taken away may still be asked for its resource.
        if self.machine.pointee.slots[Int(slot)].state != .revoked { self.storage.pointee.resources[Int(slot)] = nil }
        self.factory.close(resource, self.handle(slot))
    }

    private func makeRoom(for slot: Int32) {
        let old = self.storage.pointee.capacity
        guard Int(slot) >= old else { return }
        let capacity = self.machine.pointee.slotCapacity
        let resources = UnsafeMutablePointer<Resource?>.allocate(capacity: capacity)
        resources.moveInitialize(from: self.storage.pointee.resources, count: old)
        (resources + old).initialize(repeating: nil, count: capacity - old)
        self.storage.pointee.resources.deallocate()
        self.storage.pointee.resources = resources
        self.storage.pointee.handles += [ResourceHandle<Resource>?](repeating: nil, count: capacity - old)
        self.storage.pointee.connectStarts += [NIODeadline](repeating: .distantPast, count: capacity - old)
        self.storage.pointee.capacity = capacity
    }

    func error(for refusal: PoolMachine.Refusal) -> PoolError {
        switch refusal {
        case .deadlineExceeded: self.meters.timeouts.increment()
        case .queueFull: self.meters.queueFull.increment()
        case .overloaded: self.meters.shed.increment()
        case .circuitOpen: self.meters.circuitRejections.increment()
        case .cancelled: self.meters.cancelled.increment()
        case .shutdown: break
        }
        return .refusal(refusal, cause: self.lastConnectError)
    }

    // MARK: What handles report

    func established(_ handle: ResourceHandle<Resource>, _ resource: Resource, slot: Int32, serial: UInt32) {
        self.loop.preconditionInEventLoop()
        guard self.machine.pointee.isCurrent(slot, serial) else {
            // It was written off long ago. Nobody counts it; it only has to go.
            self.factory.close(resource, handle)
            return
        }
        let now = self.loop.now
        self.lastConnectError = nil
        self.meters.connectTime.record(UInt64(clamping: (now - self.storage.pointee.connectStarts[Int(slot)]).nanoseconds))
        self.storage.pointee.resources[Int(slot)] = resource
        self.machine.pointee.connected(slot, now: now)
        self.drive(now: now)
    }

    func connectFailed(_ error: any Error, slot: Int32, serial: UInt32) {
        self.loop.preconditionInEventLoop()
        guard self.machine.pointee.isCurrent(slot, serial) else { return }
        // One that was abandoned has been counted.
        if self.machine.pointee.slots[Int(slot)].state == .connecting {
            self.meters.connectFailures.increment()
            self.lastConnectError = error
        }
        self.storage.pointee.handles[Int(slot)] = nil
        let now = self.loop.now
        self.machine.pointee.connectFailed(slot, now: now)
        self.drive(now: now)
    }

    func validated(_ healthy: Bool, slot: Int32, serial: UInt32) {
        self.loop.preconditionInEventLoop()
        guard self.machine.pointee.isCurrent(slot, serial) else { return }
        let now = self.loop.now
        self.machine.pointee.validated(slot, healthy: healthy, now: now)
        self.drive(now: now)
    }

    func closed(slot: Int32, serial: UInt32) {
        self.loop.preconditionInEventLoop()
        guard self.machine.pointee.isCurrent(slot, serial) else { return }
        let now = self.loop.now
        switch self.machine.pointee.slots[Int(slot)].state {
        case .ready, .suspect, .validating, .leased: self.meters.closed[Int(PoolMachine.CloseReason.lost.rawValue)].increment()
        case .free, .connecting, .abandoned, .revoked, .gone, .closing: break
        }
        self.machine.pointee.closed(slot, now: now)
        switch self.machine.pointee.slots[Int(slot)].state {
        case .free: self.storage.pointee.resources[Int(slot)] = nil
        // The lease may still be asked for its resource; or the connect has not been reported yet.
        case .gone, .connecting, .abandoned, .ready, .suspect, .validating, .leased, .revoked, .closing: break
        }
        self.drive(now: now)
    }

    // MARK: Permits

    /// Gives an idle resource up if another loop has the better claim to its permit: whenever it may have become idle, for the ledger
    /// asks only once.
    private func donates() -> Bool {
        let machine = self.machine
        let hasUse = machine.pointee.waiters.count > 0 && machine.pointee.mode != .suspended
        return self.account.shouldDonate(hasUse: hasUse, promised: machine.pointee.promisedPermits) && machine.pointee.donate()
    }

    func receive(_ message: PermitMessage) {
        switch message {
        case .granted:
            self.account.accept()
            self.machine.pointee.permitGranted()
        case .surplusWanted(let triesLeft):
            if !self.donates(), self.account.hasMoreStarving(than: self.machine.pointee.promisedPermits) {
                self.account.decline(triesLeft: triesLeft)
            }
        }
        self.drive()
    }
}
