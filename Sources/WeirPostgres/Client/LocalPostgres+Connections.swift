public import NIOCore
public import WeirPool

/// Connections of one's own, for what cannot share: transactions, copies, what is set for a session.
///
/// A connection goes back to the pool when nothing is due on it and no transaction is open; one that was left otherwise is rolled back and
/// reset (``PostgresConfiguration/reset``) before anyone gets it, or closed.
extension LocalPostgres {
    /// Leases a connection for as long as `body` takes. Must be called in a task that runs on this loop; the body runs there too.
    ///
    /// - Throws: what the body throws; ``PostgresError/Code/noConnection`` without a connection by the deadline,
    ///   ``PostgresError/Code/cancelled`` if the task is cancelled before there is one.
    public func withConnection<Success>(
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: (PostgresConnection) async throws -> Success
    ) async throws -> Success {
        let lease: Lease<PostgresConnection>
        do {
            lease = try await self.pool.lease(owner: owner, deadline: deadline, file: file, line: line)
        } catch {
            throw PostgresError.noConnection(error).at(file, line)
        }
        let connection = lease.resource
        let result: Result<Success, any Error>
        do { result = .success(try await body(connection)) } catch { result = .failure(error) }
        self.loop.preconditionInEventLoop()
        self.giveBack(LeaseBox(lease), connection)
        return try result.get()
    }

    /// Leases a connection until the body's future completes.
    ///
    /// - Parameter body: called on this loop.
    /// - Returns: the body's result, or a ``PostgresError``, on this loop.
    public func withConnection<Success: Sendable>(
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: @escaping (PostgresConnection) -> EventLoopFuture<Success>
    ) -> EventLoopFuture<Success> {
        let promise = self.loop.makePromise(of: Success.self)
        self.pool.lease(owner: owner, deadline: deadline, file: file, line: line) { result in
            switch consume result {
            case .failure(let error): promise.fail(PostgresError.noConnection(error).at(file, line))
            case .success(let lease):
                let connection = lease.resource
                let held = LeaseBox(lease)
                body(connection).hop(to: self.loop).assumeIsolated().whenComplete { result in
                    self.giveBack(held, connection)
                    promise.completeWith(result)
                }
            }
        }
        return promise.futureResult
    }

    /// Nobody waits for it to be cleaned but the next one who wants it.
    func giveBack(_ lease: LeaseBox<PostgresConnection>, _ connection: PostgresConnection) {
        let reset = self.configuration.reset
        if connection.isClean(reset) { return lease.release() }
        connection.clean(reset) { isClean in if isClean { lease.release() } else { lease.discard() } }
    }
}

extension PostgresError {
    static func noConnection(_ cause: PoolError) -> PostgresError {
        switch cause.code {
        case .cancelled: PostgresError(.cancelled, "the task was cancelled before there was a connection", cause: cause)
        case .shutdown: PostgresError(.shutdown, "the client is being shut down", cause: cause)
        default: PostgresError(.noConnection, "the pool gave no connection", cause: cause)
        }
    }
}
