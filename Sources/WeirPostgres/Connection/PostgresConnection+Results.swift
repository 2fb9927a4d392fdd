import NIOCore
import WeirCore
import WeirPostgresWire

/// How statements end: with what becomes of what was prepared, and of those that failed for no reason of their own.
extension PostgresConnection {
    func finishFront(_ status: PostgresTransactionStatus) {
        let entry = self.state.pointee.entries.removeFirst()
        self.state.pointee.sent -= 1
        self.state.pointee.status = status
        let mayBeHit = self.cancels > 0 || self.atRisk > 0
        if self.atRisk > 0 { self.atRisk -= 1 }
        if let timer = entry.timer { self.deadlines.cancel(timer) }
        if self.state.pointee.front.error == nil, !entry.isToBeCancelled {
            if entry.kept >= 0 { _ = self.state.pointee.encoder.takeKept(Int(entry.kept), wanted: false) }
            let command = self.commandTag
            let mayDiscard = self.state.pointee.front.mayDiscard
            // What was read is free for the next read.
            self.state.pointee.front.reset()
            if mayDiscard { self.noteDiscard(command) }
            entry.answer.completed(command)
        } else {
            self.finishUnhappily(entry, mayBeHit: mayBeHit)
        }
        if self.isClosed { return }
        if status != .idle, self.isShared {
            return self.end(.connectionLost, "a statement left a transaction open on a connection that others share")
        }
        if self.state.pointee.entries.first?.pointee.isToBeCancelled ?? false, self.cancelNext() { return }
        if let onRoom { onRoom() }
    }

    /// The statement whose turn has come is one that nobody waits for.
    func cancelNext() -> Bool {
        guard self.cancels == 0, self.cancelTimer == nil, self.state.pointee.sent > 0,
            self.state.pointee.entries.first?.pointee.isToBeCancelled ?? false
        else { return false }
        self.cancelFront()
        return true
    }

    /// What was prepared is gone.
    @inline(never)
    func noteDiscard(_ command: PostgresCommandTag) {
        if command.text == "DISCARD ALL" { self.isAltered = false }
        if command.text == "DISCARD ALL" || command.text == "DEALLOCATE ALL" { self.state.pointee.encoder.forgetAll() }
    }

    @inline(never)
    func finishUnhappily(_ entry: PostgresEntry, mayBeHit: Bool) {
        let front = self.state.pointee.front
        self.state.pointee.front = PostgresFront()
        let state = front.error?.sqlState
        if let statement = entry.statement {
            if front.failedBeforeParsed {
                self.state.pointee.encoder.forget(statement, closes: false)
            } else if front.failedBeforeDescribed {
                self.state.pointee.encoder.forget(statement, closes: true)
            } else if state == .invalidStatementName || front.error?.meansStalePlan ?? false {
                self.state.pointee.encoder.forget(statement, closes: state != .invalidStatementName)
            }
        }
        let lacksBinary = front.error?.meansNoBinaryForm ?? false
        if lacksBinary, let statement = entry.statement, statement.resultFormat == .binary {
            statement.resultFormat = .text
            statement.columns = statement.columns?.asText
        }
        // What failed for no reason of its own is sent again, once, where that changes nothing for others.
        let isStale =
            !front.failedBeforeParsed && (state == .invalidStatementName || front.error?.meansStalePlan ?? false)
        let isOthersFault = mayBeHit && state == .queryCanceled && !entry.isToBeCancelled
        let mayRepeat =
            (isStale || isOthersFault || lacksBinary) && !entry.wasRepeated && !front.hadRows && entry.answer.receiver != nil
            && self.state.pointee.status == .idle && entry.kept >= 0 && (self.isShared || self.state.pointee.entries.isEmpty)
        let kept = entry.kept >= 0 ? self.state.pointee.encoder.takeKept(Int(entry.kept), wanted: mayRepeat) : nil
        if entry.isToBeCancelled { self.cancelledHasEnded() }
        if mayRepeat, let kept, let statement = entry.statement, self.sendAgain(entry, statement, kept) { return }
        guard let error = front.error else { return }
        entry.answer.failed(
            PostgresError(
                .serverError, "the server answered with an error",
                mayHaveRun: entry.statement == nil || !(self.state.pointee.status == .idle), server: error))
    }

    func sendAgain(_ entry: PostgresEntry, _ statement: PostgresPreparedStatement, _ values: ByteBuffer) -> Bool {
        let formats = entry.formats ?? Array(repeating: PostgresFormat.binary, count: statement.types.count)
        let parameters = PostgresParameters(types: statement.types, formats: formats, values: values)
        // Prepared for this time only: others who share what is being prepared now may fail by it again.
        guard let written = try? self.encode(statement.sql, parameters, isUnnamed: true, resultFormat: statement.resultFormat) else {
            return false
        }
        var again = PostgresEntry(
            written, answer: entry.answer, special: entry.special, number: entry.number, deadline: entry.deadline,
            timer: self.arm(entry.deadline, entry.number))
        again.wasRepeated = true
        self.append(again)
        return true
    }
}

extension PostgresServerError {
    /// A type of the result can only be had as text.
    var meansNoBinaryForm: Bool { self.sqlState == .undefinedFunction && self.routine == "getTypeBinaryOutputInfo" }

    /// A prepared statement does not fit its tables any more.
    var meansStalePlan: Bool { self.sqlState == .featureNotSupported && self.routine == "RevalidateCachedQuery" }
}
