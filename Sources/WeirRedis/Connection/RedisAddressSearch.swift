import NIOCore
import WeirCore

/// One connect of a pool: tries the addresses, one after the other, until one serves. Belongs to one loop.
final class RedisAddressSearch {
    private let target: RedisTarget
    private let loopContext: LoopContext
    private let first: Int
    private var tried = 0
    private var dial: RedisDial?
    private var timer: Scheduled<Void>?
    private var whenDone: ((Result<(RedisConnection, address: Int), RedisError>) -> Void)?

    private var addresses: [RedisAddress] { self.target.url.addresses }
    private var current: Int { (self.first + self.tried) % self.addresses.count }
    /// The address after the one that is being tried.
    var next: Int { (self.current + 1) % self.addresses.count }

    /// - Parameter first: the index of the address to begin with.
    init(_ target: RedisTarget, from first: Int, loopContext: LoopContext) {
        self.target = target
        self.first = first
        self.loopContext = loopContext
    }

    /// - Parameter whenDone: called once, perhaps before this returns.
    func start(_ whenDone: @escaping (Result<(RedisConnection, address: Int), RedisError>) -> Void) {
        self.whenDone = whenDone
        self.tryCurrent()
    }

    /// Gives up; nothing if it has ended.
    func cancel() {
        guard let whenDone = self.whenDone.take() else { return }
        let error = RedisError(.connectFailed, "the connect was given up: it took too long, or the pool closes")
        self.dial?.cancel(error)
        self.dial = nil
        whenDone(.failure(error))
    }

    private func tryCurrent() {
        let dial = RedisDial(self.target, to: self.addresses[self.current], loopContext: self.loopContext)
        self.dial = dial
        // One address has all the time that the pool gives.
        if self.addresses.count > 1 {
            self.timer = self.loopContext.loop.assumeIsolated().scheduleTask(in: self.target.configuration.addressTimeout) {
                dial.cancel(RedisError(.connectFailed, "the address took too long to connect to"))
            }
        }
        dial.start { self.tried(with: $0) }
    }

    private func tried(with result: Result<RedisConnection, RedisError>) {
        self.timer?.cancel()
        self.timer = nil
        guard self.whenDone != nil else {
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection):
            self.finish(.success((connection, self.current)))
        case .failure(let error):
            self.tried += 1
            // Who is refused by one is refused by all, and may be locked out for asking again.
            guard error.code != .authenticationFailed, self.tried < self.addresses.count else {
                return self.finish(.failure(self.addresses.count > 1 ? self.summary(error) : error))
            }
            self.tryCurrent()
        }
    }

    private func summary(_ last: RedisError) -> RedisError {
        guard last.code != .authenticationFailed else { return last }
        return RedisError(
            last.code, "none of the \(self.addresses.count) addresses could be connected to; this is of the last", cause: last,
            serverErrorKind: last.serverErrorKind)
    }

    private func finish(_ result: Result<(RedisConnection, address: Int), RedisError>) {
        guard let whenDone = self.whenDone.take() else { return }
        self.dial = nil
        self.timer?.cancel()
        self.timer = nil
        whenDone(result)
    }
}
