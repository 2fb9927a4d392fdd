public import WeirPostgresWire

/// Told on the loop what its statements bring. Nothing is allocated for a statement.
public protocol PostgresReceiver: AnyObject {
    /// A row of the statement with this tag; in their order, each once.
    func postgresRow(_ row: PostgresRow, tag: UInt64)
    /// The statement with this tag has ended well: what it did, `SELECT 3`.
    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64)
    /// The statement with this tag has no result, or none beyond the rows that came.
    func postgresFailed(_ error: PostgresError, tag: UInt64)
}

/// Names a statement that has not ended, to cancel it by. Good for one use: later ones find nothing.
public struct PostgresTicket: Sendable, Hashable {
    @usableFromInline let number: UInt64

    @inlinable
    init(number: UInt64) { self.number = number }
}

/// Who is told.
struct PostgresAnswer {
    /// Nil: nobody any more.
    var receiver: (any PostgresReceiver)?
    let tag: UInt64

    @inline(__always)
    func row(_ row: PostgresRow) { self.receiver?.postgresRow(row, tag: self.tag) }
    @inline(__always)
    func completed(_ command: PostgresCommandTag) { self.receiver?.postgresCompleted(command, tag: self.tag) }
    func failed(_ error: PostgresError) { self.receiver?.postgresFailed(error, tag: self.tag) }
}
