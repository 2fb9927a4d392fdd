import NIOCore
import WeirCore

/// Leases for the length of a future or of an `async` function: thin layers over receivers.
extension LocalPool {
    /// Leases a resource, runs `body` with it, and gives it back when the body's future completes.
    ///
    /// - Parameters:
    ///   - keepsResource: says of an error of the body whether the resource is as good as before, such as a key that was not found.
    ///     By default it never is, and the resource is closed: what state it is in nobody knows.
    ///   - body: called on this loop. The lease ends with its future, whichever way.
    /// - Returns: the body's result, or a ``PoolError``, on this loop.
    public func withLease<Success: Sendable>(
        owner: Owner = .none, deadline: NIODeadline? = nil, keepsResource: @escaping (any Error) -> Bool = { _ in false },
        file: StaticString = #fileID, line: UInt32 = #line, _ body: @escaping (Resource) -> EventLoopFuture<Success>
    ) -> EventLoopFuture<Success> {
        if let lease = self.tryLease(owner: owner, file: file, line: line) {
            return self.hold(lease, keepsResource: keepsResource, during: body)
        }
        let promise = self.loop.makePromise(of: Success.self)
        self.lease(owner: owner, deadline: deadline, file: file, line: line) { result in
            switch consume result {
            case .success(let lease): self.hold(lease, keepsResource: keepsResource, during: body).cascade(to: promise)
            case .failure(let error): promise.fail(error)
            }
        }
        return promise.futureResult
    }

    /// Ends the lease when the body's future completes, before anybody else hears of it.
    private func hold<Success: Sendable>(
        _ lease: consuming Lease<Resource>, keepsResource: @escaping (any Error) -> Bool,
        during body: (Resource) -> EventLoopFuture<Success>
    ) -> EventLoopFuture<Success> {
        let future = body(lease.resource).hop(to: self.loop)
        let held = LeaseBox(lease)
        future.assumeIsolated().whenComplete { result in
            switch result {
            case .success: held.release()
            case .failure(let error): if keepsResource(error) { held.release() } else { held.discard() }
            }
        }
        return future
    }

    /// Leases a resource.
    ///
    /// Must be called in a task that runs on this loop (`Task(executorPreference:)` with a ``LoopExecutor``), so that the
    /// resource stays where it belongs; anywhere else the process stops.
    ///
    /// - Throws: ``PoolError``; ``PoolError/Code/cancelled`` when the task is cancelled while it waits.
    public func lease(
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line
    ) async throws(PoolError) -> Lease<Resource> {
        precondition(self.loop.inEventLoop, "LocalPool.lease() was awaited off its loop: start the task with the loop's LoopExecutor.")
        if Task.isCancelled { throw .cancelled }
        if let lease = self.tryLease(owner: owner, file: file, line: line) { return lease }
        let waiter = AwaitingReceiver<Resource>()
        let bound = NIOLoopBound((pool: self, waiter: waiter), eventLoop: self.loop)
        let loop = self.loop
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                waiter.start(continuation) { self.lease(owner: owner, deadline: deadline, to: waiter, file: file, line: line) }
            }
        } onCancel: {
            // On the loop, where it is decided whether the lease or the cancellation came first.
            loop.execute { bound.value.waiter.cancel(in: bound.value.pool) }
        }
        return try waiter.take()
    }

    /// Leases a resource, runs `body` with it, and gives it back when the body returns. When it throws the resource is closed, since
    /// its state is in doubt, unless `keepsResource` knows the error for harmless.
    ///
    /// As ``lease(owner:deadline:file:line:)`` it must be called on this loop. The body runs there too.
    public func withLease<Success>(
        owner: Owner = .none, deadline: NIODeadline? = nil, keepsResource: (any Error) -> Bool = { _ in false },
        file: StaticString = #fileID, line: UInt32 = #line, _ body: (Resource) async throws -> Success
    ) async throws -> Success {
        let lease = try await self.lease(owner: owner, deadline: deadline, file: file, line: line)
        let resource = lease.resource
        do {
            let success = try await body(resource)
            self.loop.preconditionInEventLoop()
            lease.release()
            return success
        } catch {
            self.loop.preconditionInEventLoop()
            if keepsResource(error) { lease.release() } else { lease.discard() }
            throw error
        }
    }
}

/// The receiver of one awaited request.
private final class AwaitingReceiver<Resource>: LeaseReceiver {
    private var continuation: UnsafeContinuation<Void, Never>?
    private var request: LeaseRequest?
    private var lease: Lease<Resource>?
    private var error: PoolError?

    func start(_ continuation: UnsafeContinuation<Void, Never>, _ request: () -> LeaseRequest?) {
        self.continuation = continuation
        self.request = request()
    }

    func leaseGranted(_ lease: consuming Lease<Resource>, tag: UInt64) {
        self.lease = consume lease
        self.resume()
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.error = error
        self.resume()
    }

    func cancel(in pool: LocalPool<Resource>) {
        guard self.continuation != nil, let request, pool.cancel(request) else { return }
        self.error = .cancelled
        self.resume()
    }

    private func resume() {
        self.request = nil
        let continuation = self.continuation
        self.continuation = nil
        continuation?.resume()
    }

    func take() throws(PoolError) -> Lease<Resource> {
        if let error { throw error }
        guard let lease = self.lease.take() else { preconditionFailure("a request ended without lease and error") }
        return lease
    }
}
