import NIOCore
import WeirCore

/// What happens because time passes.
extension PoolMachine {
    /// Nothing happens by itself before this.
    var nextWake: NIODeadline? { self.wheel.nextWake }

    mutating func advance(now: NIODeadline) {
        while let (_, tag) = self.wheel.popDue(now: now) {
            switch Timer(tag: tag) {
            case .slot(let index): self.slotTimerFired(index, now: now)
            case .waiter(let index): self.waiterTimedOut(index)
            case .idle: self.idleTimerFired(now: now)
            case .leak: self.leakCursor = 0
            case .retry:
                self.retryTimer = .none
                self.wasPermitRefused = false
            case .drain: self.forceClose(now: now)
            }
        }
    }

    private mutating func slotTimerFired(_ index: Int32, now: NIODeadline) {
        let slot = self.slots + Int(index)
        slot.pointee.timer = .none
        switch slot.pointee.state {
        case .connecting:
            self.abandon(index, now: now)
            self.noteFailedConnect(now: now)
        case .abandoned:
            self.connectFailed(index, now: now)
        case .validating:
            self.checkTakesLong(index, now: now)
        case .closing, .revoked:
            self.closed(index, now: now)
        case .ready, .suspect:
            if self.ready.count + self.suspect.count > Int32(self.configuration.minimumIdle) || self.mode != .open {
                self.closeIdle(index, reason: .expired)
            } else {
                self.markExpired(index)
            }
        case .leased:
            self.markExpired(index)
        case .free, .gone:
            preconditionFailure("a deadline fired for a slot that is \(slot.pointee.state)")
        }
    }

    // MARK: Old age

    private mutating func markExpired(_ index: Int32) {
        guard !self.slots[Int(index)].marks.contains(.expired) else { return }
        self.slots[Int(index)].marks.insert(.expired)
        self.expired += 1
    }

    mutating func clearExpired(_ index: Int32) {
        guard self.slots[Int(index)].marks.contains(.expired) else { return }
        self.slots[Int(index)].marks.remove(.expired)
        self.expired -= 1
    }

    func oldestExpiredIdle() -> Int32? {
        guard self.expired > 0 else { return nil }
        for list in [self.suspect, self.ready] {
            var index = list.tail
            while index >= 0 {
                if self.slots[Int(index)].marks.contains(.expired) { return index }
                index = self.slots[Int(index)].previous
            }
        }
        return nil
    }

    /// A fresh one is here: an old one may go.
    mutating func replaceOneExpired() {
        if let old = self.oldestExpiredIdle() { self.closeIdle(old, reason: .expired) }
    }

    // MARK: Idleness

    private var idlePeriod: TimeAmount? {
        switch (self.configuration.idleTimeout, self.configuration.keepAlive) {
        case (let timeout?, let keepAlive?): min(timeout, keepAlive)
        case (let timeout?, nil): timeout
        case (nil, let keepAlive): keepAlive
        }
    }

    /// One deadline for all idle resources. It is armed when there is none, and never moved by a return: what returned later is due later.
    mutating func armIdleTimer(now: NIODeadline) {
        guard !self.isIdleTimerArmed else { return }
        self.isIdleTimerArmed = true
        guard let period = self.idlePeriod else { return }
        _ = self.wheel.arm(at: now + period, target: 0, tag: Timer.idle.tag)
    }

    private mutating func idleTimerFired(now: NIODeadline) {
        self.isIdleTimerArmed = false
        var nextDue: NIODeadline?
        for var index in [self.suspect.tail, self.ready.tail] {
            while index >= 0 {
                let previous = self.slots[Int(index)].previous
                if let due = self.lookAfterIdle(index, now: now) { nextDue = min(nextDue ?? due, due) }
                index = previous
            }
        }
        guard let nextDue else { return }
        self.isIdleTimerArmed = true
        _ = self.wheel.arm(at: nextDue, target: 0, tag: Timer.idle.tag)
    }

    /// Closes or checks an idle resource if it is time.
    ///
    /// - Returns: when to look again if it stays idle.
    private mutating func lookAfterIdle(_ index: Int32, now: NIODeadline) -> NIODeadline? {
        let slot = self.slots[Int(index)]
        let spare = self.ready.count + self.suspect.count > Int32(self.configuration.minimumIdle)
        var due: NIODeadline?
        if let timeout = self.configuration.idleTimeout {
            if slot.idleSince + timeout > now {
                due = slot.idleSince + timeout
            } else if spare {
                self.closeIdle(index, reason: .idle)
                return nil
            } else {
                due = now + timeout
            }
        }
        if let keepAlive = self.configuration.keepAlive {
            guard slot.checkedAt + keepAlive > now else {
                switch slot.state {
                case .ready: self.ready.remove(index, self.slots)
                case .suspect: self.suspect.remove(index, self.slots)
                case .free, .connecting, .abandoned, .validating, .leased, .revoked, .gone, .closing: return nil
                }
                self.beginValidating(index, now: now)
                return nil
            }
            due = min(due ?? .distantFuture, slot.checkedAt + keepAlive)
        }
        return due
    }

    // MARK: Leaks

    mutating func armLeakTimer(now: NIODeadline) {
        guard !self.isLeakTimerArmed else { return }
        self.isLeakTimerArmed = true
        _ = self.wheel.arm(at: now + self.configuration.leakDetection.threshold, target: 0, tag: Timer.leak.tag)
    }

    /// The next lease held for too long and not reported yet, while a look around is under way.
    mutating func nextLeak(now: NIODeadline) -> Int32? {
        let threshold = self.configuration.leakDetection.threshold
        while self.leakCursor < Int32(self.slotCapacity) {
            let slot = self.slots + Int(self.leakCursor)
            defer { self.leakCursor += 1 }
            guard slot.pointee.state == .leased, slot.pointee.marks.isDisjoint(with: [.reported, .heldForLong]),
                slot.pointee.leasedAt + threshold <= now
            else { continue }
            slot.pointee.marks.insert(.reported)
            return self.leakCursor
        }
        guard self.leakCursor < .max else { return nil }
        self.leakCursor = .max
        self.isLeakTimerArmed = false
        // The next look is when the oldest of the others would have been held for too long; without any the next lease arms it.
        var oldest: NIODeadline?
        for index in 0..<self.slotCapacity
        where self.slots[index].state == .leased && self.slots[index].marks.isDisjoint(with: [.reported, .heldForLong]) {
            oldest = min(oldest ?? .distantFuture, self.slots[index].leasedAt)
        }
        if let oldest { self.armLeakTimer(now: oldest) }
        return nil
    }
}

extension PoolMachine.Timer {
    private static let kinds: UInt64 = 8

    /// The kind and the number in one word, for the wheel.
    var tag: UInt64 {
        switch self {
        case .slot(let index): UInt64(index) * Self.kinds
        case .waiter(let index): UInt64(index) * Self.kinds + 1
        case .idle: 2
        case .leak: 3
        case .retry: 4
        case .drain: 5
        }
    }

    init(tag: UInt64) {
        switch tag % Self.kinds {
        case 0: self = .slot(Int32(tag / Self.kinds))
        case 1: self = .waiter(Int32(tag / Self.kinds))
        case 2: self = .idle
        case 3: self = .leak
        case 4: self = .retry
        case 5: self = .drain
        default: preconditionFailure("no timer has the tag \(tag)")
        }
    }
}
