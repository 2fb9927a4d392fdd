public import NIOCore
import WeirRESP

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
        let waiter = RedisWaiter()
        let bound = NIOLoopBound((redis: self, waiter: waiter), eventLoop: self.loop)
        let loop = self.loop
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                waiter.continuation = continuation
                waiter.ticket = self.send(command.request, deadline: deadline, tag: 0, to: waiter)
            }
        } onCancel: {
            loop.execute { bound.value.waiter.cancel(in: bound.value.redis) }
        }
        return try waiter.reply(to: command)
    }
}

/// The receiver of one awaited command.
private final class RedisWaiter: RedisReplyReceiver {
    var continuation: UnsafeContinuation<Void, Never>?
    var ticket: RedisTicket?
    private var result: Result<RESPFrame, RedisError>?

    func redisReplied(_ reply: RESPFrame, tag: UInt64) { self.resume(.success(reply)) }
    func redisFailed(_ error: RedisError, tag: UInt64) { self.resume(.failure(error)) }

    func cancel(in redis: LocalRedis) {
        guard self.continuation != nil, let ticket else { return }
        redis.fail(ticket) { RedisError(.cancelled, "the task was cancelled", mayHaveRun: $0) }
    }

    private func resume(_ result: Result<RESPFrame, RedisError>) {
        self.result = result
        let continuation = self.continuation
        self.continuation = nil
        continuation?.resume()
    }

    func reply<Reply: Sendable>(to command: RedisCommand<Reply>) throws(RedisError) -> Reply {
        guard let result else { preconditionFailure("a command ended without reply and error") }
        let frame = try result.get()
        if frame.isError { throw RedisError.serverError(frame) }
        do {
            return try command.decode(frame)
        } catch {
            throw error as? RedisError ?? RedisError(.unexpectedReply, "the reply could not be read", cause: error, mayHaveRun: true)
        }
    }
}
