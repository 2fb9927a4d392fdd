public import NIOCore
import WeirPostgresWire

/// A statement whose rows are fetched some at a time: a portal with a row limit, inside of a transaction. Between two fetches the connection
/// is free for other statements of the transaction.
///
/// Good only inside of the body that its transaction was handed to, on its loop.
public final class PostgresCursor {
    private let connection: PostgresConnection
    private let query: PostgresQuery
    private let portal: String
    private let deadline: NIODeadline
    private var statement: PostgresPreparedStatement?
    private var isOpen = false
    private var isAtEnd = false

    init(_ connection: PostgresConnection, _ query: PostgresQuery, portal: String, deadline: NIODeadline) {
        self.connection = connection
        self.query = query
        self.portal = portal
        self.deadline = deadline
    }

    deinit { self.close() }

    /// The server would keep it until the transaction ends.
    private func close() {
        guard self.isOpen, self.connection.isUsable else { return }
        self.isOpen = false
        self.connection.goOn(
            self.portal, nil, maximumRows: nil, deadline: .distantFuture, answer: PostgresAnswer(receiver: nil, tag: 0), special: nil)
    }

    /// The next rows; none when there are no more.
    ///
    /// - Parameter maximumRows: how many at most, from 1 on.
    /// - Throws: ``PostgresError``; the transaction has failed then.
    public func fetch(_ maximumRows: Int) async throws(PostgresError) -> [PostgresRow] {
        precondition(maximumRows >= 1, "a fetch of no rows would be one of all")
        guard !self.isAtEnd else { return [] }
        let limit = Int32(clamping: maximumRows)
        let waiter = PostgresWaiter<[PostgresRow]>(loop: self.connection.loop) { self.connection.cancel($0) }
        let fetch = Fetch { waiter.resume($0) }
        let answer = PostgresAnswer(receiver: fetch, tag: 0)
        await waiter.wait {
            if let statement {
                self.connection.goOn(
                    self.portal, statement, maximumRows: limit, deadline: self.deadline, answer: answer, special: fetch)
                return nil
            }
            let number = self.connection.nextNumber()
            self.connection.send(
                self.query, deadline: self.deadline, number: number, answer: answer, special: fetch, maximumRows: limit, portal: self.portal
            )
            self.statement = self.connection.lastStatement
            return PostgresTicket(number: number)
        }
        self.isAtEnd = true
        let rows = try waiter.value()
        self.isAtEnd = !fetch.isSuspended
        self.isOpen = true
        if self.isAtEnd { self.close() }
        return rows
    }

    private final class Fetch: PostgresReceiver, PostgresSpecialReceiver {
        private var rows: [PostgresRow] = []
        private(set) var isSuspended = false
        private let whenDone: (Result<[PostgresRow], PostgresError>) -> Void

        init(_ whenDone: @escaping (Result<[PostgresRow], PostgresError>) -> Void) { self.whenDone = whenDone }

        func postgresRow(_ row: PostgresRow, tag: UInt64) { self.rows.append(row) }
        func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) { self.whenDone(.success(self.rows)) }
        func postgresFailed(_ error: PostgresError, tag: UInt64) { self.whenDone(.failure(error)) }
        func postgresSuspended() { self.isSuspended = true }
    }
}

extension PostgresTransaction {
    /// Opens a cursor for a statement; nothing is sent before the first ``PostgresCursor/fetch(_:)``.
    ///
    /// - Parameter deadline: for all fetches; none unless given.
    public func cursor(_ query: PostgresQuery, deadline: NIODeadline = .distantFuture) -> PostgresCursor {
        PostgresCursor(self.connection, query, portal: self.connection.newPortal(), deadline: deadline)
    }
}
