import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// Many subscribers on several loops, through a proxy that cuts, of a Redis that kills: each hears what it has subscribed to and nothing
/// else, in order, without duplicates and, from one interruption to the next, without gaps.
@Suite(.enabled(if: TestServer.realURL != nil && OwnRedis.program != nil, "needs WEIR_REDIS_URL and a redis-server"), .serialized)
struct SubscriptionSoakTests {
    /// Messages in all; `WEIR_REDIS_SOAK` sets another number.
    private static let messages = ProcessInfo.processInfo.environment["WEIR_REDIS_SOAK"].flatMap { Int($0) } ?? 20_000
    /// `WEIR_REDIS_SOAK_SEED` repeats the choices of a run.
    private static let seed =
        ProcessInfo.processInfo.environment["WEIR_REDIS_SOAK_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64(UInt32.max))
    private static let rounds = 10
    private static let limit = TimeAmount.seconds(60)

    @Test(arguments: [RESPVersion.resp2, .resp3]) func everyoneHearsItsOwn(version: RESPVersion) async throws {
        let own = try await OwnRedis.start()
        let proxy = try await FaultProxy.start(on: testGroup, to: own.address).get()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var pool = PoolConfiguration(maximum: 16)
        pool.backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(20), multiplier: 2, jitter: .equal)
        pool.overload = nil
        var configuration = RedisConfiguration.patient
        configuration.version = version
        // Pings among the answers.
        configuration.keepAlive = .milliseconds(10)
        let redis = RedisPool(
            url: RedisURL(host: "127.0.0.1", port: proxy.port), group: group, configuration: configuration, pool: pool)
        let publishers = RedisPool(url: own.url, group: group, configuration: .patient, pool: pool)
        let loops = Array(group.makeIterator())

        let names = (0..<8).map { "soak:\($0)" }
        let targets = names.flatMap { [SoakTarget(kind: .channel, name: $0), SoakTarget(kind: .shard, name: $0)] }
        let topics: [RedisTopic] =
            names.flatMap { [.channel($0), .shard($0)] }
            + ["soak:*", "soak:[0123]", "soak:[4567]", "soak:[0246]", "soak:[5]"].map { .pattern($0) }
        let seed = Self.seed
        let disturb: @Sendable (Int) -> Void = { Self.disturb($0, proxy, publishers, loops[0]) }
        let drivers = try await loops.enumerated().asyncMap { index, loop in
            try await loop.submit {
                NIOLoopBound(
                    SubscriptionSoakDriver(
                        redis[loop], publisher: publishers[loop], targets: targets.filter { Int(String($0.name.last!))! % 2 == index },
                        topics: topics, seed: seed &+ UInt64(index), disturb: disturb), eventLoop: loop)
            }.get()
        }

        for round in 0..<Self.rounds {
            let count = Self.messages / Self.rounds / loops.count
            for future in drivers.map({ driver in driver.eventLoop.flatSubmit { driver.value.run(messages: count) } }) {
                try await future.get()
            }
            // Now in peace: who is subscribed hears again.
            try await proxy.update { $0 = FaultProxy.Faults() }.get()
            try await Self.eventually("all confirmed, round \(round)", drivers) { $0.areConfirmed ? 0 : 1 }
            let published = try await Self.publishEverywhere(drivers)
            let looks = NIOLockedValueBox(0)
            try await Self.eventually("all have heard, round \(round)", drivers) { driver in
                // Again and again: a connection may have been lost that was not known to be.
                looks.withLockedValue { $0 += 1 }
                if looks.withLockedValue({ $0 }) % 101 == 0 { _ = driver.publishEverywhere() }
                return driver.unheard(published)
            }
        }
        for driver in drivers { try await driver.eventLoop.submit { driver.value.leaveAll() }.get() }
        try await Self.eventually("no topic remains", drivers) { $0.entries }
        try await Self.eventually("no listener remains", drivers) { $0.remaining }

        var tallies: [SubscriptionSoakDriver.Tally] = []
        for driver in drivers { tallies.append(try await driver.eventLoop.submit { driver.value.tally }.get()) }
        let statistics = try await redis.connections.statistics().get()
        print("subscription soak: seed \(seed), \(tallies), \(statistics.connects) connects")
        for tally in tallies {
            #expect(tally.violations == [], "WEIR_REDIS_SOAK_SEED=\(seed)")
            #expect(tally.messages > tally.published / 10 && tally.interruptions > 0, "WEIR_REDIS_SOAK_SEED=\(seed)")
        }
        #expect(statistics.leaks == 0)
        try await Self.eventually("no connection remains leased") { try await redis.connections.statistics().get().active }
        try await Self.eventually("the server has no subscription") {
            let clients = try await own.ask("CLIENT", "LIST").bytes.map { String(buffer: $0) } ?? ""
            return clients.split(separator: "\n").count { !$0.contains(" sub=0 ") || !$0.contains(" psub=0 ") || !$0.contains(" ssub=0 ") }
        }
        try await redis.shutdown(deadline: .now() + .seconds(30)).get()
        try await publishers.shutdown(deadline: .now() + .seconds(30)).get()
        try await proxy.shutdown().get()
        try await group.shutdownGracefully()
        await own.crash()
    }

    private static func disturb(_ number: Int, _ proxy: FaultProxy, _ control: RedisPool, _ loop: any EventLoop) {
        switch number % 12 {
        case 0...1: loop.execute { _ = control[loop].send(.raw("CLIENT", "KILL", "TYPE", "pubsub")) as EventLoopFuture<RESPFrame> }
        case 2: _ = proxy.update { $0.cutAfterReplyBytes = number % 997 }
        case 3:
            _ = proxy.update {
                $0.cut = .finish
                $0.cutAfterReplyBytes = number % 4999
            }
        case 4: _ = proxy.update { $0.admission = .refuse }
        case 5: _ = proxy.update { $0.stallsReplies = true }
        case 6: _ = proxy.update { $0.stallsRequests = true }
        default: _ = proxy.update { $0 = FaultProxy.Faults() }
        }
    }

    private static func publishEverywhere(_ drivers: [NIOLoopBound<SubscriptionSoakDriver>]) async throws -> [SoakTarget: Int] {
        var all: [SoakTarget: Int] = [:]
        for driver in drivers {
            all.merge(try await driver.eventLoop.submit { driver.value.publishEverywhere() }.get()) { first, _ in first }
        }
        return all
    }

    private static func eventually(
        _ what: String, _ drivers: [NIOLoopBound<SubscriptionSoakDriver>],
        _ count: @escaping @Sendable (SubscriptionSoakDriver) -> Int
    ) async throws {
        do {
            try await self.eventually(what) {
                var sum = 0
                for driver in drivers { sum += try await driver.eventLoop.submit { count(driver.value) }.get() }
                return sum
            }
        } catch {
            for driver in drivers {
                print(try await driver.eventLoop.submit { driver.value.state }.get())
                // On its loop, before the driver is let go of somewhere else.
                try await driver.eventLoop.submit { driver.value.leaveAll() }.get()
            }
            throw error
        }
    }

    /// Only a hang reaches the limit.
    private static func eventually(_ what: String, _ count: () async throws -> Int) async throws {
        let deadline = NIODeadline.now() + self.limit
        while case let left = try await count(), left > 0 {
            try #require(NIODeadline.now() < deadline, "\(left) left of: \(what); WEIR_REDIS_SOAK_SEED=\(self.seed)")
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var all: [Result] = []
        for element in self { all.append(try await transform(element)) }
        return all
    }
}
