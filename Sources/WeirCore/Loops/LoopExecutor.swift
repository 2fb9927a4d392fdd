import NIOConcurrencyHelpers
import NIOCore

/// Runs `async` code on one event loop.
///
///     Task(executorPreference: loop.weirExecutor) {
///         let value = try await future.get()      // the loop's thread before, during and after
///     }
///
/// What is started with it runs on the loop's thread and comes back to it after every await: on futures and continuations that the
/// loop completes, in child tasks, `async let` and task groups, after a throw and after cancellation. (Code isolated to an actor
/// runs where its actor does. An actor that should share the loop returns `loop.executor.asUnownedSerialExecutor()` from its
/// `unownedExecutor`.) An await that the loop itself completes takes no lock but NIO's own uncontended one, no system call and no
/// wake-up: the job goes to the end of a queue here and the loop looks at the queue once for all that is in it.
///
/// **Fairness.** NIO runs everything handed to `execute` until nothing is left before it looks at sockets again, so that tasks which
/// wake each other without end would starve all I/O. The queue is therefore left alone for one look at the sockets after
/// ``LoopExecutor/budget`` of uninterrupted jobs (never before 64 of them). That costs some 15 µs, and nothing as
/// long as the queue runs empty now and then. Code that starves the loop by itself, with `execute` or `submit` in a circle, is not
/// helped: those are NIO's queue and NIO's rule.
///
/// There is one per event loop, for as long as anyone holds it or a task runs on it. Jobs enqueued when the loop has been shut down
/// never run, as nothing does there: end the tasks first.
public final class LoopExecutor: TaskExecutor, Sendable {
    /// The event loop on which everything runs.
    public let loop: any EventLoop

    /// Touched on the loop only.
    private struct State: ~Copyable {
        var jobs = JobRing()
        var isDrainScheduled = false
        weak var context: LoopContext?
        /// How often the queue was left alone since the loop began to shut down.
        var pausesAtShutdown = 0
    }

    // Shared safely although it is mutable: each access is preceded by a check that this is the loop's thread, so that the loop
    // orders them all. The memory lives exactly as long as this object, which every access holds.
    nonisolated(unsafe) private let state: UnsafeMutablePointer<State>

    /// How long jobs may run before the loop looks at its sockets again.
    public static var budget: TimeAmount { .microseconds(250) }
    /// The clock is read once for so many jobs.
    private static var jobsPerClockRead: Int { 64 }

    private init(_ loop: any EventLoop) {
        self.loop = loop
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: State())
    }

    deinit {
        self.state.deinitialize(count: 1)
        self.state.deallocate()
        // Another executor may have taken the place since this one ceased to be found. It leaves the lock before it is released: that
        // may be the last of it, and then it comes here too.
        _ = Self.registry.withLockedValue { registry -> LoopExecutor? in
            let key = ObjectIdentifier(self.loop)
            guard let entry = registry[key] else { return nil }
            if let successor = entry.executor { return successor }
            registry[key] = nil
            return nil
        }
    }

    // MARK: One per loop

    private struct Entry {
        weak var executor: LoopExecutor?
    }

    /// An executor holds its loop: as long as one is found here, no other loop can have the address that is its key.
    private static let registry = NIOLockedValueBox<[ObjectIdentifier: Entry]>([:])

    /// The executor of a loop. May be called on any thread; takes a lock that all loops share, so keep what it returns.
    public static func of(_ loop: any EventLoop) -> LoopExecutor {
        self.registry.withLockedValue { registry in
            let key = ObjectIdentifier(loop)
            if let executor = registry[key]?.executor { return executor }
            let executor = LoopExecutor(loop)
            registry[key] = Entry(executor: executor)
            return executor
        }
    }

    /// The context of this loop, made if there is none. On the loop only.
    func context(orMake make: () -> LoopContext) -> LoopContext {
        self.loop.preconditionInEventLoop()
        if let context = self.state.pointee.context { return context }
        let context = make()
        self.state.pointee.context = context
        return context
    }

    // MARK: Jobs

    /// Called by the Swift runtime. On the loop, the job joins the queue; from elsewhere it is handed over by `execute`.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard self.loop.inEventLoop else {
            self.loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            return
        }
        self.state.pointee.jobs.append(job)
        if !self.state.pointee.isDrainScheduled {
            self.state.pointee.isDrainScheduled = true
            self.loop.execute { self.drain() }
        }
    }

    /// The same for all references to one executor.
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        UnownedTaskExecutor(ordinary: self)
    }

    private func drain() {
        let state = self.state
        let executor = self.asUnownedTaskExecutor()
        var jobsUntilClockRead = Self.jobsPerClockRead
        var end: NIODeadline?
        while let job = state.pointee.jobs.popFirst() {
            job.runSynchronously(on: executor)
            jobsUntilClockRead -= 1
            if jobsUntilClockRead > 0 { continue }
            jobsUntilClockRead = Self.jobsPerClockRead
            let now = self.loop.now
            guard let limit = end else {
                end = now + Self.budget
                continue
            }
            // A loop whose clock is set by hand never gets here.
            if now >= limit, !state.pointee.jobs.isEmpty {
                self.pause()
                return
            }
        }
        state.pointee.isDrainScheduled = false
    }

    private func pause() {
        // A loop that shuts down runs what is left for a while, but not for ever.
        guard self.state.pointee.pausesAtShutdown < 100 else { return }
        self.loop.callAfterSockets { isShuttingDown in
            if isShuttingDown { self.state.pointee.pausesAtShutdown += 1 }
            self.drain()
        }
    }
}

extension EventLoop {
    /// The executor that runs `async` code on this loop; see ``LoopExecutor``. May be called on any thread; takes a lock, so keep it.
    public var weirExecutor: LoopExecutor { LoopExecutor.of(self) }
}
