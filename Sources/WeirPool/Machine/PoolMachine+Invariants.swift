import WeirCore

/// What must hold after each event, recounted from the slots. Debug builds and the simulation check it.
extension PoolMachine {
    /// - Returns: what does not hold, or nil.
    func brokenInvariant() -> String? {
        var counts: [Slot.State: Int32] = [:]
        var expired: Int32 = 0
        var slow: Int32 = 0
        for index in 0..<self.slotCapacity {
            let slot = self.slots[index]
            counts[slot.state, default: 0] += 1
            if slot.marks.contains(.expired) { expired += 1 }
            if slot.marks.contains(.slow) { slow += 1 }
            if slot.state == .free, slot.timer != .none { return "free slot \(index) has a deadline" }
        }
        func count(_ state: Slot.State) -> Int32 { counts[state] ?? 0 }
        let occupied = Slot.State.allCases.filter(\.holdsPermit).reduce(0) { $0 + count($1) }
        let pairs: [(String, Int32, Int32)] = [
            ("occupied", self.occupied, occupied), ("connecting", self.connecting, count(.connecting)),
            ("validating", self.validating, count(.validating)), ("leased", self.leased, count(.leased)),
            ("expired", self.expired, expired), ("slow checks", self.slowChecks, slow), ("ready", self.ready.count, count(.ready)),
            ("suspect", self.suspect.count, count(.suspect)), ("free", self.freeSlots.count, count(.free)),
        ]
        for (name, kept, counted) in pairs where kept != counted { return "\(name) is kept as \(kept) and counts \(counted)" }
        for (name, list, state) in [
            ("ready", self.ready, Slot.State.ready), ("suspect", self.suspect, .suspect), ("free", self.freeSlots, .free),
        ] {
            if let problem = self.brokenList(name, list, state) { return problem }
        }
        if occupied > self.hardLimit { return "\(occupied) slots are occupied, more than \(self.hardLimit)" }
        if self.permitsInHand < 0 || self.permitsToGiveUp < 0 || self.donationsOwed < 0 { return "a count of permits is negative" }
        return nil
    }

    /// Whether some lease has not come back, its resource still open or not. O(slots).
    var isAnyLeaseOut: Bool {
        (0..<self.slotCapacity).contains {
            switch self.slots[$0].state {
            case .leased, .revoked, .gone: true
            case .free, .connecting, .abandoned, .ready, .suspect, .validating, .closing: false
            }
        }
    }

    /// What must hold besides when nothing is left to do.
    func brokenInvariantAtRest() -> String? {
        if let problem = self.brokenInvariant() { return problem }
        if self.mode == .open, self.waiters.count > 0, self.ready.count > 0 { return "requests wait beside ready resources" }
        if self.permitsInHand != 0 || self.permitsToGiveUp != 0 { return "permits lie in hand" }
        if !self.toClose.isEmpty || !self.toAbandon.isEmpty || !self.toValidate.isEmpty { return "orders were not given" }
        if self.waiters.taken != self.waiters.count { return "refusals were not told" }
        if self.ready.count + self.suspect.count > 0, !self.isIdleTimerArmed { return "idle resources and no deadline for them" }
        return nil
    }

    private func brokenList(_ name: String, _ list: SlotList, _ state: Slot.State) -> String? {
        var length: Int32 = 0
        var previous: Int32 = -1
        var index = list.head
        while index >= 0 {
            let slot = self.slots[Int(index)]
            if slot.state != state { return "slot \(index) on the \(name) list is \(slot.state)" }
            if slot.previous != previous { return "slot \(index) on the \(name) list has a wrong predecessor" }
            length += 1
            if length > self.slotCapacity { return "the \(name) list is a circle" }
            previous = index
            index = slot.next
        }
        return list.tail == previous && list.count == length ? nil : "the \(name) list's end or count is wrong"
    }
}
