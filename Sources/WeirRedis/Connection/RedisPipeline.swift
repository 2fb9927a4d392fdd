import NIOCore
import WeirCore
import WeirRESP

/// Sends commands over one connection after the other and gives each one answer: its own reply, or an error.
///
/// What one pass of the loop asks for shares one write. A command that is cancelled or whose time is up keeps its place in the order
/// until its reply has come, which is nobody's then. Without a connection commands wait, within the bounds, until there is one or their
/// time is up. Belongs to one loop.
final class RedisPipeline: DeadlineReceiver {
    /// What a pipeline holds at most.
    struct Limits {
        /// Commands without a reply, those included that nobody waits for any more.
        var pending: Int
        /// Bytes of commands that were not handed to the channel, and of copies of those that may be repeated.
        var unsentBytes: Int
        /// Silence of the server after which a command whose time is up makes its connection suspect.
        var stallTimeout: TimeAmount
    }

    let loopContext: LoopContext
    private let limits: Limits
    // Behind a pointer, so that no exclusivity check is paid for each command.
    private let storage: UnsafeMutablePointer<RedisQueue>
    private var target: DeadlineTarget?
    private(set) var connection: RedisConnection?
    private var isFlushScheduled = false
    /// Stored, so that a pass allocates nothing.
    private let endOfPass: () -> Void
    private let flusher: Flusher
    /// When the server last sent something, or was first asked after it had nothing to answer.
    private(set) var lastProgress: NIODeadline = .uptimeNanoseconds(0)
    private var whenRoom: [EventLoopPromise<Void>] = []
    private(set) var isEnded = false
    /// Called when nobody waits any more.
    var whenEmpty: (() -> Void)?

    init(loopContext: LoopContext, limits: Limits) {
        self.loopContext = loopContext
        self.limits = limits
        self.storage = .allocate(capacity: 1)
        self.storage.initialize(to: RedisQueue())
        let flusher = Flusher()
        self.flusher = flusher
        // Held for as long as it flushes: a write that fails may let go of everything else that holds it.
        self.endOfPass = { flusher.pipeline?.takeUnretainedValue().flush() }
        flusher.pipeline = .passUnretained(self)
    }

    deinit {
        self.flusher.pipeline = nil
        self.storage.deinitialize(count: 1)
        self.storage.deallocate()
    }

    /// What the loop holds until the end of a pass: not the pipeline, and no weak reference to it, which would make counting its
    /// references slow.
    private final class Flusher {
        // Cleared by the pipeline's deinit, which runs on the same loop.
        var pipeline: Unmanaged<RedisPipeline>?
    }

    /// Who waits for which reply.
    var queue: RedisQueue {
        _read { yield self.storage.pointee }
    }

    /// Commands that wait for a reply.
    var pending: Int { self.storage.pointee.count }
    /// One more would be refused.
    var isFull: Bool {
        self.storage.pointee.count >= self.limits.pending || self.storage.pointee.heldBytes >= self.limits.unsentBytes
    }

    // MARK: Sending

    /// Sends a command. The answer may come before this returns if nothing can be sent.
    ///
    /// - Returns: by what to cancel it; nil if it has its answer.
    func send(_ request: borrowing RedisRequest, deadline: NIODeadline, answer: RedisAnswer) -> RedisTicket? {
        self.send(deadline: deadline, answer: answer) { queue, timer in queue.append(request, answer, timer: timer) }
    }

    /// Sends commands as one: all or none of them, with nothing in between. The answer is called with each reply, or once with an error.
    func send(_ requests: [RedisRequest], deadline: NIODeadline, answer: RedisAnswer) -> RedisTicket? {
        self.send(deadline: deadline, answer: answer) { queue, timer in queue.append(requests, answer, timer: timer) }
    }

    @inline(__always)
    private func send(
        deadline: NIODeadline, answer: RedisAnswer, _ append: (inout RedisQueue, DeadlineToken?) -> Void
    ) -> RedisTicket? {
        self.loopContext.loop.assertInEventLoop()
        if self.isEnded || self.isFull || deadline <= self.loopContext.passTime {
            answer.fail(self.refusal(deadline: deadline))
            return nil
        }
        let number = self.storage.pointee.nextNumber
        var timer: DeadlineToken?
        if deadline < .distantFuture { timer = self.loopContext.deadlines.arm(at: deadline, target: self.registered(), tag: number) }
        append(&self.storage.pointee, timer)
        if !self.isFlushScheduled { self.scheduleFlush() }
        return RedisTicket(number: number)
    }

    @inline(never)
    private func refusal(deadline: NIODeadline) -> RedisError {
        if self.isEnded { return RedisError(.connectionLost, "the connection is closed") }
        if self.isFull { return RedisError(.tooManyPending, "too many commands or bytes wait on this connection") }
        return RedisError(.timeout, "the deadline had passed before the command was sent")
    }

    private func registered() -> DeadlineTarget {
        if let target { return target }
        let target = self.loopContext.deadlines.register(self)
        self.target = target
        return target
    }

    private func scheduleFlush() {
        guard let connection, connection.isWritable else { return }
        self.isFlushScheduled = true
        // Runs when the events of this pass are done: what they send shares one write.
        self.loopContext.loop.assumeIsolated().execute(self.endOfPass)
    }

    /// Sends what there is, unless the channel has enough to do already.
    func flush() {
        self.isFlushScheduled = false
        guard let connection, connection.isWritable, self.storage.pointee.hasUnsent else { return }
        if self.storage.pointee.inFlight == 0 { self.lastProgress = self.loopContext.passTime }
        // The write may fail at once, and with it the connection: the queue is in order before it.
        if let bytes = self.storage.pointee.takeUnsent() { connection.write(bytes) }
        self.storage.pointee.reclaimMemory()
        if !self.whenRoom.isEmpty { self.tellOfRoom() }
    }

    /// The command gets no answer any more.
    ///
    /// - Returns: whether it was still waiting.
    func cancel(_ ticket: RedisTicket) -> Bool { self.takeBack(ticket) != nil }

    /// Fails a command that waits.
    func fail(_ ticket: RedisTicket, _ error: (_ mayHaveRun: Bool) -> RedisError) {
        guard let abandoned = self.takeBack(ticket) else { return }
        abandoned.answer.fail(error(abandoned.mayHaveRun))
    }

    private func takeBack(_ ticket: RedisTicket) -> RedisQueue.Abandoned? {
        guard let abandoned = self.storage.pointee.abandon(ticket.number) else { return nil }
        if let timer = abandoned.timer { self.loopContext.deadlines.cancel(timer) }
        self.shrunk()
        return abandoned
    }

    // MARK: Back-pressure

    /// Completes when another command would be taken: at once, or when replies have come.
    func roomLeft() -> EventLoopFuture<Void> {
        guard self.isFull, !self.isEnded else { return self.loopContext.loop.makeSucceededVoidFuture() }
        let promise = self.loopContext.loop.makePromise(of: Void.self)
        self.whenRoom.append(promise)
        return promise.futureResult
    }

    /// Fewer commands wait than before.
    @inline(__always)
    private func shrunk() {
        if !self.whenRoom.isEmpty { self.tellOfRoom() }
        if let whenEmpty, self.storage.pointee.waiting == 0 { whenEmpty() }
    }

    private func tellOfRoom() {
        guard !self.isFull || self.isEnded else { return }
        let promises = self.whenRoom
        self.whenRoom = []
        for promise in promises { promise.succeed() }
    }

    // MARK: What the connection reports

    /// Takes a connection that answers nobody yet; what waits goes out over it.
    func attach(_ connection: RedisConnection) {
        self.connection = connection
        self.lastProgress = self.loopContext.passTime
        if self.storage.pointee.hasUnsent { self.scheduleFlush() }
    }

    func writabilityChanged() {
        if self.storage.pointee.hasUnsent, !self.isFlushScheduled { self.scheduleFlush() }
    }

    func bytesArrived() { self.lastProgress = self.loopContext.passTime }

    /// - Returns: false if no reply is due.
    @inline(__always)
    func replied(_ reply: RESPFrame) -> Bool {
        guard let entry = self.storage.pointee.popReplied() else { return false }
        if let timer = entry.timer { self.loopContext.deadlines.cancel(timer) }
        entry.answer.succeed(reply)
        self.shrunk()
        return true
    }

    /// The connection has gone: what may have run fails; what has not been sent, or may be repeated, waits for the next connection.
    ///
    /// - Parameter replyIsBad: the reply due first could not be read: asking again would break the next connection, too.
    func detach(replyIsBad: Bool = false, _ error: (_ mayHaveRun: Bool) -> RedisError) {
        self.connection = nil
        for entry in self.storage.pointee.connectionLost(failsFirst: replyIsBad) { self.fail(entry, error(true)) }
        self.shrunk()
    }

    /// There will be no other connection: everything fails.
    func end(_ error: (_ mayHaveRun: Bool) -> RedisError) {
        self.isEnded = true
        self.flusher.pipeline = nil
        self.connection = nil
        self.failAll(error)
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
        self.tellOfRoom()
    }

    /// Fails everything that waits and goes on.
    func failAll(_ error: (_ mayHaveRun: Bool) -> RedisError) {
        for (entry, mayHaveRun) in self.storage.pointee.removeAll() { self.fail(entry, error(mayHaveRun)) }
        self.shrunk()
    }

    private func fail(_ entry: RedisQueue.Entry, _ error: RedisError) {
        if let timer = entry.timer { self.loopContext.deadlines.cancel(timer) }
        entry.answer.fail(error)
    }

    func deadlineReached(tag: UInt64) {
        guard let abandoned = self.storage.pointee.abandon(tag) else { return }
        // First, so that whoever is told finds the connection gone and not in doubt.
        if abandoned.isInFlight, let connection, self.lastProgress + self.limits.stallTimeout <= self.loopContext.loop.now {
            connection.stalled()
        }
        abandoned.answer.fail(RedisError(.timeout, "no reply came by the deadline", mayHaveRun: abandoned.mayHaveRun))
        self.shrunk()
    }
}
