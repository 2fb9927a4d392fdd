import NIOCore
import NIOEmbedded
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// How a loop's client ends: what waits is answered, and nothing is waited for in vain.
@Suite struct RedisDrainTests {
    @Test func drainAnswersWhatWaits() throws {
        let fixture = LinkFixture()
        fixture.get(1)
        fixture.run()
        fixture.get(2)
        let drained = fixture.drain(in: .seconds(30))
        fixture.get(3)
        #expect(fixture.events == ["3 shutdown"])
        fixture.run()
        try fixture.reply(0, "a")
        fixture.run()
        #expect(!drained.isSet)
        try fixture.reply(0, "b")
        fixture.run()
        #expect(drained.isSet && !fixture.isOpen(0))
        #expect(fixture.events == ["3 shutdown", "1 a", "2 b"])
        try fixture.finish()
        #expect(LoopContext.of(fixture.loop).deadlines.count == 0)
    }

    @Test func drainEndsAtItsDeadline() throws {
        let fixture = LinkFixture()
        fixture.get(1)
        fixture.run()
        fixture.factory.mode = .hold
        let drained = fixture.drain(in: .seconds(5))
        fixture.advance(.seconds(4))
        #expect(!drained.isSet)
        fixture.advance(.seconds(2))
        #expect(drained.isSet && fixture.events == ["1 shutdown maybe run"])
        try fixture.finish()
    }

    /// Whatever takes the last command away ends the drain.
    @Test(arguments: ["loss", "timeout", "cancel", "circuit"]) func drainEndsWithTheLastCommand(way: String) throws {
        var pool = PoolConfiguration.patientLink
        pool.circuitThreshold = 1
        let fixture = LinkFixture(pool: pool)
        if way == "circuit" { fixture.factory.mode = .hold }
        let ticket = fixture.get(1, in: .seconds(1))
        fixture.run()
        let drained = fixture.drain(in: .hours(1))
        #expect(!drained.isSet)
        switch way {
        case "loss": fixture.lose(0)
        case "timeout":
            // Its reply is due all the same, but nobody waits for it.
            fixture.advance(.seconds(2))
        case "cancel":
            #expect(fixture.redis.cancel(try #require(ticket)))
        default: fixture.factory.release(.refuse)
        }
        fixture.run()
        #expect(drained.isSet)
        #expect(fixture.events.count == (way == "cancel" ? 0 : 1))
        try fixture.finish()
    }

    @Test func drainRepeatsToo() throws {
        let fixture = LinkFixture()
        fixture.send(.raw("GET", "1").repeatable(), tag: 1)
        fixture.run()
        let drained = fixture.drain(in: .seconds(30))
        fixture.lose(0)
        fixture.run()
        #expect(try fixture.asked(1) == ["1"])
        try fixture.reply(1, "a")
        fixture.run()
        #expect(drained.isSet && fixture.events == ["1 a"])
        try fixture.finish()
    }

    @Test func nothingHoldsWhatHasEnded() throws {
        weak var pipeline: RedisPipeline?
        weak var redis: LocalRedis?
        weak var connection: RedisConnection?
        do {
            let fixture = LinkFixture()
            fixture.get(1)
            fixture.run()
            try fixture.reply(0, "a")
            fixture.get(2)
            fixture.run()
            pipeline = fixture.redis.firstPipeline
            redis = fixture.redis
            connection = pipeline?.connection
            #expect(connection != nil)
            // The look at the link finds it dead in the middle of the drain.
            let drained = fixture.drain(in: .hours(1))
            fixture.advance(.minutes(2))
            #expect(drained.isSet)
            try fixture.finish()
        }
        #expect(pipeline == nil && redis == nil && connection == nil)
    }
}
