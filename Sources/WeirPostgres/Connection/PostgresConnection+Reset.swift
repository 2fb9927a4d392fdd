import NIOCore
import WeirCore
import WeirPostgresWire

/// What a lease may have left behind is taken back.
extension PostgresConnection {
    /// Whether somebody else may find it as it is.
    func isClean(_ reset: PostgresReset) -> Bool {
        guard self.isIdle, !self.isCopying, !self.isPaused else { return false }
        switch reset {
        case .never: return true
        case .whenAltered: return !self.isAltered
        case .always: return false
        }
    }

    /// Brings it into the state in which the next one may find it.
    ///
    /// - Parameter whenDone: called once: whether it could be done.
    func clean(_ reset: PostgresReset, _ whenDone: @escaping (Bool) -> Void) {
        guard self.isUsable, !self.isCopying else { return whenDone(false) }
        self.resume()
        let deadline = self.loopContext.loop.now + self.configuration.cancelTimeout
        let last = PostgresCollector(limits: .unlimited) { _ in whenDone(self.isIdle) }
        if self.state.pointee.status != .idle || !self.state.pointee.entries.isEmpty {
            self.sendSimple(
                "rollback", deadline: deadline, number: self.nextNumber(), answer: PostgresAnswer(receiver: nil, tag: 0), special: nil)
        }
        self.sendSimple(
            reset == .always || reset == .whenAltered && self.isAltered ? "discard all" : "", deadline: deadline,
            number: self.nextNumber(), answer: PostgresAnswer(receiver: last, tag: 0), special: nil)
    }
}
