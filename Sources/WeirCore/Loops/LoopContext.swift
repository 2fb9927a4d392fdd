import NIOCore

/// What an event loop offers to everything that lives on it: its executor, its deadlines, its time.
///
/// There is one per event loop, whoever asks: pools, caches and connections of one loop share one timer and read the clock together.
/// It lives for as long as anyone holds it; when nobody does, it goes and a later call of ``of(_:)`` makes a new one. What holds it
/// and registers with ``deadlines`` must unregister, or each keeps the other alive.
///
/// Not `Sendable`: touch it on its loop only.
public final class LoopContext {
    /// The event loop.
    public let loop: any EventLoop
    /// Runs `async` code on the loop.
    public let executor: LoopExecutor
    /// The loop's deadlines.
    public let deadlines: LoopDeadlines

    @usableFromInline let clock: PassClock
    /// Stored, so that a pass allocates nothing. Holds the clock and not the context.
    private let endPass: () -> Void

    /// The context of a loop, made if there is none.
    ///
    /// On that loop only: anywhere else the process stops. Takes a lock that all loops share, so keep what it returns.
    public static func of(_ loop: any EventLoop) -> LoopContext {
        precondition(loop.inEventLoop, "LoopContext.of(loop) was called on another thread than the loop's. Ask on the loop, keep it there.")
        let executor = LoopExecutor.of(loop)
        return executor.context { LoopContext(executor) }
    }

    private init(_ executor: LoopExecutor) {
        self.loop = executor.loop
        self.executor = executor
        self.deadlines = LoopDeadlines(loop: executor.loop)
        let clock = PassClock()
        self.clock = clock
        self.endPass = { clock.state.pointee.isValid = false }
    }

    /// The loop's time as it was when somebody first asked in this pass of the loop.
    ///
    /// As old as the current batch of events and tasks at the most, never ahead of `loop.now`. Right for due times and ages; not
    /// for measuring something short.
    /// - Complexity: One test and one load; once a pass it reads the clock and hands the loop one task that ends the pass. Nothing
    ///   is allocated.
    @inlinable
    public var passTime: NIODeadline {
        let state = self.clock.state
        return state.pointee.isValid ? state.pointee.time : self.readClock()
    }

    @inline(never)
    @usableFromInline
    func readClock() -> NIODeadline {
        let now = self.loop.now
        self.clock.state.pointee.time = now
        self.clock.state.pointee.isValid = true
        // Runs after the events and tasks of this pass, before the loop looks at its sockets again.
        self.loop.assumeIsolated().execute(self.endPass)
        return now
    }
}
