import NIOCore

@testable import WeirCore

/// A wheel in a class: `#expect` takes apart what it is given, which it cannot do with something that is not `Copyable`.
final class TestWheel {
    static let tick: UInt64 = 1 << 20

    private var wheel: DeadlineWheel

    init(now: NIODeadline) { self.wheel = DeadlineWheel(now: now) }

    func arm(at deadline: NIODeadline, target: UInt32 = 0, tag: UInt64) -> DeadlineToken {
        self.wheel.arm(at: deadline, target: target, tag: tag)
    }

    @discardableResult
    func cancel(_ token: DeadlineToken) -> Bool { self.wheel.cancel(token) }

    func cancelAll(where shouldCancel: (UInt32, UInt64) -> Bool) { self.wheel.cancelAll(where: shouldCancel) }

    func popDue(now: NIODeadline) -> (target: UInt32, tag: UInt64)? { self.wheel.popDue(now: now) }

    /// The tags of all that is due.
    func drain(now: UInt64) -> [UInt64] {
        var tags: [UInt64] = []
        while let due = self.wheel.popDue(now: .uptimeNanoseconds(now)) { tags.append(due.tag) }
        return tags
    }

    /// Makes the next release of the token's slot its last.
    func wearOut(_ token: DeadlineToken) { self.wheel.slab.entry(token.index).pointee.serial = .max }

    var nextWake: NIODeadline? { self.wheel.nextWake }
    var count: Int { self.wheel.count }
    var elapsed: UInt64 { self.wheel.elapsed }
    var slotsUsed: UInt32 { self.wheel.slab.used - self.wheel.slab.heads }
    var hasNoBucket: Bool { self.wheel.occupiedLevels == 0 && (0..<8).allSatisfy { self.wheel.occupied[$0] == 0 } }
}
