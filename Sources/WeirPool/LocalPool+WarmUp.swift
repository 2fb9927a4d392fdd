import NIOCore

extension LocalPool {
    /// Whether it has as many resources open as it is to hold ready, leased ones included.
    var isWarm: Bool { self.machine.pointee.serving >= Int32(self.configuration.minimumIdle) }

    /// Whether it serves, or will again once it is resumed.
    var isEnding: Bool {
        switch self.machine.pointee.mode {
        case .open, .suspended: false
        case .draining, .closed: true
        }
    }
}

/// Stands before the factory of one loop's pool, learns from the handles how each connect ended, and so can say when the pool is warm.
///
/// Belongs to its loop, as the factory that it passes everything on to.
final class WarmUpFactory<Resource>: ResourceFactory {
    private let factory: any ResourceFactory<Resource>
    /// Set once it is made. Weak: the pool owns its factory.
    weak var pool: LocalPool<Resource>?
    private var waiters: [EventLoopPromise<Void>] = []

    init(_ factory: any ResourceFactory<Resource>) {
        self.factory = factory
    }

    // MARK: The factory

    func connect(_ handle: ResourceHandle<Resource>) {
        handle.warmUp = self
        self.factory.connect(handle)
    }

    func validate(_ resource: Resource, _ handle: ResourceHandle<Resource>) { self.factory.validate(resource, handle) }

    func close(_ resource: Resource, _ handle: ResourceHandle<Resource>) { self.factory.close(resource, handle) }

    // MARK: Those who wait

    /// Completes the promise when the pool is warm, or fails it with the error of a connect: of the next that fails, or of the last if that
    /// failed.
    func wait(_ promise: EventLoopPromise<Void>) {
        guard let pool, !pool.isEnding else { return promise.fail(PoolError.refusal(.shutdown, cause: nil)) }
        if pool.isWarm { return promise.succeed() }
        // Perhaps in this very call, which made the pool: a factory may fail at once.
        if let error = pool.lastConnectError { return promise.fail(error) }
        self.waiters.append(promise)
    }

    func end() { self.answer(.failure(PoolError.refusal(.shutdown, cause: nil))) }

    // MARK: What handles report, after the pool was told

    func connected() {
        guard !self.waiters.isEmpty, let pool, pool.isWarm else { return }
        self.answer(.success(()))
    }

    func connectFailed(_ error: any Error) { self.answer(.failure(error)) }

    func connectTimedOut() {
        self.answer(.failure(PoolError(.deadlineExceeded, "a connect of the warm-up did not end within the connect timeout")))
    }

    private func answer(_ result: Result<Void, any Error>) {
        let waiters = self.waiters
        self.waiters = []
        for waiter in waiters { waiter.completeWith(result) }
    }
}
