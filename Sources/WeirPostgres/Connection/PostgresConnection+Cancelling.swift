import NIOCore
import WeirCore

/// Statements that nobody waits for any more are ended on the server when their turn has come.
extension PostgresConnection {
    static var cancelTag: UInt64 { .max }

    /// The statement gets this error at once, and the server is told to end it when its turn has come.
    ///
    /// - Returns: whether it was waited for.
    func abandon(_ number: UInt64, _ error: (_ mayHaveRun: Bool) -> PostgresError) -> Bool {
        let places = 0..<self.state.pointee.entries.count
        guard let place = places.first(where: { self.state.pointee.entries[$0].pointee.number == number }),
            case let entry = self.state.pointee.entries[place], case let answer = entry.pointee.answer, answer.receiver != nil
        else { return false }
        entry.pointee.answer.receiver = nil
        entry.pointee.isToBeCancelled = true
        let mayHaveRun = place < self.state.pointee.sent
        if place == 0, mayHaveRun { self.cancelFront() }
        answer.failed(error(mayHaveRun))
        return true
    }

    func deadlineReached(_ tag: UInt64) {
        guard tag != Self.cancelTag else {
            return self.end(.connectionLost, "the server did not end a statement that was cancelled")
        }
        _ = self.abandon(tag) { PostgresError(.timeout, "no result came by the deadline", mayHaveRun: $0) }
    }

    func cancelFront() {
        guard let cancelOnServer else { return self.end(.connectionLost, "a statement was cancelled that the server cannot be told of") }
        self.cancels += 1
        if self.cancelTimer == nil {
            self.cancelTimer = self.arm(self.loopContext.loop.now + self.configuration.cancelTimeout, Self.cancelTag)
        }
        cancelOnServer { [weak self] in self?.serverWasTold() }
    }

    /// The signal was sent before this: what begins after the next ReadyForQuery is not hit by it.
    func serverWasTold() {
        guard !self.isClosed else { return }
        self.cancels -= 1
        self.atRisk = self.state.pointee.sent
        self.cancelOver()
    }

    func cancelledHasEnded() {
        if let timer = self.cancelTimer.take() { self.deadlines.cancel(timer) }
        self.cancelOver()
    }

    func cancelOver() {
        guard self.cancels == 0 else { return }
        if self.cancelNext() { return }
        if self.state.pointee.encoder.unsent.readableBytes > 0 { self.flushLater() }
        self.onRoom?()
    }
}
