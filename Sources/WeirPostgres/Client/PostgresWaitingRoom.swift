import NIOCore
import WeirCore

/// Statements that wait for a connection with room for them, in their order, each until its deadline. Belongs to one loop.
final class PostgresWaitingRoom: DeadlineReceiver {
    struct Waiting {
        let query: PostgresQuery
        let deadline: NIODeadline
        let number: UInt64
        var answer: PostgresAnswer
        let timer: DeadlineToken?
    }

    private let loopContext: LoopContext
    private let maximum: Int
    private let maximumBytes: Int
    private var waiting = CircularBuffer<Waiting>()
    /// Whose answer was taken away, and who have only their place.
    private var goneCount = 0
    private var bytes = 0
    private var target: DeadlineTarget?

    init(loopContext: LoopContext, configuration: PostgresConfiguration) {
        self.loopContext = loopContext
        self.maximum = configuration.maximumPending
        self.maximumBytes = configuration.maximumUnsentBytes
    }

    var isEmpty: Bool { self.waiting.count == self.goneCount }
    var isFull: Bool { self.waiting.count - self.goneCount >= self.maximum || self.bytes >= self.maximumBytes }

    /// - Returns: false if it was refused.
    func add(_ query: PostgresQuery, deadline: NIODeadline, number: UInt64, answer: PostgresAnswer) -> Bool {
        if let error = query.parameters.error {
            answer.failed(PostgresError(.notEncodable, "a parameter cannot be encoded", cause: error))
            return false
        }
        guard !self.isFull else {
            answer.failed(PostgresError(.tooManyPending, "too many statements or bytes wait for a connection"))
            return false
        }
        guard deadline > self.loopContext.passTime else {
            answer.failed(PostgresError(.timeout, "the deadline had passed before the statement was sent"))
            return false
        }
        var timer: DeadlineToken?
        if deadline < .distantFuture {
            let target = self.target ?? self.loopContext.deadlines.register(self)
            self.target = target
            timer = self.loopContext.deadlines.arm(at: deadline, target: target, tag: number)
        }
        self.bytes += query.sql.utf8.count + query.parameters.values.readableBytes
        self.waiting.append(Waiting(query: query, deadline: deadline, number: number, answer: answer, timer: timer))
        return true
    }

    /// The one that was here first, which is let go.
    func next() -> Waiting? {
        while let first = self.waiting.popFirst() {
            guard first.answer.receiver != nil else {
                self.goneCount -= 1
                continue
            }
            self.leave(first)
            return first
        }
        return nil
    }

    private func leave(_ one: Waiting) {
        if let timer = one.timer { self.loopContext.deadlines.cancel(timer) }
        self.bytes -= one.query.sql.utf8.count + one.query.parameters.values.readableBytes
    }

    /// - Returns: whether it was here.
    func abandon(_ number: UInt64, _ error: PostgresError) -> Bool {
        // By halves: numbers only grow.
        var (low, high) = (0, self.waiting.count)
        while low < high {
            let middle = (low + high) / 2
            if self.waiting[offset: middle].number < number { low = middle + 1 } else { high = middle }
        }
        guard low < self.waiting.count else { return false }
        let one = self.waiting[offset: low]
        guard one.number == number, one.answer.receiver != nil else { return false }
        self.waiting[offset: low].answer.receiver = nil
        self.goneCount += 1
        self.leave(one)
        // Places of those who have gone are given back when they are many.
        if self.goneCount > 1024, self.goneCount > self.waiting.count / 2 {
            self.waiting.removeAll { $0.answer.receiver == nil }
            self.goneCount = 0
        }
        one.answer.failed(error)
        return true
    }

    func failAll(_ error: PostgresError) {
        let all = self.waiting
        self.waiting = CircularBuffer()
        self.goneCount = 0
        for one in all where one.answer.receiver != nil {
            self.leave(one)
            one.answer.failed(error)
        }
    }

    func end(_ error: PostgresError) {
        self.failAll(error)
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
    }

    func deadlineReached(tag: UInt64) {
        _ = self.abandon(tag, PostgresError(.timeout, "there was no connection by the deadline"))
    }
}
