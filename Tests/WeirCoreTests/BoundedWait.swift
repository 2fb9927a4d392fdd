import NIOCore
import NIOPosix

extension EventLoopFuture where Value: Sendable {
    struct WaitedTooLong: Error {}

    /// As `get()`, for half a minute at most: a test of something that may hang then fails and goes on.
    func boundedGet() async throws -> Value {
        let clock = MultiThreadedEventLoopGroup.singleton.next()
        let promise = clock.makePromise(of: Value.self)
        let timer = clock.scheduleTask(in: .seconds(30)) { promise.fail(WaitedTooLong()) }
        self.whenComplete { result in
            timer.cancel()
            promise.completeWith(result)
        }
        return try await promise.futureResult.get()
    }
}
