import NIOCore

/// Whoever awaits one answer on a loop.
final class PostgresWaiter<Value> {
    private let loop: any EventLoop
    private let cancel: (PostgresTicket) -> Void
    private var continuation: UnsafeContinuation<Void, Never>?
    private var ticket: PostgresTicket?
    private var result: Result<Value, PostgresError>?

    /// - Parameter cancel: has what was sent fail.
    init(loop: any EventLoop, cancel: @escaping (PostgresTicket) -> Void) {
        self.loop = loop
        self.cancel = cancel
    }

    /// Waits for the answer to what is sent, which ends in ``resume(_:)``.
    func wait(_ send: () -> PostgresTicket?) async {
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        let loop = self.loop
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                self.continuation = continuation
                self.ticket = send()
            }
        } onCancel: {
            // On the loop, where it is decided whether the answer or the cancellation came first.
            loop.execute { bound.value.taskCancelled() }
        }
    }

    private func taskCancelled() {
        guard self.continuation != nil, let ticket else { return }
        self.cancel(ticket)
    }

    func resume(_ result: Result<Value, PostgresError>) {
        self.result = result
        self.continuation.take()?.resume()
    }

    func value() throws(PostgresError) -> Value {
        guard let result else { preconditionFailure("a wait ended without an answer") }
        return try result.get()
    }
}
