public import NIOCore

/// Runs so many tasks on an executor at once and waits for them all.
public func onTasks(
    _ count: Int, _ loop: any EventLoop, _ executor: any TaskExecutor, _ body: @escaping @Sendable (_ task: Int) async throws -> Void
) throws {
    let tasks = (0..<count).map { task in loop.makeFutureWithTask(on: executor) { try await body(task) } }
    try EventLoopFuture.andAllSucceed(tasks, on: loop).wait()
}

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
