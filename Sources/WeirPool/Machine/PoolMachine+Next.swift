import NIOCore
import WeirCore

/// What the state asks for.
extension PoolMachine {
    /// The next thing to do, or nil if there is nothing more to do now.
    mutating func next(now: NIODeadline) -> Action? {
        if let slot = self.nextLeak(now: now) { return .reportLeak(slot: slot) }
        if let (waiter, refusal) = self.waiters.nextRefused() { return .refuse(waiter: waiter, refusal) }
        if let slot = self.toAbandon.popFirst(self.slots) { return .abandon(slot: slot) }
        if let slot = self.toClose.popFirst(self.slots) {
            self.setTimer(slot, at: now + self.configuration.closeTimeout)
            return .close(slot: slot, self.slots[Int(slot)].closeReason)
        }
        if self.permitsToGiveUp > 0 {
            self.permitsToGiveUp -= 1
            return .releasePermit
        }
        // Whatever brought it about, a failed connect or the loss of the last open one.
        if self.waiters.count > 0, self.isDown(now: now) {
            self.refuseWaiters(.circuitOpen)
            return self.next(now: now)
        }
        if let grant = self.nextGrant(now: now) { return grant }
        // Shedding refuses some while it looks for whom to serve.
        if let (waiter, refusal) = self.waiters.nextRefused() { return .refuse(waiter: waiter, refusal) }
        if let slot = self.toValidate.popFirst(self.slots) { return .validate(slot: slot) }
        if let action = self.nextConnect(now: now) { return action }
        return self.mode == .draining ? self.nextOfDrain(now: now) : nil
    }

    private mutating func nextGrant(now: NIODeadline) -> Action? {
        guard self.waiters.count > 0, self.mode != .suspended else { return nil }
        if let slot = self.nextFit(now: now) {
            guard let waiter = self.nextWaiter(now: now) else { return nil }
            self.lease(slot, now: now, owner: self.waiters[waiter].owner, site: self.waiters[waiter].site)
            self.armLeakTimer(now: now)
            return .grant(waiter: waiter, slot: slot)
        }
        while self.waiters.count > self.promisingChecks, let slot = self.suspect.popFirst(self.slots) {
            self.beginValidating(slot, now: now)
        }
        return nil
    }

    // MARK: Connecting

    /// Why the pool would open one more.
    private enum Need {
        case waiters, minimum, replacement, none
    }

    private func need(now: NIODeadline) -> Need {
        guard self.mode != .suspended, self.mode != .closed else { return .none }
        // When one check takes long the others may, too: those who wait then get a connect beside them.
        let pending = self.slowChecks > 0 ? self.connecting : self.connecting + self.promisingChecks
        if self.waiters.count > pending + self.ready.count, self.occupied < self.hardLimit { return .waiters }
        guard self.mode == .open else { return .none }
        // A check that takes long counts here until it has failed: one that is opened beside it would be one too many.
        let idle = self.ready.count + self.suspect.count + self.connecting + self.validating
        let replaces = self.connecting == 0 && self.expired > 0 && self.oldestExpiredIdle() != nil
        // Without a permit for one more, an old one's own permit still serves to replace it.
        if idle < Int32(self.configuration.minimumIdle), self.occupied < self.size, !(replaces && self.wasPermitRefused) { return .minimum }
        if replaces { return .replacement }
        return .none
    }

    private mutating func nextConnect(now: NIODeadline) -> Action? {
        let need = self.need(now: now)
        if self.isStarving, need != .waiters {
            self.isStarving = false
            return .stopStarving
        }
        let allowance = self.gate.allowance(now: now, isAnyOpen: self.serving > 0)
        let isAllowed: Bool
        switch need {
        case .none: isAllowed = false
        case .waiters: isAllowed = self.connecting < allowance
        // Nobody waits for these: one at a time, unless there is nothing at all yet.
        case .minimum, .replacement:
            isAllowed = self.connecting < (self.serving > 0 ? min(1, allowance) : allowance) && !self.gate.isIdleResting(now: now)
        }
        guard isAllowed else {
            if need != .none { self.armRetryTimer(at: self.gate.restsUntil(forWaiters: need == .waiters, now: now)) }
            if self.isStarving {
                // It could not use a permit now, and gives up even its own. It asks again when it can: its floor may be free then.
                self.isStarving = false
                return .stopStarving
            }
            return self.giveUpSparePermit()
        }
        if need == .replacement, let old = self.oldestExpiredIdle(), self.mustCloseBeforeReplacing {
            // One at a time: its place is filled before the next one goes.
            guard !self.isAnyClosing else { return self.giveUpSparePermit() }
            self.closeIdle(old, reason: .expired)
            return self.next(now: now)
        }
        if self.permitsInHand > 0 {
            self.permitsInHand -= 1
            return .connect(slot: self.beginConnecting(now: now))
        }
        // Also while starving: what this loop gave up below its floor is its own to take again.
        if !self.wasPermitRefused { return .acquirePermit }
        if self.isStarving { return nil }
        if need == .waiters {
            self.isStarving = true
            return .starve
        }
        // Nobody waits for it, so nobody else has to give one up: ask again in a while.
        self.armRetryTimer(at: now + .seconds(1))
        return nil
    }

    private mutating func giveUpSparePermit() -> Action? {
        guard self.permitsInHand > 0 else { return nil }
        self.permitsInHand -= 1
        return .releasePermit
    }

    /// There is no room for a new one beside the old one, or no need of one.
    private var mustCloseBeforeReplacing: Bool {
        self.occupied >= self.hardLimit || self.wasPermitRefused
            || self.ready.count + self.suspect.count > Int32(self.configuration.minimumIdle)
    }

    /// Resources on their way out; a replacement waits for them.
    private var isAnyClosing: Bool {
        self.occupied > self.serving + self.connecting
    }

    private mutating func armRetryTimer(at deadline: NIODeadline?) {
        guard let deadline, self.retryTimer == .none || deadline < self.retryTimerAt else { return }
        self.wheel.cancel(self.retryTimer)
        self.retryTimerAt = deadline
        self.retryTimer = self.wheel.arm(at: deadline, target: 0, tag: Timer.retry.tag)
    }

    // MARK: Permits

    mutating func permitAnswered(_ granted: Bool) {
        if granted { self.permitsInHand += 1 } else { self.wasPermitRefused = true }
    }

    /// A permit that was starved for is here, and the flag is down.
    mutating func permitGranted() {
        self.isStarving = false
        self.wasPermitRefused = false
        self.permitsInHand += 1
    }

    // MARK: Modes

    mutating func suspend() {
        if self.mode == .open { self.mode = .suspended }
    }

    mutating func resume() {
        if self.mode == .suspended { self.mode = .open }
    }

    /// Closes what is idle; what is in use or under way is closed when it comes back.
    mutating func evictAll() {
        while let index = self.oldestIdle() { self.closeIdle(index, reason: .evicted) }
        for index in 0..<self.slotCapacity {
            switch self.slots[index].state {
            case .connecting, .validating, .leased: self.slots[index].marks.insert(.retiring)
            case .free, .abandoned, .ready, .suspect, .revoked, .gone, .closing: break
            }
        }
    }

    /// Serves those who wait already until the deadline, refuses others, and closes everything.
    mutating func drain(deadline: NIODeadline, now: NIODeadline) {
        guard self.mode == .open || self.mode == .suspended else { return }
        self.mode = .draining
        _ = self.wheel.arm(at: deadline, target: 0, tag: Timer.drain.tag)
    }

    /// The end of draining: nobody waits any longer, and what is in use is closed under its holder.
    mutating func forceClose(now: NIODeadline) {
        guard self.mode == .draining else { return }
        self.refuseWaiters(.shutdown)
        for index in 0..<Int32(self.slotCapacity) where self.slots[Int(index)].state == .leased { self.revoke(index) }
    }

    private mutating func nextOfDrain(now: NIODeadline) -> Action? {
        guard self.waiters.count == 0 else { return nil }
        var changed = false
        while let index = self.oldestIdle() {
            self.closeIdle(index, reason: .drained)
            changed = true
        }
        if self.connecting + self.validating > 0 {
            for index in 0..<Int32(self.slotCapacity) {
                switch self.slots[Int(index)].state {
                case .connecting: self.abandon(index, now: now)
                case .validating: self.closeValidating(index, reason: .drained)
                case .free, .abandoned, .ready, .suspect, .leased, .revoked, .gone, .closing: continue
                }
                changed = true
            }
        }
        if changed { return self.next(now: now) }
        guard self.occupied == 0, self.permitsInHand == 0, self.permitsToGiveUp == 0 else { return nil }
        self.mode = .closed
        return .drained
    }
}
