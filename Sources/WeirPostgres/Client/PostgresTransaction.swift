public import NIOCore
import WeirCore
public import WeirPool
import WeirPostgresWire

/// How a transaction is shielded from others. Source: <https://www.postgresql.org/docs/15/transaction-iso.html>.
public enum PostgresIsolation: String, Hashable, Sendable, CaseIterable {
    case readCommitted = "read committed"
    case repeatableRead = "repeatable read"
    case serializable
}

/// Whether a transaction may write.
public enum PostgresAccessMode: String, Hashable, Sendable, CaseIterable {
    case readWrite = "read write"
    case readOnly = "read only"
}

/// A transaction that is open on a connection of its own. Its statements run in their order, each sent without waiting for the one before.
///
/// After an error of one of them the server refuses the others; ``withSavepoint(_:)`` is what can be gone back to. It is good only inside of
/// the body that it was handed to. Belongs to its connection's loop.
public final class PostgresTransaction: PostgresQuerying {
    /// The connection that it is on: for copies and streams of rows.
    public let connection: PostgresConnection
    public var loop: any EventLoop { self.connection.loop }
    public var configuration: PostgresConfiguration { self.connection.configuration }
    private var isOver = false
    private var savepoints = 0

    init(_ connection: PostgresConnection) { self.connection = connection }

    @discardableResult
    public func send(_ query: PostgresQuery, deadline: NIODeadline?, tag: UInt64, to receiver: any PostgresReceiver) -> PostgresTicket? {
        guard !self.isOver else {
            receiver.postgresFailed(PostgresError(.transactionOver, "the transaction is over"), tag: tag)
            return nil
        }
        return self.connection.send(query, deadline: deadline, tag: tag, to: receiver)
    }

    @discardableResult
    public func cancel(_ ticket: PostgresTicket) -> Bool { self.connection.cancel(ticket) }

    /// Runs what can be undone by itself: when the body throws, what it has done is rolled back, and the transaction goes on.
    public func withSavepoint<Success>(_ body: (PostgresTransaction) async throws -> Success) async throws -> Success {
        self.savepoints += 1
        let name = "weir_\(self.savepoints)"
        try await self.execute("savepoint \(identifier: name)")
        let result: Success
        do {
            result = try await body(self)
        } catch {
            // Also when the task was cancelled, which a statement of its own would refuse.
            _ = try await self.connection.simpleQuery("rollback to savepoint \(name); release savepoint \(name)").get()
            throw error
        }
        try await self.execute("release savepoint \(identifier: name)")
        return result
    }

    fileprivate func end() { self.isOver = true }
}

extension PostgresConnection {
    /// Runs a transaction: commits when the body returns, rolls back when it throws or the task is cancelled.
    ///
    /// - Throws: what the body throws; ``PostgresError``. An error of the commit with ``PostgresError/mayHaveRun`` leaves in doubt whether it
    ///   was committed.
    public func withTransaction<Success>(
        isolation: PostgresIsolation? = nil, access: PostgresAccessMode? = nil, isDeferrable: Bool = false,
        file: StaticString = #fileID, line: UInt32 = #line, _ body: (PostgresTransaction) async throws -> Success
    ) async throws -> Success {
        var begin = "begin"
        if let isolation { begin += " isolation level \(isolation.rawValue)" }
        if let access { begin += " \(access.rawValue)" }
        if isDeferrable { begin += " deferrable" }
        guard self.transactionStatus == .idle else {
            throw PostgresError(.busy, "a transaction is open on this connection").at(file, line)
        }
        try await self.execute(PostgresQuery(sql: begin), file: file, line: line)
        let transaction = PostgresTransaction(self)
        let result: Success
        do {
            result = try await body(transaction)
            try Task.checkCancellation()
        } catch {
            transaction.end()
            await self.rollBack()
            throw error
        }
        transaction.end()
        // Not given up half-way: whether it was done would not be known.
        let ended: PostgresResult
        do { ended = try await { self.query("commit", file: file, line: line) }().get() } catch {
            if self.transactionStatus != .idle { await self.rollBack() }
            throw error
        }
        guard ended.command.text == "COMMIT" else {
            throw PostgresError(.transactionOver, "the transaction had failed, and was rolled back").at(file, line)
        }
        return result
    }

    private func rollBack() async {
        guard self.isUsable else { return }
        do { _ = try await self.simpleQuery("rollback", deadline: self.loop.now + self.configuration.cancelTimeout).get() } catch {
            self.close()
        }
    }
}

extension LocalPostgres {
    /// Runs a transaction on a connection of its own: commits when the body returns, rolls back when it throws or the task is cancelled.
    ///
    /// - Parameters:
    ///   - retries: how often it is run again when it failed for being in another's way (serialization failures, deadlocks), after a pause
    ///     that grows. The body is run again from its beginning.
    ///   - deadline: for the connection.
    /// - Throws: what the body throws; ``PostgresError``. An error of the commit with ``PostgresError/mayHaveRun`` leaves in doubt whether it
    ///   was committed.
    public func withTransaction<Success>(
        isolation: PostgresIsolation? = nil, access: PostgresAccessMode? = nil, isDeferrable: Bool = false, retries: Int = 0,
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: (PostgresTransaction) async throws -> Success
    ) async throws -> Success {
        var backoff = Backoff(initial: .milliseconds(5), maximum: .seconds(1), multiplier: 2, jitter: .full)
        while true {
            do {
                return try await self.withConnection(owner: owner, deadline: deadline, file: file, line: line) { connection in
                    try await connection.withTransaction(
                        isolation: isolation, access: access, isDeferrable: isDeferrable, file: file, line: line, body)
                }
            } catch let error as PostgresError where backoff.attempts < retries && error.sqlState?.invitesRetry ?? false {
                try await self.loop.scheduleTask(in: backoff.next()) {}.futureResult.get()
                try Task.checkCancellation()
            }
        }
    }

    /// As ``withTransaction(isolation:access:isDeferrable:retries:owner:deadline:file:line:_:)``, until the body's future completes: commits
    /// when it succeeds.
    ///
    /// - Parameter body: called on this loop.
    public func withTransaction<Success: Sendable>(
        isolation: PostgresIsolation? = nil, access: PostgresAccessMode? = nil, owner: Owner = .none, deadline: NIODeadline? = nil,
        file: StaticString = #fileID, line: UInt32 = #line, _ body: @escaping (PostgresTransaction) -> EventLoopFuture<Success>
    ) -> EventLoopFuture<Success> {
        var begin = "begin"
        if let isolation { begin += " isolation level \(isolation.rawValue)" }
        if let access { begin += " \(access.rawValue)" }
        let statement = PostgresQuery(sql: begin)
        return self.withConnection(owner: owner, deadline: deadline, file: file, line: line) { connection in
            let promise = self.loop.makePromise(of: Success.self)
            connection.query(statement, file: file, line: line).assumeIsolated().whenComplete { begun in
                if case .failure(let error) = begun { return promise.fail(error) }
                let transaction = PostgresTransaction(connection)
                body(transaction).hop(to: self.loop).assumeIsolated().whenComplete { result in
                    transaction.end()
                    switch result {
                    // The connection is rolled back when it is given back.
                    case .failure(let error): promise.fail(error)
                    case .success(let value):
                        connection.query("commit", file: file, line: line).assumeIsolated().whenComplete { ended in
                            promise.completeWith(
                                ended.flatMap { ended in
                                    guard ended.command.text == "COMMIT" else {
                                        return .failure(
                                            PostgresError(.transactionOver, "the transaction had failed, and was rolled back").at(
                                                file, line))
                                    }
                                    return .success(value)
                                })
                        }
                    }
                }
            }
            return promise.futureResult
        }
    }
}
