import Dispatch
import NIOCore

@testable import WeirPool

/// Time that passes when the simulation says so, the same for all its loops.
final class SimulatedClock {
    var now: NIODeadline

    /// The loop whose pass it is; nil between passes.
    weak var current: SimulatedLoop?

    init(now: NIODeadline) { self.now = now }
}

/// A loop that runs when the simulation picks it.
///
/// What it hands to itself runs at the end of its pass, as on a real loop. What other loops hand to it waits in ``inbox`` for as long as
/// the simulation likes, and may overtake what was sent before.
///
/// Sendable: it never leaves the thread of its simulation.
final class SimulatedLoop: EventLoop, @unchecked Sendable {
    struct Alarm {
        let id: UInt64
        let deadline: NIODeadline
        let fire: () -> Void
        let cancelled: () -> Void
    }

    let clock: SimulatedClock
    let index: Int
    private(set) var inbox: [() -> Void] = []
    private var own: [() -> Void] = []
    private var alarms: [Alarm] = []
    private var lastID: UInt64 = 0

    init(clock: SimulatedClock, index: Int) {
        self.clock = clock
        self.index = index
    }

    var now: NIODeadline { self.clock.now }
    var inEventLoop: Bool { self.clock.current === self }

    // MARK: For the simulation

    /// When the earliest alarm is due.
    var nextAlarm: NIODeadline? { self.alarms.min { $0.deadline < $1.deadline }?.deadline }

    var isQuiet: Bool { self.inbox.isEmpty && self.own.isEmpty }

    /// One turn of the loop: `body`, then what it handed to itself, then, if so wished, the alarms that are due.
    func pass(alarms: Bool, _ body: () -> Void) {
        precondition(self.clock.current == nil, "passes do not nest")
        self.clock.current = self
        body()
        self.runOwn()
        while alarms, let position = self.alarms.firstIndex(where: { $0.deadline <= self.now }) {
            self.alarms.remove(at: position).fire()
            self.runOwn()
        }
        self.clock.current = nil
    }

    /// Delivers one of the messages in transit.
    func takeMessage(_ position: Int) -> () -> Void { self.inbox.remove(at: position) }

    private func runOwn() {
        while !self.own.isEmpty {
            let tasks = self.own
            self.own.removeAll(keepingCapacity: true)
            for task in tasks { task() }
        }
    }

    // MARK: EventLoop

    func execute(_ task: @escaping () -> Void) {
        if self.inEventLoop { self.own.append(task) } else { self.inbox.append(task) }
    }

    func _executeIsolatedUnsafeUnchecked(_ task: @escaping () -> Void) { self.execute(task) }

    @discardableResult
    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        preconditionFailure("the pool arms deadlines and schedules no tasks")
    }

    @discardableResult
    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.scheduleTask(deadline: self.now + delay, task)
    }

    @discardableResult
    func scheduleCallback(
        at deadline: NIODeadline, handler: some (NIOScheduledCallbackHandler & Sendable)
    ) throws -> NIOScheduledCallback {
        self.lastID += 1
        self.alarms.append(
            Alarm(
                id: self.lastID, deadline: deadline, fire: { handler.handleScheduledCallback(eventLoop: self) },
                cancelled: { handler.didCancelScheduledCallback(eventLoop: self) }))
        return NIOScheduledCallback(self, id: self.lastID)
    }

    func cancelScheduledCallback(_ callback: NIOScheduledCallback) {
        guard let position = self.alarms.firstIndex(where: { $0.id == callback.customCallbackID }) else { return }
        self.alarms.remove(at: position).cancelled()
    }

    func preconditionInEventLoop(file: StaticString, line: UInt) {
        precondition(self.inEventLoop, "off its loop", file: file, line: line)
    }

    func preconditionNotInEventLoop(file: StaticString, line: UInt) {
        precondition(!self.inEventLoop, "on its loop", file: file, line: line)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) { callback(nil) }
}

/// The loops of one simulation. Sendable: it never leaves the thread of its simulation.
final class SimulatedGroup: EventLoopGroup, @unchecked Sendable {
    let loops: [SimulatedLoop]

    init(count: Int, clock: SimulatedClock) {
        self.loops = (0..<count).map { SimulatedLoop(clock: clock, index: $0) }
    }

    func next() -> any EventLoop { self.loops[0] }
    func makeIterator() -> EventLoopIterator { EventLoopIterator(self.loops.map { $0 as any EventLoop }) }
    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) { callback(nil) }
}
