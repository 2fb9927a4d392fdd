import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import WeirCore

@testable import WeirPool

@Suite struct ConfigurationTests {
    private func error(loops: Int = 2, _ change: (inout PoolConfiguration) -> Void) -> PoolConfigurationError? {
        var configuration = PoolConfiguration(maximum: 8)
        change(&configuration)
        do {
            try configuration.validate(loops: loops)
            return nil
        } catch {
            return error
        }
    }

    @Test func whatMakesSenseIsAccepted() {
        #expect(self.error { _ in } == nil)
        #expect(self.error(loops: 8) { _ in } == nil)
        #expect(self.error { $0.minimumIdle = 4 } == nil)
        #expect(self.error { $0.acquireTimeout = .zero } == nil, "try only")
        #expect(self.error { $0.validateAfterIdle = .zero } == nil, "always check")
        let never = self.error {
            ($0.idleTimeout, $0.maximumLifetime, $0.keepAlive, $0.validateAfterIdle, $0.overload) = (nil, nil, nil, nil, nil)
        }
        #expect(never == nil)
        let longest = self.error {
            ($0.idleTimeout, $0.maximumLifetime, $0.acquireTimeout) = (Change.decade, Change.decade, Change.decade)
        }
        #expect(longest == nil)
        let waitersOnly = self.error {
            $0.maximumWaiters = 0; $0.minimumIdle = 1
        }
        #expect(waitersOnly == nil, "whoever comes takes what is ready or goes")
    }

    @Test(arguments: [
        Change("maximum") { $0.maximum = 0 },
        Change("maximum") { $0.maximum = .max },
        Change("size") { $0.size = 0 },
        Change("size") { $0.size = 1 << 25 },
        Change("overflow") { $0.overflow = -1 },
        Change("overflow") { $0.overflow = .max },
        Change("minimumIdle") { $0.minimumIdle = -1 },
        Change("maximumWaiters") { $0.maximumWaiters = -1 },
        Change("maximumWaiters") { $0.maximumWaiters = .max },
        Change("maximumConcurrentConnects") { $0.maximumConcurrentConnects = 0 },
        Change("circuitThreshold") { $0.circuitThreshold = 0 },
        Change("lifetimeJitter") { $0.lifetimeJitter = 1.1 },
        Change("lifetimeJitter") { $0.lifetimeJitter = -0.1 },
        Change("lifetimeJitter") { $0.lifetimeJitter = .nan },
        Change("leakDetection.level.backtrace.oneIn") { $0.leakDetection.level = .backtrace(oneIn: 0) },
        Change("acquireTimeout") { $0.acquireTimeout = .nanoseconds(-1) },
        Change("acquireTimeout") { $0.acquireTimeout = Change.tooLong },
        Change("connectTimeout") { $0.connectTimeout = .zero },
        Change("connectTimeout") { $0.connectTimeout = Change.tooLong },
        Change("backoff.maximum") { $0.backoff = Backoff(maximum: Change.tooLong) },
        Change("idleTimeout") { $0.idleTimeout = .zero },
        Change("idleTimeout") { $0.idleTimeout = Change.tooLong },
        Change("maximumLifetime") { $0.maximumLifetime = .zero },
        Change("maximumLifetime") { $0.maximumLifetime = Change.tooLong },
        Change("keepAlive") { $0.keepAlive = .zero },
        Change("keepAlive") { $0.keepAlive = Change.tooLong },
        Change("validateAfterIdle") { $0.validateAfterIdle = .nanoseconds(-1) },
        Change("validateAfterIdle") { $0.validateAfterIdle = Change.tooLong },
        Change("validationTimeout") { $0.validationTimeout = .zero },
        Change("validationTimeout") { $0.validationTimeout = Change.tooLong },
        Change("closeTimeout") { $0.closeTimeout = .zero },
        Change("closeTimeout") { $0.closeTimeout = Change.tooLong },
        Change("overload.target") { $0.overload = OverloadPolicy(target: .zero) },
        Change("overload.interval") { $0.overload = OverloadPolicy(interval: Change.tooLong) },
        Change("leakDetection.threshold") { $0.leakDetection.threshold = .zero },
    ])
    fileprivate func aValueOutsideItsBoundsIsNamed(change: Change) {
        let error = self.error(change.make)
        #expect(error?.code == .outOfBounds)
        #expect(error?.message.hasPrefix("\(change.property) is ") == true, "\(error?.message ?? "accepted")")
    }

    @Test func tooFewForTheLoops() {
        let tooFew = self.error(loops: 9) { _ in }
        #expect(tooFew?.code == .maximumTooSmall)
        #expect(tooFew?.message == "maximum is 8, less than the 9 loops, which have one each")
        let tooManyIdle = self.error(loops: 3) { $0.minimumIdle = 3 }
        #expect(tooManyIdle?.code == .maximumTooSmall)
        #expect(tooManyIdle?.message == "maximum is 8, too few for 3 loops that hold a minimumIdle of 3 each")
        #expect(self.error(loops: 0) { _ in }?.code == .outOfBounds)
    }

    @Test func valuesThatDoNotGoTogether() {
        let tooManyIdle = self.error {
            $0.size = 2; $0.minimumIdle = 3
        }
        #expect(tooManyIdle?.code == .contradiction)
        #expect(tooManyIdle?.message == "minimumIdle is 3, more than the size of 2")
        let nothingEver = self.error { $0.maximumWaiters = 0 }
        #expect(nothingEver?.code == .contradiction)
        #expect(nothingEver?.description.hasPrefix("PoolConfigurationError.contradiction: maximumWaiters and minimumIdle are 0") == true)
        #expect(nothingEver?.shortDescription == "contradiction")
        #expect(nothingEver?.cause == nil)
    }

    @Test func aPoolThatCannotBeStopsTheProcessWithTheReason() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
            _ = Pool<Thing>(name: "small", group: group, configuration: PoolConfiguration(maximum: 2)) { _ in ThingFactory(OpenCount()) }
        }
        let text = String(decoding: try #require(result?.standardErrorContent), as: UTF8.self)
        #expect(text.contains("pool small: maximum is 2, less than the 3 loops, which have one each"))
    }
}

/// Breaks one property of a configuration that makes sense.
private struct Change: Sendable, CustomTestStringConvertible {
    static let decade = TimeAmount.hours(10 * 365 * 24)
    static let tooLong = TimeAmount.nanoseconds(decade.nanoseconds + 1)

    let property: String
    let make: @Sendable (inout PoolConfiguration) -> Void
    var testDescription: String { self.property }

    init(_ property: String, _ make: @escaping @Sendable (inout PoolConfiguration) -> Void) {
        self.property = property
        self.make = make
    }
}
