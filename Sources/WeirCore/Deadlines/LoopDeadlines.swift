import NIOCore

/// All deadlines of one event loop: one ``DeadlineWheel`` behind one scheduled callback.
///
/// The callback is set to the earliest deadline and moved only when an earlier one is armed, so that a loop on which nothing is due
/// sleeps. A deadline that was the earliest and was cancelled may cost one wake-up in which nothing is due. Deadlines that are due
/// are handed out one at a time, in the order of their ticks; when that takes longer than 250 µs the loop looks at its sockets
/// before the rest follows.
///
/// Time is the loop's (`loop.now`), so that virtual time works. When the loop is shut down, what is pending never fires.
///
/// Not `Sendable`: touch it on its loop only. Usually it is ``LoopContext/deadlines``.
public final class LoopDeadlines {
    @usableFromInline
    struct State: ~Copyable {
        @usableFromInline var wheel: DeadlineWheel
        @usableFromInline var targets: DeadlineTargets
        /// Pending deadlines whose receiver has been unregistered. They are swept out when they are many.
        @usableFromInline var orphans: Int
        /// The tick for which the callback is scheduled; ``unscheduled`` when none is.
        @usableFromInline var wakeTick: UInt64
        @usableFromInline var isFiring: Bool

        @inlinable static var unscheduled: UInt64 { .max }
    }

    // Behind a pointer, so that no run-time exclusivity check is paid for each deadline.
    @usableFromInline let state: UnsafeMutablePointer<State>

    private let loop: any EventLoop
    private var callback: NIOScheduledCallback?
    private let waker = Waker()

    /// How long deadlines are handed out before the loop looks at its sockets again.
    private static var budget: TimeAmount { .microseconds(250) }
    private static var deadlinesPerClockRead: Int { 64 }
    /// Orphans that are always tolerated.
    private static var toleratedOrphans: Int { 1024 }

    /// - Parameter loop: The loop to run on; this must be called there.
    public init(loop: any EventLoop) {
        loop.preconditionInEventLoop()
        self.loop = loop
        self.state = .allocate(capacity: 1)
        self.state.initialize(
            to: State(
                wheel: DeadlineWheel(now: loop.now), targets: DeadlineTargets(), orphans: 0, wakeTick: State.unscheduled, isFiring: false))
        self.waker.deadlines = self
    }

    deinit {
        self.callback?.cancel()
        self.state.deinitialize(count: 1)
        self.state.deallocate()
    }

    /// How many deadlines are pending, not counting those of receivers that were unregistered.
    public var count: Int { self.state.pointee.wheel.count - self.state.pointee.orphans }

    // MARK: Receivers

    /// Makes a receiver known. It is held until it is unregistered.
    ///
    /// - Complexity: O(1).
    public func register(_ receiver: any DeadlineReceiver) -> DeadlineTarget {
        self.loop.assertInEventLoop()
        return self.state.pointee.targets.add(receiver)
    }

    /// Lets a receiver go. Its pending deadlines never fire, their tokens stay harmless. Unregistering twice does nothing.
    ///
    /// Cancelling what is pending first gives its memory back at once; otherwise that happens when it is due, or when more than half
    /// of everything pending (and more than 1,024) belongs to nobody.
    /// - Complexity: O(1) amortized.
    public func unregister(_ target: DeadlineTarget) {
        self.loop.assertInEventLoop()
        guard self.state.pointee.targets.contains(target) else { return }
        let slot = self.state.pointee.targets.slot(target.id)
        // Released at the end: its deinit may come back here.
        let receiver = slot.pointee.receiver
        slot.pointee.receiver = nil
        if slot.pointee.pending == 0 {
            self.state.pointee.targets.recycle(target.id)
        } else {
            self.state.pointee.orphans += Int(slot.pointee.pending)
            self.sweepIfWorthwhile()
        }
        withExtendedLifetime(receiver) {}
    }

    /// Whether the target is registered now.
    public func isRegistered(_ target: DeadlineTarget) -> Bool {
        self.state.pointee.targets.contains(target)
    }

    private func sweepIfWorthwhile() {
        let state = self.state
        guard state.pointee.orphans > Self.toleratedOrphans, state.pointee.orphans > state.pointee.wheel.count / 2 else { return }
        state.pointee.wheel.cancelAll { id, _ in
            let slot = state.pointee.targets.slot(id)
            guard slot.pointee.receiver == nil else { return false }
            slot.pointee.pending -= 1
            if slot.pointee.pending == 0 { state.pointee.targets.recycle(id) }
            return true
        }
        state.pointee.orphans = 0
    }

    // MARK: Deadlines

    /// Has the receiver called at `deadline`, or at most one tick (1.05 ms) and the loop's own delay later; never earlier.
    ///
    /// - Parameters:
    ///   - deadline: When. In the past: in the loop's next pass. `.distantFuture`: never.
    ///   - target: Whom to call. It must be registered.
    ///   - tag: Handed to the receiver.
    /// - Returns: The name to cancel it by.
    /// - Complexity: O(1); allocates nothing in steady state.
    @inlinable
    public func arm(at deadline: NIODeadline, target: DeadlineTarget, tag: UInt64) -> DeadlineToken {
        let state = self.state
        precondition(state.pointee.targets.contains(target), "LoopDeadlines: this target is not registered (any more)")
        state.pointee.targets.slot(target.id).pointee.pending &+= 1
        let token = state.pointee.wheel.arm(at: deadline, target: target.id, tag: tag)
        if DeadlineWheel.ticksRoundedUp(deadline) < state.pointee.wakeTick { self.wakeEarlier() }
        return token
    }

    /// Takes a deadline back.
    ///
    /// - Returns: Whether it was pending: `false` when it has fired, was cancelled, or its receiver was unregistered and it is gone.
    /// - Complexity: O(1); allocates nothing.
    @inlinable
    @discardableResult
    public func cancel(_ token: DeadlineToken) -> Bool {
        let state = self.state
        guard let id = state.pointee.wheel.cancelReturningTarget(token) else { return false }
        let slot = state.pointee.targets.slot(id)
        slot.pointee.pending &-= 1
        guard slot.pointee.receiver == nil else { return true }
        state.pointee.orphans &-= 1
        if slot.pointee.pending == 0 { state.pointee.targets.recycle(id) }
        return false
    }

    // MARK: The callback

    /// Sees to it that the callback comes in time for the earliest deadline.
    @inline(never)
    @usableFromInline
    func wakeEarlier() {
        let state = self.state
        if state.pointee.isFiring { return }
        let tick = state.pointee.wheel.nextWakeTick
        guard tick < state.pointee.wakeTick, let nextWake = state.pointee.wheel.nextWake else { return }
        self.schedule(at: nextWake, tick: tick)
    }

    private func schedule(at deadline: NIODeadline, tick: UInt64) {
        if let callback = self.callback {
            self.callback = nil
            self.waker.isReplacing = true
            callback.cancel()
            self.waker.isReplacing = false
        }
        self.state.pointee.wakeTick = tick
        do {
            let callback = try self.loop.assumeIsolated().scheduleCallback(at: deadline, handler: self.waker)
            // A loop that is being shut down cancels it before it is back here.
            if self.state.pointee.wakeTick == tick { self.callback = callback }
        } catch {
            self.state.pointee.wakeTick = State.unscheduled
        }
    }

    private func wake() {
        let state = self.state
        self.callback = nil
        state.pointee.isFiring = true
        state.pointee.wakeTick = State.unscheduled
        let start = self.loop.now
        var now = start
        var untilClockRead = Self.deadlinesPerClockRead
        var isUnfinished = false
        while let (id, tag) = state.pointee.wheel.popDue(now: now) {
            let slot = state.pointee.targets.slot(id)
            slot.pointee.pending -= 1
            if let receiver = slot.pointee.receiver {
                receiver.deadlineReached(tag: tag)
            } else {
                state.pointee.orphans -= 1
                if slot.pointee.pending == 0 { state.pointee.targets.recycle(id) }
            }
            untilClockRead -= 1
            if untilClockRead > 0 { continue }
            untilClockRead = Self.deadlinesPerClockRead
            now = self.loop.now
            // A loop whose clock is set by hand never gets here.
            if now - start > Self.budget {
                isUnfinished = true
                break
            }
        }
        state.pointee.isFiring = false
        if isUnfinished {
            // Nothing is earlier than this: no callback is scheduled until the rest has been seen to.
            state.pointee.wakeTick = 0
            self.loop.callAfterSockets { [waker] isShuttingDown in
                if isShuttingDown { waker.deadlines?.callbackCancelled() } else { waker.deadlines?.wake() }
            }
        } else if let nextWake = state.pointee.wheel.nextWake {
            self.schedule(at: nextWake, tick: state.pointee.wheel.nextWakeTick)
        }
    }

    /// The loop took the callback away: it is being shut down, or its owner cancels everything on it.
    private func callbackCancelled() {
        self.callback = nil
        self.state.pointee.wakeTick = State.unscheduled
    }

    /// What the loop holds: it does not keep the deadlines alive.
    private final class Waker: NIOScheduledCallbackHandler {
        weak var deadlines: LoopDeadlines?
        var isReplacing = false

        func handleScheduledCallback(eventLoop: some EventLoop) { self.deadlines?.wake() }

        func didCancelScheduledCallback(eventLoop: some EventLoop) {
            if !self.isReplacing { self.deadlines?.callbackCancelled() }
        }
    }
}
