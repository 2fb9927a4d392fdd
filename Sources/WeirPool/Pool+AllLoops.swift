import NIOCore
import ServiceLifecycle
import Synchronization
import WeirCore

/// All loops at once, from any thread. See ``Pool`` for where the futures complete, and for how they fail when a loop has ended.
extension Pool {
    /// Makes the pool of each loop now instead of at its first use, and opens ``PoolConfiguration/minimumIdle`` resources on each.
    ///
    /// Nothing is opened while the pool is suspended, or for as long as other loops hold all permits beyond a loop's floor of one.
    ///
    /// - Returns: completes when each loop has that many open, idle or leased. Fails with the factory's error as soon as one connect has
    ///   failed, or the last one of a loop had, with ``PoolError/Code/deadlineExceeded`` when one has timed out, and with
    ///   ``PoolError/Code/shutdown`` when the pool is shut down first. The pool goes on trying all the same.
    public func warmUp() -> EventLoopFuture<Void> {
        let (locals, parts) = (self.locals, self.parts)
        return self.ask { loop in
            let promise = loop.makePromise(of: Void.self)
            withExtendedLifetime(locals[loop]) {
                guard let factory = parts[loop].factory else { preconditionFailure("the pool of \(loop) has no factory") }
                factory.wait(promise)
            }
            return promise.futureResult
        }.map { _ in }
    }

    /// The statistics of all loops added up. Asks each loop; nobody waits meanwhile.
    ///
    /// - Returns: completes when each loop has been asked; loops that have no pool yet add nothing.
    public func statistics() -> EventLoopFuture<PoolStatistics> {
        self.gather(.none, { $0.statistics() }, +)
    }

    /// Keeps requests waiting on all loops until ``resume()``; loops without a pool get one, for that.
    ///
    /// - Returns: completes when each loop has stopped granting. Leases that are out stay out.
    public func suspend() -> EventLoopFuture<Void> {
        let locals = self.locals
        return self.ask { loop in loop.makeSucceededFuture(locals[loop].suspend()) }.map { _ in }
    }

    /// Serves again.
    ///
    /// - Returns: completes when each loop has begun to.
    public func resume() -> EventLoopFuture<Void> {
        self.gather((), { $0.resume() }, { _, _ in })
    }

    /// Replaces all resources without disturbing anyone: idle ones now, the others when they come back.
    ///
    /// - Returns: completes when each loop has begun to close its idle ones.
    public func evictAll() -> EventLoopFuture<Void> {
        self.gather((), { $0.evictAll() }, { _, _ in })
    }

    /// Takes all leases of an owner away, on all loops; see ``LocalPool/releaseAll(of:)``.
    ///
    /// - Returns: how many leases were taken away, when each loop has done so.
    public func releaseAll(of owner: Owner) -> EventLoopFuture<Int> {
        self.gather(0, { $0.releaseAll(of: owner) }, +)
    }

    /// Who holds what right now, on all loops.
    ///
    /// - Returns: the leases of one loop after those of the other, when each has been asked.
    public func leases() -> EventLoopFuture<[LeaseInfo]> {
        self.gather([], { $0.leases() }, +)
    }

    /// Refuses new requests, serves those that wait already until the deadline, then closes everything, under its holders if need be.
    ///
    /// - Returns: completes when nothing is open any more; what does not report that it is closed is written off after
    ///   ``PoolConfiguration/closeTimeout``. A second call joins the first, whose deadline stays; one after its end completes at once. Fails
    ///   only if a loop of the group ends before, which leaves open what was open there.
    public func shutdown(deadline: NIODeadline) -> EventLoopFuture<Void> {
        self.isShutDown.store(true, ordering: .relaxed)
        let (locals, parts, closing) = (self.locals, self.parts, self.closing)
        return self.ask { loop in
            let promise = loop.makePromise(of: Void.self)
            parts[loop].end()
            // Also where it was never used: so that it is closed there as well.
            locals[loop].drain(deadline: deadline, promise: promise)
            return promise.futureResult
        }.map { _ in
            closing.hasEnded.store(true, ordering: .releasing)
        }.flatMapErrorThrowing { error in
            if !closing.hasEnded.load(ordering: .acquiring) { throw error }
        }
    }

    /// As a service: warms up and runs until graceful shutdown or the task's cancellation; then it drains for up to ``drainTime`` and
    /// closes.
    ///
    /// - Throws: ``PoolError/Code/shutdown`` if the group ends before the pool has closed. A warm-up that fails does not end the service.
    public func run() async throws {
        _ = self.warmUp()
        try? await gracefulShutdown()
        try await self.shutdown(deadline: .now() + Self.drainTime).get()
    }

    /// How long ``run()`` lets leases come back: half a minute.
    public static var drainTime: TimeAmount { .seconds(30) }

    /// Adds up what the loops that have a pool answer.
    private func gather<Answer: Sendable>(
        _ none: Answer, _ question: @escaping @Sendable (LocalPool<Resource>) -> Answer,
        _ add: @escaping @Sendable (Answer, Answer) -> Answer
    ) -> EventLoopFuture<Answer> {
        let locals = self.locals
        return self.ask { loop in loop.makeSucceededFuture(locals.existing(on: loop).map(question)) }.map { answers in
            answers.reduce(none) { sum, answer in answer.map { add(sum, $0) } ?? sum }
        }
    }

    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (any EventLoop) -> EventLoopFuture<Answer>
    ) -> EventLoopFuture<[Answer]> {
        let ended = PoolError(.shutdown, "an event loop of the pool's group has ended without an answer")
        return LoopInquiry.ask(self.locals.loops, ended: ended, question)
    }
}
