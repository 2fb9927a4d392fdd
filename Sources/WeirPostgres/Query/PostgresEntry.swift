import NIOCore
import WeirCore
import WeirPostgresWire

/// A statement that waits for its turn or for its result on one connection.
struct PostgresEntry {
    var answer: PostgresAnswer
    /// Told of what is no row: columns, copies, the end of each of several results.
    let special: (any PostgresSpecialReceiver)?
    let number: UInt64
    let deadline: NIODeadline
    let timer: DeadlineToken?
    /// Nil for what is not bound: simple queries, the connection's own.
    let statement: PostgresPreparedStatement?
    var exchange: PostgresExchange
    /// Bytes of its parameters that are kept; negative: none, as they are too many.
    let kept: Int32
    /// Of its parameters, nil if all are binary.
    let formats: [PostgresFormat]?
    /// It has been sent before, and failed for a reason that was not its own.
    var wasRepeated = false
    /// Nobody waits for it any more, and the server is to end it when its turn has come.
    var isToBeCancelled = false

    @inline(__always)
    init(
        _ written: PostgresEncoder.Written, answer: PostgresAnswer, special: (any PostgresSpecialReceiver)?, number: UInt64,
        deadline: NIODeadline, timer: DeadlineToken?
    ) {
        (self.answer, self.special, self.number, self.deadline, self.timer) = (answer, special, number, deadline, timer)
        (self.statement, self.exchange, self.formats) = (written.statement, written.exchange, written.formats)
        self.kept = written.kept.map(Int32.init) ?? -1
    }

    /// One that has no parameters.
    init(
        _ exchange: PostgresExchange, of statement: PostgresPreparedStatement? = nil, answer: PostgresAnswer,
        special: (any PostgresSpecialReceiver)?, number: UInt64, deadline: NIODeadline, timer: DeadlineToken?
    ) {
        (self.answer, self.special, self.number, self.deadline, self.timer) = (answer, special, number, deadline, timer)
        (self.statement, self.exchange, self.formats, self.kept) = (statement, exchange, nil, -1)
    }
}

/// Told of what a statement brings beside rows.
protocol PostgresSpecialReceiver: AnyObject {
    func postgresColumns(_ columns: PostgresRowColumns)
    /// One of several results has ended; the last one, too.
    func postgresResultEnded(_ command: PostgresCommandTag)
    /// The portal has more rows, and is gone.
    func postgresSuspended()
    /// Whether what the server copies has somebody who takes it.
    var takesCopies: Bool { get }
    func postgresCopyIn()
    func postgresCopyData(_ data: ByteBuffer)
}

/// What none of them has to do.
extension PostgresSpecialReceiver {
    func postgresColumns(_ columns: PostgresRowColumns) {}
    func postgresResultEnded(_ command: PostgresCommandTag) {}
    func postgresSuspended() {}
    var takesCopies: Bool { false }
    func postgresCopyIn() {}
    func postgresCopyData(_ data: ByteBuffer) {}
}

/// What has come of the statement whose messages come now.
struct PostgresFront {
    /// Of a text, whose results are described one after the other; those of a statement are its own.
    var columns: PostgresRowColumns?
    var command: ByteBuffer?
    /// Whether the command may have thrown away what was prepared.
    var mayDiscard = false
    var error: PostgresServerError?
    /// How far the server knew the statement when the error came.
    var failedBeforeParsed = false
    var failedBeforeDescribed = false
    var hadRows = false

    /// After a statement that did not fail.
    @inline(__always)
    mutating func reset() {
        self.columns = nil
        self.command = nil
        self.mayDiscard = false
        self.hadRows = false
    }
}
