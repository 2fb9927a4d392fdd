import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// One question to each loop of a group, whose answer always comes: also when a loop has ended already, or ends meanwhile.
///
/// A loop that has ended drops what it is given to run, and with it the promise of an answer; who waits for that waits for ever. Here
/// the dropped errand itself says that the loop has ended (``Errand``), and a loop that ends while an answer is due cancels a callback
/// that was to come never (as in ``LoopLocal``). For administration: it allocates, and takes a lock for each answer.
package final class LoopInquiry<Answer: Sendable>: Sendable {
    private struct State {
        var answers: [Answer?]
        var missing: Int
        var outcome: Result<[Answer], any Error>?
        var promise: EventLoopPromise<[Answer]>?
        var watches: [NIOScheduledCallback] = []
        var hasLoopEnded = false
        var isOver = false
    }

    // Not a Mutex: thread sanitizer cannot see that one on Linux.
    private let state: NIOLockedValueBox<State>
    private let ended: any Error

    /// - Parameters:
    ///   - loops: who is asked; at least one.
    ///   - ended: the error if one of them has ended or ends before all have answered.
    ///   - body: called on each loop.
    /// - Returns: the answers in the order of the loops, or the first error, on the loop that this is called on if it is one of them and
    ///   on the first one otherwise; when a loop has ended already, on one of NIO's own loops, which never end.
    package static func ask(
        _ loops: [any EventLoop], ended: any Error, _ body: @escaping @Sendable (any EventLoop) -> EventLoopFuture<Answer>
    ) -> EventLoopFuture<[Answer]> {
        let inquiry = LoopInquiry(count: loops.count, ended: ended)
        for (index, loop) in loops.enumerated() {
            let errand = Errand(body) { inquiry.end(of: nil) }
            loop.execute {
                let answer = errand.arrive(loop)
                inquiry.watch(loop)
                answer.whenComplete { inquiry.answer($0, index) }
            }
        }
        return inquiry.result(on: loops.first { $0.inEventLoop } ?? loops[0])
    }

    private init(count: Int, ended: any Error) {
        self.state = NIOLockedValueBox(State(answers: Array(repeating: nil, count: count), missing: count))
        self.ended = ended
    }

    private func answer(_ answer: Result<Answer, any Error>, _ index: Int) {
        let promise = self.state.withLockedValue { state -> EventLoopPromise<[Answer]>? in
            guard state.outcome == nil else { return nil }
            switch answer {
            case .failure(let error):
                state.outcome = .failure(error)
            case .success(let value):
                state.answers[index] = value
                state.missing -= 1
                guard state.missing == 0 else { return nil }
                state.outcome = .success(state.answers.compactMap { $0 })
            }
            return state.promise
        }
        if let promise { self.complete(promise) }
    }

    /// - Parameter loop: the one that is ending and on whose thread this is; nil if one was found to have ended.
    private func end(of loop: (any EventLoop)?) {
        let promise = self.state.withLockedValue { state -> EventLoopPromise<[Answer]>? in
            if state.isOver { return nil }
            state.hasLoopEnded = true
            let isFirst = state.outcome == nil
            if isFirst { state.outcome = .failure(self.ended) }
            // What another loop has sent to this one may not have arrived in time: it says so itself that it is over. A second answer
            // to a promise is ignored.
            return isFirst || state.promise?.futureResult.eventLoop === loop ? state.promise : nil
        }
        promise?.fail(self.ended)
    }

    private func result(on loop: any EventLoop) -> EventLoopFuture<[Answer]> {
        let (promise, outcome) = self.state.withLockedValue { state -> (EventLoopPromise<[Answer]>?, Result<[Answer], any Error>?) in
            // A promise on a loop that has ended would never be kept.
            if state.hasLoopEnded { return (nil, state.outcome) }
            let promise = loop.makePromise(of: [Answer].self)
            state.promise = promise
            return (promise, state.outcome)
        }
        guard let promise else {
            return MultiThreadedEventLoopGroup.singleton.any().makeCompletedFuture(outcome ?? .failure(self.ended))
        }
        promise.futureResult.whenComplete { _ in self.finish() }
        if outcome != nil { self.complete(promise) }
        return promise.futureResult
    }

    private func complete(_ promise: EventLoopPromise<[Answer]>) {
        guard let outcome = self.state.withLockedValue({ $0.outcome }) else { return }
        promise.completeWith(outcome)
    }

    // MARK: Watches

    /// Learns of the loop's end. Only loops of a `MultiThreadedEventLoopGroup` say of a cancelled callback that it is one.
    private func watch(_ loop: any EventLoop) {
        guard MultiThreadedEventLoopGroup.currentEventLoop === loop,
            let watch = try? loop.scheduleCallback(at: .distantFuture, handler: Watch { [self] in self.end(of: $0) })
        else { return }
        let isOver = self.state.withLockedValue { state in
            if !state.isOver { state.watches.append(watch) }
            return state.isOver
        }
        if isOver { watch.cancel() }
    }

    private func finish() {
        let watches = self.state.withLockedValue { state in
            state.isOver = true
            defer { state.watches = [] }
            return state.watches
        }
        for watch in watches { watch.cancel() }
    }

    private final class Watch: NIOScheduledCallbackHandler, Sendable {
        private let ended: @Sendable (any EventLoop) -> Void
        init(_ ended: @escaping @Sendable (any EventLoop) -> Void) { self.ended = ended }
        func handleScheduledCallback(eventLoop: some EventLoop) {}
        func didCancelScheduledCallback(eventLoop: some EventLoop) { self.ended(eventLoop) }
    }

    /// Sent to a loop in a closure; when the closure goes without having run, so does this, and tells.
    private final class Errand: Sendable {
        typealias Question = @Sendable (any EventLoop) -> EventLoopFuture<Answer>
        private let question: NIOLockedValueBox<Question?>
        private let dropped: @Sendable () -> Void

        init(_ question: @escaping Question, dropped: @escaping @Sendable () -> Void) {
            self.question = NIOLockedValueBox(question)
            self.dropped = dropped
        }

        /// Asks, once. What the question holds is let go of before its answer counts: who has all answers may end the loops, and what
        /// goes then could not be sent home any more.
        func arrive(_ loop: any EventLoop) -> EventLoopFuture<Answer> {
            let question = self.question.withLockedValue { question in
                defer { question = nil }
                return question
            }
            return question!(loop)
        }

        deinit { if self.question.withLockedValue({ $0 != nil }) { self.dropped() } }
    }
}
