import NIOCore

@testable import WeirPool

/// Whether a queue is overloaded, worked out afresh from everything that was seen since it was last empty, as the documentation of
/// ``OverloadPolicy`` says it.
struct StandingQueue {
    private var seen: [(at: NIODeadline, delay: TimeAmount)] = []
    /// When the loop last went from no open resource to one: waiting for that says nothing of the queue.
    var servingSince = NIODeadline.uptimeNanoseconds(0)

    mutating func sample(_ oldest: SimulatedRequest, at now: NIODeadline) {
        self.seen.append((now, self.delay(of: oldest, at: now)))
    }

    mutating func emptied() { self.seen.removeAll() }

    func delay(of request: SimulatedRequest, at now: NIODeadline) -> TimeAmount {
        now - max(request.askedAt, self.servingSince)
    }

    /// Intervals follow each other without a gap; each ends with the first look at the queue when its time is up.
    func isOverloaded(_ policy: OverloadPolicy) -> Bool {
        var first = 0
        while first < self.seen.count {
            guard let last = self.seen[first...].firstIndex(where: { $0.at >= self.seen[first].at + policy.interval }) else { return false }
            if self.seen[first...last].allSatisfy({ $0.delay > policy.target }) { return true }
            first = last
        }
        return false
    }
}

extension Simulation {
    /// Users who act in their callbacks change the queue while it is looked at: then the order of things is not for an observer to know.
    private var policy: OverloadPolicy? { self.plan.busyCallbacks == 0 ? self.plan.configuration.overload : nil }

    // MARK: What is seen of the queue

    /// A request is about to be made beside others that wait.
    func queueWillBeAsked(_ state: SimulatedLoopState) {
        guard self.policy != nil, state.resources.contains(where: { $0.phase == .open }) else { return }
        state.queueSample = state.waiting.first
    }

    /// It was not refused at the door.
    func queueWasAsked(_ request: SimulatedRequest, _ state: SimulatedLoopState) {
        guard let policy else { return }
        if let oldest = state.queueSample.take() { state.queue.sample(oldest, at: self.now) }
        if state.queue.isOverloaded(policy) { request.shedAt = min(request.shedAt, self.now + policy.target) }
    }

    func queueShrank(_ state: SimulatedLoopState) {
        if state.waiting.allSatisfy({ $0.isShed }) { state.queue.emptied() }
    }

    // MARK: What follows from it

    /// First in, first out; the newest first and nobody waiting for longer than the target in an overloaded queue.
    func checkOrder(_ request: SimulatedRequest, _ state: SimulatedLoopState) {
        guard let policy else {
            // Or the others are refused in this very moment.
            if state.local?.machine.pointee.delay.isOverloaded == true { return }
            for other in state.waiting.prefix(while: { $0 !== request }) { self.mustBeAnswered.append(other) }
            return
        }
        var waiting = state.waiting
        // One that is just being made finds a full queue; it is told so at the end.
        if waiting.count > self.plan.configuration.maximumWaiters, waiting.last !== request { waiting.removeAll { $0 === state.asking } }
        guard let oldest = waiting.first else { return }
        state.queue.sample(oldest, at: self.now)
        guard state.queue.isOverloaded(policy) else {
            return self.expect(oldest === request, "request \(request.number) was served before \(oldest.number)")
        }
        self.expect(waiting.last === request, "request \(request.number) was not the newest of an overloaded queue")
        for other in waiting where other !== request && state.queue.delay(of: other, at: self.now) > policy.target {
            other.isShed = true
            self.mustBeAnswered.append(other)
        }
    }

    func checkShed(_ request: SimulatedRequest) {
        self.expect(self.plan.configuration.overload != nil, "request \(request.number) was shed")
        guard self.policy != nil else { return }
        self.expect(request.isShed || request.shedAt <= self.now, "request \(request.number) was shed by a queue that is not overloaded")
    }
}
