public import NIOCore
public import WeirPool

/// Connections of one's own, for what cannot share: `WATCH`, blocking commands, `SELECT`.
///
/// A connection goes back to the pool if its user leaves it as it was found, with nothing due and in the state of a new one; otherwise it
/// is closed, so that nobody finds a transaction, a subscription or a database that is not his.
extension LocalRedis {
    /// Leases a connection for as long as `body` takes. As `LocalPool.withLease`: must be called on this loop, and the body runs there.
    ///
    /// - Throws: what the body throws; ``RedisError/Code/noConnection`` without a connection by the deadline,
    ///   ``RedisError/Code/cancelled`` if the task is cancelled before there is one.
    public func withConnection<Success>(
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: (RedisConnection) async throws -> Success
    ) async throws -> Success {
        let lease: Lease<RedisConnection>
        do {
            lease = try await self.pool.lease(owner: owner, deadline: deadline, file: file, line: line)
        } catch {
            throw RedisError.noConnection(error)
        }
        let connection = lease.resource
        let result: Result<Success, any Error>
        do { result = .success(try await body(connection)) } catch { result = .failure(error) }
        self.loop.preconditionInEventLoop()
        if connection.isClean { lease.release() } else { lease.discard() }
        return try result.get()
    }

    /// Leases a connection until the body's future completes.
    ///
    /// - Parameter body: called on this loop.
    /// - Returns: the body's result, or a ``RedisError``, on this loop.
    public func withConnection<Success: Sendable>(
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: @escaping (RedisConnection) -> EventLoopFuture<Success>
    ) -> EventLoopFuture<Success> {
        let promise = self.loop.makePromise(of: Success.self)
        let loop = self.loop
        self.pool.lease(owner: owner, deadline: deadline, file: file, line: line) { result in
            switch consume result {
            case .failure(let error): promise.fail(RedisError.noConnection(error))
            case .success(let lease):
                let connection = lease.resource
                let held = LeaseBox(lease)
                body(connection).hop(to: loop).assumeIsolated().whenComplete { result in
                    if connection.isClean { held.release() } else { held.discard() }
                    promise.completeWith(result)
                }
            }
        }
        return promise.futureResult
    }

    /// Sends one command over a connection of its own: for those that block.
    ///
    /// - Parameter deadline: for connection and reply together. Give a blocking command more than its own time-out; when the deadline comes
    ///   first the connection is closed, which ends the command.
    public func sendAlone<Reply: Sendable>(
        _ command: RedisCommand<Reply>, owner: Owner = .none, deadline: NIODeadline, file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<Reply> {
        self.withConnection(owner: owner, deadline: deadline, file: file, line: line) { $0.send(command, deadline: deadline) }
    }

    /// Sends one command over a connection of its own: for those that block. When the task is cancelled the connection is closed, which
    /// ends the command. As ``send(_:deadline:)-async`` on this loop only.
    public func sendAlone<Reply: Sendable>(
        _ command: RedisCommand<Reply>, owner: Owner = .none, deadline: NIODeadline, file: StaticString = #fileID, line: UInt32 = #line
    ) async throws -> Reply {
        try await self.withConnection(owner: owner, deadline: deadline, file: file, line: line) { connection in
            try await connection.send(command, deadline: deadline)
        }
    }
}

extension RedisError {
    static func noConnection(_ cause: PoolError) -> RedisError {
        switch cause.code {
        case .cancelled: RedisError(.cancelled, "the task was cancelled before there was a connection", cause: cause)
        case .shutdown: RedisError(.shutdown, "the client is being shut down", cause: cause)
        default: RedisError(.noConnection, "the pool gave no connection", cause: cause)
        }
    }
}
