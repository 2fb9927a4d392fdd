import NIOCore

/// Which lane of each block belongs to which loop: an immutable open-addressed table, so that a look-up takes no lock.
///
/// Lanes are numbered in the group's order; the spare lane comes last. The table keeps the loops, so that no other loop can
/// ever be found under the identity of one that is gone.
struct LoopLanes: Sendable {
    private struct Slot: Sendable {
        let loop: ObjectIdentifier
        let lane: Int
    }

    let loops: [any EventLoop]
    private let slots: [Slot?]

    init(_ group: any EventLoopGroup) {
        var loops: [any EventLoop] = []
        var seen: Set<ObjectIdentifier> = []
        for loop in group.makeIterator() where seen.insert(ObjectIdentifier(loop)).inserted {
            loops.append(loop)
        }
        var capacity = 4
        while capacity < loops.count * 2 { capacity *= 2 }
        var slots = [Slot?](repeating: nil, count: capacity)
        for (lane, loop) in loops.enumerated() {
            let identity = ObjectIdentifier(loop)
            var index = Self.home(of: identity, capacity: capacity)
            while slots[index] != nil { index = (index + 1) & (capacity - 1) }
            slots[index] = Slot(loop: identity, lane: lane)
        }
        self.loops = loops
        self.slots = slots
    }

    /// The lane for writers that are on none of the loops.
    var spare: Int { self.loops.count }

    /// All lanes, the spare one included.
    var count: Int { self.loops.count + 1 }

    /// The lane of a loop; nil when the loop is not of the group. At most half the table is taken, so probing ends.
    func lane(of loop: any EventLoop) -> Int? {
        let identity = ObjectIdentifier(loop)
        var index = Self.home(of: identity, capacity: self.slots.count)
        while let slot = self.slots[index] {
            if slot.loop == identity { return slot.lane }
            index = (index + 1) & (self.slots.count - 1)
        }
        return nil
    }

    /// Multiplicative hashing; the upper half of the product, because the lower bits of an address are always zero.
    private static func home(of identity: ObjectIdentifier, capacity: Int) -> Int {
        let address = UInt64(UInt(bitPattern: identity))
        return Int(truncatingIfNeeded: (address &* 0x9E37_79B9_7F4A_7C15) >> 32) & (capacity - 1)
    }
}
