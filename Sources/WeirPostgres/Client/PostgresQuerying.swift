public import NIOCore

/// What statements can be given to: the statements of a loop (``LocalPostgres``), a connection of one's own (``PostgresConnection``), a
/// transaction on it (``PostgresTransaction``). Touch it on its loop only.
public protocol PostgresQuerying: AnyObject {
    /// The loop that it belongs to.
    var loop: any EventLoop { get }
    /// How it behaves.
    var configuration: PostgresConfiguration { get }

    /// Sends a statement; its rows and its end go to the receiver, which may be called before this returns if nothing can be sent.
    ///
    /// - Parameters:
    ///   - query: the statement and its parameters.
    ///   - deadline: for connection and result together; by default ``PostgresConfiguration/statementTimeout`` from now.
    ///   - tag: handed to the receiver.
    ///   - receiver: held until the statement has ended.
    /// - Returns: by what to ``cancel(_:)`` it; nil if it has ended.
    @discardableResult
    func send(_ query: PostgresQuery, deadline: NIODeadline?, tag: UInt64, to receiver: any PostgresReceiver) -> PostgresTicket?

    /// Takes a statement back: its receiver hears ``PostgresError/Code/cancelled`` at once, and the server is told to end it if it may run.
    ///
    /// - Returns: whether it had not ended.
    @discardableResult
    func cancel(_ ticket: PostgresTicket) -> Bool
}

extension PostgresQuerying {
    /// Collects a statement's result. The future is of this loop; it fails with a ``PostgresError``.
    ///
    /// - Parameter deadline: for connection and result together; by default ``PostgresConfiguration/statementTimeout`` from now.
    public func query(
        _ query: PostgresQuery, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<PostgresResult> {
        let promise = self.loop.makePromise(of: PostgresResult.self)
        let collector = PostgresCollector(limits: self.configuration.collectorLimits) { result in
            switch result {
            case .success(let result): promise.succeed(result)
            case .failure(let error): promise.fail(error.at(file, line))
            }
        }
        self.send(query, deadline: deadline, tag: 0, to: collector)
        return promise.futureResult
    }

    /// Collects a statement's result. Call it in a task that runs on this loop (`Task(executorPreference:)` with the loop's `LoopExecutor`): an
    /// await neither wakes nor leaves it. Anywhere else the process stops.
    ///
    /// - Parameter deadline: for connection and result together; by default ``PostgresConfiguration/statementTimeout`` from now.
    /// - Throws: ``PostgresError``; ``PostgresError/Code/cancelled`` at once when the task is cancelled, and the server is told to end the
    ///   statement.
    public func query(
        _ query: PostgresQuery, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line
    ) async throws(PostgresError) -> PostgresResult {
        precondition(self.loop.inEventLoop, "Postgres was awaited off its loop: start the task with the loop's LoopExecutor.")
        if Task.isCancelled { throw PostgresError(.cancelled, "the task was cancelled before the statement was sent").at(file, line) }
        let waiter = PostgresWaiter<PostgresResult>(loop: self.loop) { _ = self.cancel($0) }
        let collector = PostgresCollector(limits: self.configuration.collectorLimits) { waiter.resume($0) }
        await waiter.wait { self.send(query, deadline: deadline, tag: 0, to: collector) }
        do throws(PostgresError) { return try waiter.value() } catch { throw error.at(file, line) }
    }

    /// As ``query(_:deadline:file:line:)-async``, for what it did only: how many rows were changed, inserted or deleted, 0 for a command that
    /// does not say.
    @discardableResult
    public func execute(
        _ query: PostgresQuery, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line
    ) async throws(PostgresError) -> UInt64 {
        try await self.query(query, deadline: deadline, file: file, line: line).affectedRows ?? 0
    }
}
