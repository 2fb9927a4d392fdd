public import NIOCore
import WeirCore

/// `async` on the loop. Call it in a task that runs on this loop; anywhere else the process stops.
extension RedisConnection {
    /// Sends a command and waits for its reply.
    ///
    /// - Throws: ``RedisError``, also when the reply is an error; ``RedisError/Code/cancelled`` when the task is cancelled meanwhile.
    public func send<Reply: Sendable>(_ command: RedisCommand<Reply>, deadline: NIODeadline) async throws(RedisError) -> Reply {
        let loop = self.loopContext.loop
        precondition(loop.inEventLoop, "RedisConnection was awaited off its loop: start the task with the loop's LoopExecutor.")
        if Task.isCancelled { throw RedisError(.cancelled, "the task was cancelled before the command was sent") }
        let waiter = RedisWaiter(loop: loop) { self.pipeline.fail($0, $1) }
        await waiter.wait { self.send(command.request, deadline: deadline, tag: 0, to: waiter) }
        return try waiter.reply(to: command)
    }
}
