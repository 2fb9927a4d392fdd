import NIOCore

/// A hierarchical timer wheel: pure data, no clock, no callback, no lock. One owner at a time.
///
/// Time is cut into ticks of 2^20 ns (1.05 ms). A deadline is rounded up to a tick, so that nothing fires early and everything
/// is due at most one tick late. Eight levels of 64 buckets cover all of `NIODeadline` (2^43 ticks): an entry lives in the level
/// of the highest group of six bits in which its tick differs from ``elapsed``, and moves to a lower one at most seven times in
/// its life (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987, scheme 7).
///
/// Three things are different from the textbook:
/// - Time does not step. Entries of a level are all due before those of the next, so that the earliest bucket is the lowest set
///   bit of the lowest level that has one: a gap of years costs what a gap of a tick does.
/// - Each bucket knows a lower bound of the ticks in it. It is opened when that bound is reached, not when the bucket begins, so
///   that nobody has to wake up to move entries about. The bound is exact but for one case: the earliest deadline of a bucket
///   was cancelled while others stay in it. That may cost one call of ``popDue(now:)`` which finds nothing, and after it the
///   bound is that of what remains.
/// - Nothing is allocated but chunks of 4,096 entries, which are kept until the wheel goes.
///
/// Entries due in the same tick come out in the order in which they were armed. Opening a bucket takes time in proportion to the
/// entries in it (tens of nanoseconds each, up to 200 where a million pending ones have left the cache): the price of O(1) elsewhere.
public struct DeadlineWheel: ~Copyable {
    /// The resolution: 2^20 ns, a little over a millisecond.
    @inlinable
    public static var tick: TimeAmount { .nanoseconds(1 << 20) }

    @inlinable static var tickShift: UInt64 { 20 }
    @inlinable static var levels: Int { 8 }
    /// No earlier than the tick of `NIODeadline.distantFuture`: never.
    @inlinable static var never: UInt64 { 1 << 43 }

    /// Entry `level << 6 | slot` is the head of that bucket.
    @usableFromInline var slab: DeadlineSlab
    /// For each level, which of its buckets hold something.
    @usableFromInline let occupied: UnsafeMutablePointer<UInt64>
    /// Which levels hold something.
    @usableFromInline var occupiedLevels: UInt64
    /// The tick up to which everything due has been taken out. Never beyond any pending entry.
    @usableFromInline var elapsed: UInt64

    /// How many deadlines are pending.
    @inlinable
    public var count: Int { self.pending }
    @usableFromInline var pending: Int

    /// - Parameters:
    ///   - now: The time at which the wheel starts. Only a hint: earlier deadlines are due at once.
    ///   - capacity: Pending deadlines for which memory is taken at once.
    public init(now: NIODeadline, reservingCapacity capacity: Int = 0) {
        self.slab = DeadlineSlab(heads: UInt32(Self.levels * 64), reservingCapacity: capacity)
        self.occupied = .allocate(capacity: Self.levels)
        self.occupied.initialize(repeating: 0, count: Self.levels)
        self.occupiedLevels = 0
        self.elapsed = now.uptimeNanoseconds &>> Self.tickShift
        self.pending = 0
    }

    @inlinable
    deinit { self.occupied.deallocate() }

    // MARK: Arm and cancel

    /// Adds a deadline.
    ///
    /// - Parameters:
    ///   - deadline: When it is due. One in the past is due at the next ``popDue(now:)``; `.distantFuture` never is.
    ///   - target: Handed back when it is due.
    ///   - tag: Handed back when it is due.
    /// - Returns: The name to cancel it by.
    /// - Complexity: O(1); allocates only when more are pending than ever before.
    @inlinable
    public mutating func arm(at deadline: NIODeadline, target: UInt32, tag: UInt64) -> DeadlineToken {
        let index = self.slab.take()
        let entry = self.slab.entry(index)
        entry.pointee.tick = max(Self.ticksRoundedUp(deadline), self.elapsed)
        entry.pointee.target = target
        entry.pointee.tag = tag
        self.link(index, entry)
        self.pending &+= 1
        return DeadlineToken(index: index, serial: entry.pointee.serial)
    }

    /// Takes a deadline back.
    ///
    /// - Returns: Whether it was pending. `false` when it has fired or was cancelled already, and for ``DeadlineToken/none``.
    /// - Complexity: O(1); allocates nothing.
    @inlinable
    @discardableResult
    public mutating func cancel(_ token: DeadlineToken) -> Bool {
        self.cancelReturningTarget(token) != nil
    }

    /// As ``cancel(_:)``, and tells whose it was.
    @inlinable
    mutating func cancelReturningTarget(_ token: DeadlineToken) -> UInt32? {
        guard token.index < self.slab.used else { return nil }
        let entry = self.slab.entry(token.index)
        guard entry.pointee.serial == token.serial else { return nil }
        self.unlink(entry)
        self.slab.giveBack(token.index)
        self.pending &-= 1
        return entry.pointee.target
    }

    // MARK: Time

    /// Takes out one deadline that is due, the earliest first and those of one tick in the order in which they were armed.
    ///
    /// Call it until it returns `nil`. Between the calls anything may be armed and cancelled.
    ///
    /// - Parameter now: The time. A deadline is due when `now` has reached it, rounded up to a tick.
    /// - Complexity: O(1), and O(levels) per deadline in its whole life for moving it down; independent of how much time passed.
    @inlinable
    public mutating func popDue(now: NIODeadline) -> (target: UInt32, tag: UInt64)? {
        let nowTick = now.uptimeNanoseconds &>> Self.tickShift
        while self.occupiedLevels != 0 {
            let level = self.occupiedLevels.trailingZeroBitCount
            let slot = self.occupied[level].trailingZeroBitCount
            let head = UInt32(truncatingIfNeeded: level &<< 6 | slot)
            let earliest = self.slab.entry(head).pointee.tick
            guard earliest <= nowTick else {
                self.advance(to: nowTick, beforeLevel: level, slot: slot)
                return nil
            }
            guard level == 0 else {
                self.open(head, at: earliest)
                continue
            }
            // Level 0 has one tick a bucket: all in it are due.
            self.elapsed = earliest
            let index = self.slab.entry(head).pointee.next
            let entry = self.slab.entry(index)
            self.unlink(entry)
            self.slab.giveBack(index)
            self.pending &-= 1
            return (entry.pointee.target, entry.pointee.tag)
        }
        self.elapsed = max(self.elapsed, nowTick)
        return nil
    }

    /// ``popDue(now:)`` finds nothing before this time. `nil` when nothing will ever be due.
    ///
    /// The time of the earliest deadline, rounded up to a tick; earlier than that only if an earlier deadline was cancelled since
    /// `popDue` last returned `nil`.
    /// - Complexity: O(1).
    @inlinable
    public var nextWake: NIODeadline? {
        let tick = self.nextWakeTick
        return tick >= Self.never ? nil : .uptimeNanoseconds(tick &<< Self.tickShift)
    }

    /// ``nextWake`` in ticks; ``never`` or more when there is none.
    @inlinable
    var nextWakeTick: UInt64 {
        guard self.occupiedLevels != 0 else { return .max }
        let level = self.occupiedLevels.trailingZeroBitCount
        let slot = self.occupied[level].trailingZeroBitCount
        return self.slab.entry(UInt32(truncatingIfNeeded: level &<< 6 | slot)).pointee.tick
    }

    /// Cancels every pending deadline for which `shouldCancel` holds.
    ///
    /// - Complexity: O(the most that were ever pending).
    mutating func cancelAll(where shouldCancel: (_ target: UInt32, _ tag: UInt64) -> Bool) {
        for index in self.slab.heads..<self.slab.used {
            let entry = self.slab.entry(index)
            guard entry.pointee.tick != DeadlineEntry.vacant, shouldCancel(entry.pointee.target, entry.pointee.tag) else { continue }
            self.unlink(entry)
            self.slab.giveBack(index)
            self.pending &-= 1
        }
    }

    // MARK: Inside

    @inlinable
    static func ticksRoundedUp(_ deadline: NIODeadline) -> UInt64 {
        (deadline.uptimeNanoseconds &+ 0xF_FFFF) &>> self.tickShift
    }

    /// The bucket in which an entry of this tick is or belongs: the same for as long as it is pending, whatever ``elapsed`` does
    /// in between, unless the bucket is opened.
    @inlinable
    func head(forTick tick: UInt64) -> UInt32 {
        let highestDifference = 63 &- ((tick ^ self.elapsed) | 1).leadingZeroBitCount
        // Division by six, exact below 64.
        let level = (highestDifference &* 43) &>> 8
        let slot = (tick &>> UInt64(truncatingIfNeeded: level &* 6)) & 63
        return UInt32(truncatingIfNeeded: level &<< 6) | UInt32(truncatingIfNeeded: slot)
    }

    /// Appends the entry to the bucket of its tick.
    @inlinable
    mutating func link(_ index: UInt32, _ entry: UnsafeMutablePointer<DeadlineEntry>) {
        let tick = entry.pointee.tick
        let headIndex = self.head(forTick: tick)
        let head = self.slab.entry(headIndex)
        let last = head.pointee.previous
        entry.pointee.next = headIndex
        entry.pointee.previous = last
        head.pointee.previous = index
        self.slab.entry(last).pointee.next = index
        if last == headIndex {
            let level = Int(headIndex &>> 6)
            self.occupied[level] |= 1 &<< UInt64(headIndex & 63)
            self.occupiedLevels |= 1 &<< UInt64(truncatingIfNeeded: level)
            head.pointee.tick = tick
        } else if tick < head.pointee.tick {
            head.pointee.tick = tick
        }
    }

    @inlinable
    mutating func unlink(_ entry: UnsafeMutablePointer<DeadlineEntry>) {
        let next = entry.pointee.next
        let previous = entry.pointee.previous
        self.slab.entry(previous).pointee.next = next
        self.slab.entry(next).pointee.previous = previous
        // Only a head has the same neighbor on both sides of an entry that is alone.
        if next == previous { self.bucketEmptied(next) }
    }

    @inlinable
    mutating func bucketEmptied(_ head: UInt32) {
        let level = Int(head &>> 6)
        self.occupied[level] &= ~(1 &<< UInt64(head & 63))
        if self.occupied[level] == 0 { self.occupiedLevels &= ~(1 &<< UInt64(truncatingIfNeeded: level)) }
    }

    /// Lets time pass up to `tick`, but not into the bucket given, which is the earliest one: entries must keep their buckets.
    @inlinable
    mutating func advance(to tick: UInt64, beforeLevel level: Int, slot: Int) {
        let shift = UInt64(truncatingIfNeeded: level &* 6)
        let block = (self.elapsed &>> (shift &+ 6)) &<< (shift &+ 6)
        let start = block | (UInt64(truncatingIfNeeded: slot) &<< shift)
        // Before the bucket there is only time in which nothing is pending. (At level 0 the bucket may be the current tick.)
        self.elapsed = max(self.elapsed, min(tick, start &- (start > self.elapsed ? 1 : 0)))
    }

    /// Lets time pass up to `tick`, which lies in the bucket and not behind any of its entries, and moves them all down.
    @inline(never)
    @usableFromInline
    mutating func open(_ headIndex: UInt32, at tick: UInt64) {
        let head = self.slab.entry(headIndex)
        var index = head.pointee.next
        head.pointee.next = headIndex
        head.pointee.previous = headIndex
        self.bucketEmptied(headIndex)
        self.elapsed = tick
        while index != headIndex {
            let entry = self.slab.entry(index)
            let next = entry.pointee.next
            self.link(index, entry)
            index = next
        }
    }
}
