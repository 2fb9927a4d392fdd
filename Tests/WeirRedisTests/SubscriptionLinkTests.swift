import NIOCore
import NIOEmbedded
import Testing
import WeirPool
import WeirRESP

@testable import WeirRedis

/// The connection of the subscriptions under virtual time: when it says what.
@Suite struct SubscriptionLinkTests {
    /// With a connection that has confirmed one channel.
    private static func subscribed(_ topics: RedisTopic...) throws -> (LinkFixture, SubscriptionEvents, RedisSubscription) {
        var configuration = RedisConfiguration()
        configuration.keepAlive = nil
        let fixture = LinkFixture(configuration, pool: .patientLink)
        let events = SubscriptionEvents()
        let subscription = try fixture.redis.subscribe(events, to: topics)
        fixture.run()
        for topic in topics {
            let name = String(buffer: topic.name)
            try fixture.says(ServerSays.push(topic.kind == .shard ? "ssubscribe" : "subscribe", name, "1"))
        }
        #expect(events.events.count == topics.count)
        _ = try fixture.asked(0)
        return (fixture, events, subscription)
    }

    @Test func nothingIsWrittenWhileTheSocketTakesNothing() throws {
        let (fixture, events, first) = try Self.subscribed(.channel("a"))
        fixture.setWritable(false)
        let second = try fixture.redis.subscribe(events, to: [.channel("b")])
        let third = try fixture.redis.subscribe(events, to: [.channel("c")])
        fixture.run()
        first.end()
        second.end()
        fixture.run()
        #expect(try fixture.asked(0) == [])
        fixture.setWritable(true)
        fixture.run()
        #expect(try fixture.asked(0) == ["UNSUBSCRIBE", "SUBSCRIBE"])
        #expect(third.topics == [.channel("c")])
        try fixture.finish()
    }

    @Test func whatOnePassGivesUpAndTakesAgainIsNotSaid() throws {
        let (fixture, events, first) = try Self.subscribed(.channel("a"))
        for _ in 0..<1000 { try fixture.redis.subscribe(events, to: [.channel("b")]).end() }
        // The last one goes, another comes.
        first.end()
        let again = try fixture.redis.subscribe(events, to: [.channel("a")])
        fixture.run()
        #expect(try fixture.asked(0) == [])
        #expect(events.events == ["subscribed a", "subscribed a"])
        again.end()
        fixture.run()
        #expect(!fixture.isOpen(0) && fixture.factory.attempts == 1)
        try fixture.finish()
    }

    @Test func whatIsTakenAwayAgainAndAgainIsAskedForEverLater() throws {
        let (fixture, events, subscription) = try Self.subscribed(.shard("s"), .shard("other"))
        for seconds in [1, 2, 4, 4] as [Int64] {
            try fixture.says(ServerSays.push("sunsubscribe", "s", "0"))
            fixture.advance(.seconds(seconds) - .milliseconds(200))
            #expect(try fixture.asked(0) == [], "before \(seconds) s")
            fixture.advance(.milliseconds(400))
            #expect(try fixture.asked(0) == ["SSUBSCRIBE"], "after \(seconds) s")
            try fixture.says(ServerSays.push("ssubscribe", "s", "2"))
        }
        #expect(Array(events.events.dropFirst(2)) == [[String]](repeating: ["unsubscribed s", "subscribed s"], count: 4).flatMap { $0 })
        // It has stayed for long: as if for the first time.
        fixture.advance(.seconds(60))
        try fixture.says(ServerSays.push("sunsubscribe", "s", "0"))
        fixture.advance(.milliseconds(1200))
        #expect(try fixture.asked(0) == ["SSUBSCRIBE"])
        subscription.end()
        try fixture.finish()
    }

    @Test func whatIsTakenAwayAndNotWantedAnyMoreIsNotAskedFor() throws {
        let (fixture, events, subscription) = try Self.subscribed(.shard("s"))
        let other = try fixture.redis.subscribe(events, to: [.channel("a")])
        fixture.run()
        try fixture.says(ServerSays.push("subscribe", "a", "1"))
        try fixture.says(ServerSays.push("sunsubscribe", "s", "0"))
        subscription.end()
        _ = try fixture.asked(0)
        fixture.advance(.seconds(10))
        #expect(try fixture.asked(0) == [])
        // `a`.
        #expect(fixture.redis.subscriptions.entries == 1)
        other.end()
        fixture.run()
        #expect(fixture.redis.subscriptions.entries == 0)
        try fixture.finish()
    }

    /// One that does not say what it does then is told of an interruption.
    @Test func aLossIsAnInterruptionUnlessOneKnowsBetter() throws {
        final class Plain: RedisSubscriber {
            var codes: [RedisError.Code] = []
            func redisSubscribed(to topic: RedisTopic) {}
            func redisMessage(_ message: RedisMessage) {}
            func redisInterrupted(_ error: RedisError) { self.codes.append(error.code) }
            func redisSubscriptionEnded(_ error: RedisError) {}
        }
        let (fixture, _, first) = try Self.subscribed(.channel("a"))
        let plain = Plain()
        let second = try fixture.redis.subscribe(plain, to: [.channel("a")])
        try fixture.says(ServerSays.push("unsubscribe", "a", "0"))
        #expect(plain.codes == [.unsubscribed])
        first.end()
        second.end()
        try fixture.finish()
    }

    @Test func joiningATopicIsAllowedWhenThereAreAsManyAsAreAllowed() throws {
        var configuration = RedisConfiguration()
        configuration.maximumSubscriptions = 1
        let fixture = LinkFixture(configuration, pool: .patientLink)
        let events = SubscriptionEvents()
        let first = try fixture.redis.subscribe(events, to: [.channel("a")])
        let second = try fixture.redis.subscribe(events, to: [.channel("a")])
        let error = #expect(throws: RedisError.self) { _ = try fixture.redis.subscribe(events, to: [.channel("b")]) }
        #expect(error?.code == .tooManyPending)
        first.end()
        second.end()
        try fixture.finish()
    }
}

extension LinkFixture {
    func says(_ bytes: String) throws {
        try self.factory.channels[0].writeInbound(ByteBuffer(string: bytes))
        self.run()
    }

    func setWritable(_ isWritable: Bool) {
        self.factory.channels[0].isWritable = isWritable
        self.factory.channels[0].pipeline.fireChannelWritabilityChanged()
    }
}
