public import NIOCore

/// `async` on the loop: a thin layer over receivers. Call it in a task that runs on this loop (`Task(executorPreference:)` with the loop's
/// `LoopExecutor`): an await neither wakes nor leaves it. Anywhere else the process stops.
extension LocalRedis {
    /// Sends a command and waits for its reply.
    ///
    /// - Throws: ``RedisError``, also when the reply is an error; ``RedisError/Code/cancelled`` when the task is cancelled meanwhile: the
    ///   command may run all the same if ``RedisError/mayHaveRun`` says so.
    public func send<Reply: Sendable>(_ command: RedisCommand<Reply>, deadline: NIODeadline? = nil) async throws(RedisError) -> Reply {
        precondition(self.loop.inEventLoop, "LocalRedis was awaited off its loop: start the task with the loop's LoopExecutor.")
        if Task.isCancelled { throw RedisError(.cancelled, "the task was cancelled before the command was sent") }
        let waiter = RedisWaiter(loop: self.loop) { self.fail($0, $1) }
        await waiter.wait { self.send(command.request, deadline: deadline, tag: 0, to: waiter) }
        return try waiter.reply(to: command)
    }
}
