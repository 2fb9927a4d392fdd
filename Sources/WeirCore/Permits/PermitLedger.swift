public import Atomics

/// What the ledger has to tell a loop. Delivered by the closure given to ``PermitLedger/init(limit:loops:floor:send:)``.
public enum PermitMessage: Sendable, Hashable {
    /// A permit that was waited for has arrived: hand it to ``PermitAccount/accept()``, exactly once.
    case granted
    /// Another loop starves and this one was seen to hold idle resources: close one if that is still so, and
    /// otherwise call ``PermitAccount/decline(triesLeft:)`` so that the next one is asked. The number ends the round.
    case surplusWanted(triesLeft: Int)
}

/// A permit ledger that cannot be.
public struct PermitLedgerError: WeirError {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The limit does not give each loop its floor.
        public static let limitBelowFloors = Code(description: "limitBelowFloors")
    }
    public let code: Code
    public let message: String
    public var cause: (any Error)? { nil }
}

/// A limit on something expensive, shared by per-loop owners.
///
/// A permit is the right to hold one resource. Resources never change loops, permits do. Each loop has a floor that
/// nobody can take away, so that no loop is ever without any; the rest lies in a pot that is one atomic integer.
/// The ledger is touched when a resource is created or destroyed, never when it is used.
///
/// Let `held(i)` be the permits that loop `i` holds, `floor` what is set aside for each loop, and `travelling` the grants
/// that were sent and not yet accepted. Then at each instant
/// `pot + travelling + Σ max(held(i), floor) = limit`, because every change is one atomic step that moves a permit
/// from one term to another; a permit is added to the pot or sent only by the loop that gave it up. That is why the limit
/// is not exceeded in any interleaving.
///
/// A loop that finds the pot empty raises its flag and looks once more; one that gives a permit back puts it into the
/// pot and then looks for flags. Both steps are sequentially consistent, so at least one of the two sees the other and
/// no permit lies in the pot while a loop waits for it. The same holds for a loop that shows its surplus and then looks for
/// flags, and one that raises its flag and then looks for a surplus.
public final class PermitLedger: Sendable {
    /// The permits there are.
    public let limit: Int
    /// The number of loops that share them.
    public let loops: Int
    /// What each loop can always hold.
    public let floor: Int
    /// What a loop gives up even while it has uses for it, as long as another loop starves: everything above this. Rounded up, or
    /// a permit that is left over would travel between busy loops for ever.
    public let fairShare: Int

    fileprivate let cells: PermitCells
    private let send: @Sendable (Int, PermitMessage) -> Void

    /// - Parameters:
    ///   - limit: the permits in all; at least `loops * floor`.
    ///   - loops: how many loops share them; they are numbered from 0.
    ///   - floor: what is set aside for each loop; at least 1.
    ///   - send: carries a message to a loop, in any order, each exactly once; called from any loop. On a real group it is
    ///     one `execute` on that loop.
    public init(
        limit: Int, loops: Int, floor: Int = 1, send: @escaping @Sendable (Int, PermitMessage) -> Void
    ) throws(PermitLedgerError) {
        guard floor >= 1, loops >= 1, limit >= loops * floor else {
            throw PermitLedgerError(
                code: .limitBelowFloors,
                message: "a limit of \(limit) does not give each of \(loops) loops its floor of \(floor) (at least 1)")
        }
        self.limit = limit
        self.loops = loops
        self.floor = floor
        self.fairShare = (limit + loops - 1) / loops
        self.cells = PermitCells(loops: loops, pot: limit - loops * floor)
        self.send = send
    }

    /// The account of one loop. Made once per loop; two accounts of the same index would break the limit.
    public func account(ofLoop index: Int) -> PermitAccount {
        precondition(index >= 0 && index < self.loops, "loop \(index) is not one of the ledger's \(self.loops)")
        return PermitAccount(ledger: self, index: index)
    }

    /// Permits in the pot at this instant. Any thread.
    public var available: Int { self.cells.pot.load(ordering: .relaxed) }

    // MARK: What accounts do

    fileprivate func takeFromPot() -> Bool {
        var available = self.cells.pot.load(ordering: .sequentiallyConsistent)
        while available > 0 {
            let (taken, original) = self.cells.pot.weakCompareExchange(
                expected: available, desired: available - 1, ordering: .sequentiallyConsistent)
            if taken { return true }
            available = original
        }
        return false
    }

    fileprivate func give(from index: Int) {
        self.cells.pot.wrappingIncrement(ordering: .sequentiallyConsistent)
        self.servePot(after: index)
    }

    /// Sends what is in the pot to those who wait for it, the next loop in turn first.
    fileprivate func servePot(after index: Int) {
        while self.cells.starving.load(ordering: .sequentiallyConsistent) > 0, self.takeFromPot() {
            guard let starving = self.nextStarving(after: index) else {
                // Whoever raised the count has lowered its flag meanwhile, or not raised it yet and will look at the pot itself.
                self.cells.pot.wrappingIncrement(ordering: .sequentiallyConsistent)
                if (0..<self.loops).contains(where: { self.cells.flag($0).load(ordering: .sequentiallyConsistent) != 0 }) { continue }
                return
            }
            self.send(starving, .granted)
        }
    }

    /// The next in turn, those that hold less than their fair share first.
    private func nextStarving(after index: Int) -> Int? {
        if Starving.poorLoops(self.cells.starving.load(ordering: .sequentiallyConsistent)) > 0 {
            for distance in 1...self.loops {
                let candidate = (index + distance) % self.loops
                guard Starving.poorLoops(self.cells.flag(candidate).load(ordering: .relaxed)) > 0 else { continue }
                if self.lowerFlag(candidate) { return candidate }
            }
        }
        for distance in 1...self.loops {
            let candidate = (index + distance) % self.loops
            if self.lowerFlag(candidate) { return candidate }
        }
        return nil
    }

    fileprivate func raiseFlag(_ index: Int, isPoor: Bool) {
        let word = Starving.word(isPoor: isPoor)
        // The count first: it is never less than the flags that are up, so that a giver who reads 0 has missed nobody.
        self.cells.starving.wrappingIncrement(by: word, ordering: .sequentiallyConsistent)
        let old = self.cells.flag(index).exchange(word, ordering: .sequentiallyConsistent)
        // It was up already, and counted.
        if old != 0 { self.cells.starving.wrappingDecrement(by: old, ordering: .sequentiallyConsistent) }
    }

    /// - Returns: whether this call lowered it; whoever lowers it decides what comes of the wait.
    fileprivate func lowerFlag(_ index: Int) -> Bool {
        let old = self.cells.flag(index).exchange(0, ordering: .sequentiallyConsistent)
        if old != 0 { self.cells.starving.wrappingDecrement(by: old, ordering: .sequentiallyConsistent) }
        return old != 0
    }

    fileprivate func publishSurplus(_ hasSurplus: Bool, of index: Int) {
        self.cells.hasSurplus(index).store(hasSurplus, ordering: .sequentiallyConsistent)
    }

    /// Asks the next loop in turn that was seen to have idle resources. A hint: it may have none by then.
    fileprivate func askDonor(after index: Int, triesLeft: Int) {
        guard triesLeft > 0 else { return }
        for distance in 1...self.loops {
            let candidate = (index + distance) % self.loops
            if candidate != index, self.cells.hasSurplus(candidate).load(ordering: .sequentiallyConsistent) {
                self.send(candidate, .surplusWanted(triesLeft: triesLeft - 1))
                return
            }
        }
    }
}

/// One loop's holdings in a ``PermitLedger``. Belongs to that loop.
public final class PermitAccount {
    public let ledger: PermitLedger
    public let index: Int
    // The ledger's words outlive the account, which holds the ledger.
    @usableFromInline let starving: UnsafeAtomic<Int>
    /// The permits this loop holds.
    public private(set) var held = 0
    private var shownSurplus = false

    fileprivate init(ledger: PermitLedger, index: Int) {
        self.ledger = ledger
        self.index = index
        self.starving = ledger.cells.starving
    }

    /// Whether some loop waits for a permit. One load of a word that seldom changes; sequentially consistent for the sake of
    /// ``publish(hasIdle:)``, which costs nothing beyond a plain load on x86 and little elsewhere.
    @inlinable
    public var isAnyoneStarving: Bool { self.starving.load(ordering: .sequentiallyConsistent) != 0 }

    /// Takes a permit if one is there. No atomic at all below the floor, one compare and exchange above.
    public func tryAcquire() -> Bool {
        guard self.held < self.ledger.floor || self.ledger.takeFromPot() else { return false }
        self.held += 1
        return true
    }

    /// Says that this loop needs a permit and found none, and has a loop with idle resources give one up.
    ///
    /// - Returns: true when a permit turned up in this call, which the loop then holds. Otherwise one arrives later as
    ///   ``PermitMessage/granted``, unless ``stopStarving()`` comes first.
    public func starve() -> Bool {
        if self.held < self.ledger.floor {
            self.held += 1
            return true
        }
        self.ledger.raiseFlag(self.index, isPoor: self.held < self.ledger.fairShare)
        if self.ledger.takeFromPot() {
            self.held += 1
            // A grant may be under way as well; then it comes as a message and is given back if nobody needs it.
            _ = self.ledger.lowerFlag(self.index)
            return true
        }
        self.ledger.askDonor(after: self.index, triesLeft: self.ledger.loops - 1)
        return false
    }

    /// Takes back what ``starve()`` said. A grant that is already under way still arrives.
    public func stopStarving() {
        _ = self.ledger.lowerFlag(self.index)
    }

    /// Takes over a permit that arrived as ``PermitMessage/granted``.
    public func accept() {
        self.held += 1
        // It may answer an earlier question than the one that is open, which it answers all the same: nobody shall give up two.
        _ = self.ledger.lowerFlag(self.index)
        // The loop gave permits back while this one was under way and is below its floor now: what it takes is the one set aside for it,
        // and the one that came goes on to others. Kept, it would be neither in the pot nor counted beyond the floor: lost for good.
        if self.held <= self.ledger.floor { self.ledger.give(from: self.index) }
    }

    /// Gives a permit back: to a loop that waits for one, else to the pot; one below the floor stays set aside.
    public func release() {
        precondition(self.held > 0, "a permit was given back that loop \(self.index) did not hold")
        self.held -= 1
        if self.held >= self.ledger.floor { self.ledger.give(from: self.index) }
    }

    /// Answers ``PermitMessage/surplusWanted(triesLeft:)`` with no: the next loop in turn is asked, if the round is not over.
    public func decline(triesLeft: Int) {
        guard self.isAnyoneStarving else { return }
        self.ledger.askDonor(after: self.index, triesLeft: triesLeft)
    }

    /// Tells other loops whether this one has idle resources to give up; to be called when that may have changed, and before a look
    /// at ``isAnyoneStarving``, so that of two loops, one that shows a surplus and one that begins to starve, at least one sees the
    /// other. One sequentially consistent store if it changed, else nothing.
    public func publish(hasIdle: Bool) {
        let hasSurplus = hasIdle && self.held > self.ledger.floor
        guard hasSurplus != self.shownSurplus else { return }
        self.shownSurplus = hasSurplus
        self.ledger.publishSurplus(hasSurplus, of: self.index)
    }

    /// Whether a loop should give one of its resources up now: more loops starve than it has permits on their way to, it holds more than
    /// its floor, and either has no use for it, or has more than its fair share while others have less than theirs.
    ///
    /// - Parameter promised: permits it will give back anyway, such as those of resources that are being closed for this reason.
    public func shouldDonate(hasUse: Bool, promised: Int = 0) -> Bool {
        let held = self.held - promised
        guard held > self.ledger.floor, self.hasMoreStarving(than: promised) else { return false }
        if !hasUse { return true }
        // To one that has less than its share only: between two that have theirs, what is left over would travel for ever.
        return held > self.ledger.fairShare && Starving.poorLoops(self.starving.load(ordering: .sequentiallyConsistent)) > promised
    }

    /// Whether more other loops wait for a permit than this one will give back anyway. One relaxed load where none waits.
    public func hasMoreStarving(than promised: Int) -> Bool {
        let starving = Starving.loops(self.starving.load(ordering: .sequentiallyConsistent))
        guard starving > promised else { return false }
        return starving - (self.ledger.cells.flag(self.index).load(ordering: .relaxed) != 0 ? 1 : 0) > promised
    }
}
