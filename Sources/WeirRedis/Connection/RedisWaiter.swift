import NIOCore
import WeirRESP

/// The receiver of one awaited command.
final class RedisWaiter: RedisReplyReceiver {
    private let loop: any EventLoop
    private let fail: (RedisTicket, (_ mayHaveRun: Bool) -> RedisError) -> Void
    private var continuation: UnsafeContinuation<Void, Never>?
    private var ticket: RedisTicket?
    private var result: Result<RESPFrame, RedisError>?

    /// - Parameter fail: fails a command that waits.
    init(loop: any EventLoop, fail: @escaping (RedisTicket, (_ mayHaveRun: Bool) -> RedisError) -> Void) {
        self.loop = loop
        self.fail = fail
    }

    /// Waits for the answer to what `send` sends with this as its receiver.
    func wait(_ send: () -> RedisTicket?) async {
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        let loop = self.loop
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.continuation = continuation
                self.ticket = send()
            }
        } onCancel: {
            // On the loop, where it is decided whether the reply or the cancellation came first.
            loop.execute { bound.value.taskCancelled() }
        }
    }

    private func taskCancelled() {
        guard self.continuation != nil, let ticket else { return }
        self.fail(ticket) { RedisError(.cancelled, "the task was cancelled", mayHaveRun: $0) }
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) { self.resume(.success(reply)) }
    func redisFailed(_ error: RedisError, tag: UInt64) { self.resume(.failure(error)) }

    private func resume(_ result: Result<RESPFrame, RedisError>) {
        self.result = result
        let continuation = self.continuation
        self.continuation = nil
        continuation?.resume()
    }

    func reply<Reply: Sendable>(to command: RedisCommand<Reply>) throws(RedisError) -> Reply {
        guard let result else { preconditionFailure("a command ended without reply and error") }
        return try command.read(try result.get()).get()
    }
}
