public import NIOCore

extension EventLoop {
    /// A future of what a task returns that prefers an executor; nil is the default one.
    public func makeFutureWithTask<Result: Sendable>(
        on executor: (any TaskExecutor)?,
        _ body: @escaping @Sendable () async throws -> Result
    ) -> EventLoopFuture<Result> {
        let promise = self.makePromise(of: Result.self)
        Task(executorPreference: executor) {
            do { promise.succeed(try await body()) } catch { promise.fail(error) }
        }
        return promise.futureResult
    }
}
