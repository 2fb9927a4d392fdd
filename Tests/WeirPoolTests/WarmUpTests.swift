import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import WeirCore

@testable import WeirPool

/// `Pool.warmUp()`, with virtual time.
@Suite struct WarmUpTests {
    private static func configuration(minimumIdle: Int = 3) -> PoolConfiguration {
        var configuration = PoolConfiguration(maximum: 6)
        configuration.minimumIdle = minimumIdle
        configuration.connectTimeout = .seconds(1)
        return configuration
    }

    private enum Answer: Equatable { case none, warm, failed(String) }

    private func answer(of future: EventLoopFuture<Void>) -> () -> Answer {
        let box = LockedBox(Answer.none)
        future.whenComplete { result in
            box.with {
                switch result {
                case .success: $0 = .warm
                case .failure(let error as PoolError): $0 = .failed(error.shortDescription)
                case .failure(let error): $0 = .failed("\(error)")
                }
            }
        }
        return { box.with { $0 } }
    }

    @Test func completesWhenTheLastOfThemIsOpen() throws {
        let bench = Bench(Self.configuration()) { $0.connects = .hold }
        let answer = self.answer(of: bench.pool.warmUp())
        let again = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        #expect(bench.factory.connecting.count == 3)
        for number in 0..<3 {
            #expect(answer() == .none, "\(number) of 3")
            bench.factory.establish(bench.factory.connecting[number])
            bench.loop.run()
        }
        #expect(answer() == .warm)
        #expect(again() == .warm)
        let later = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        #expect(later() == .warm)
        try bench.end()
    }

    /// Whoever leases what the warm-up opened does not keep it from ending.
    @Test func whatIsLeasedMeanwhileCounts() throws {
        let bench = Bench(Self.configuration()) { $0.connects = .hold }
        let answer = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        let user = bench.ask()
        for handle in bench.factory.connecting.prefix(3) { bench.factory.establish(handle) }
        bench.loop.run()
        #expect(user.number == 0)
        #expect(answer() == .warm)
        user.release()
        bench.factory.connecting.dropFirst(3).forEach(bench.factory.establish)
        try bench.end()
    }

    @Test func aPoolThatHoldsNothingReadyIsWarm() throws {
        let bench = Bench(Self.configuration(minimumIdle: 0)) { $0.connects = .fail }
        let answer = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        #expect(answer() == .warm)
        #expect(bench.factory.connectCount == 0)
        try bench.end()
    }

    @Test func failsWithTheFirstErrorOfAConnect() throws {
        let bench = Bench(Self.configuration()) { $0.connects = .hold }
        let answer = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        bench.factory.establish(bench.factory.connecting[0])
        bench.factory.connecting[1].connectFailed(FakeError())
        bench.loop.run()
        #expect(answer() == .failed("FakeError()"))
        // The pool goes on, and another warm-up waits for its next try.
        bench.factory.connects = .atOnce
        bench.factory.establish(bench.factory.connecting[2])
        let next = self.answer(of: bench.pool.warmUp())
        bench.pass(.seconds(1))
        #expect(next() == .warm)
        try bench.end()
    }

    /// The pool is made by the question, and its factory fails before it is asked.
    @Test func failsWhenTheConnectsHaveFailedAlready() throws {
        let bench = Bench(Self.configuration()) { $0.connects = .fail }
        let answer = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        #expect(answer() == .failed("FakeError()"))
        try bench.end()
    }

    @Test func failsWhenAConnectTakesTooLong() throws {
        let bench = Bench(Self.configuration()) { $0.connects = .hold }
        let answer = self.answer(of: bench.pool.warmUp())
        bench.pass(.milliseconds(990))
        #expect(answer() == .none)
        bench.pass(.milliseconds(20))
        #expect(answer() == .failed("deadlineExceeded"))
        for handle in bench.factory.connecting { handle.connectFailed(FakeError()) }
        try bench.end()
    }

    @Test func failsWhenThePoolIsShutDown() throws {
        let bench = Bench(Self.configuration()) { $0.connects = .hold }
        let answer = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        let done = bench.pool.shutdown(deadline: bench.loop.now)
        bench.loop.run()
        #expect(answer() == .failed("shutdown"))
        for handle in bench.factory.connecting { handle.connectFailed(FakeError()) }
        bench.pass(.seconds(60))
        try done.wait()
        let late = self.answer(of: bench.pool.warmUp())
        bench.loop.run()
        #expect(late() == .failed("shutdown"))
    }

    @Test func failsWhenThePoolIsDropped() throws {
        let loop = EmbeddedEventLoop()
        let factory = ScriptedFactory()
        factory.connects = .hold
        nonisolated(unsafe) let unsafeFactory = factory // One thread.
        var pool: Pool<FakeResource>? = Pool(name: "dropped", group: loop, configuration: Self.configuration()) { _ in unsafeFactory }
        let answer = try self.answer(of: #require(pool).warmUp())
        loop.run()
        #expect(answer() == .none)
        pool = nil
        loop.run()
        #expect(answer() == .failed("shutdown"))
        for handle in factory.connecting { handle.connectFailed(FakeError()) }
    }

    /// Nothing is opened while it is suspended.
    @Test func waitsForASuspendedPoolToResume() throws {
        let bench = Bench(Self.configuration())
        bench.local.suspend()
        bench.local.evictAll()
        #expect(bench.factory.open.isEmpty)
        let answer = self.answer(of: bench.pool.warmUp())
        bench.pass(.seconds(20))
        #expect(answer() == .none)
        bench.local.resume()
        bench.loop.run()
        #expect(answer() == .warm)
        try bench.end()
    }
}
