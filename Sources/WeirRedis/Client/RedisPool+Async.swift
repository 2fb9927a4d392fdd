public import NIOCore

/// From any task. It costs a hop to a loop and back, unless the task runs on one of the group's: code that asks often asks its loop's
/// ``LocalRedis``.
extension RedisPool {
    /// Sends a command on the loop that the task runs on, if that is one of the group's, or on another of them.
    ///
    /// - Throws: ``RedisError``, also when the reply is an error. Cancelling the task does not end the wait, the deadline does.
    public func send<Reply: Sendable>(_ command: RedisCommand<Reply>, deadline: NIODeadline? = nil) async throws -> Reply {
        let loop = self.loops.first { $0.inEventLoop } ?? self.loops[Int.random(in: self.loops.indices)]
        return try await loop.flatSubmit { self[loop].send(command, deadline: deadline) }.get()
    }
}
