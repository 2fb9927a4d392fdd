import NIOCore
import NIOEmbedded
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// The connection that all commands of a loop share, from its first connect to its end.
@Suite struct RedisLinkTests {
    @Test func allShareOneConnection() throws {
        let fixture = LinkFixture()
        fixture.factory.mode = .hold
        for key in 1...100 { fixture.get(UInt64(key)) }
        fixture.run()
        #expect(fixture.factory.attempts == 1)
        fixture.factory.release(.accept)
        fixture.run()
        #expect(try fixture.asked(0) == (1...100).map { "\($0)" })
        for key in 1...100 { try fixture.reply(0, "v\(key)") }
        #expect(fixture.events == (1...100).map { "\($0) v\($0)" })
        #expect(try fixture.statistics().leases == 1)
        try fixture.finish()
    }

    // MARK: Reconnects

    @Test func waitsForTheServerWithBackoffAndKeepsWhatWasNotSent() throws {
        let fixture = LinkFixture(pool: .patientLink)
        fixture.factory.mode = .refuse
        fixture.get(1)
        fixture.get(2, in: .seconds(2))
        fixture.run()
        #expect(fixture.factory.attempts == 1)
        fixture.advance(.milliseconds(900))
        #expect(fixture.factory.attempts == 1)
        fixture.advance(.milliseconds(200))
        #expect(fixture.factory.attempts == 2)
        // What comes meanwhile connects no sooner.
        for key in 3...9 { fixture.get(UInt64(key)) }
        fixture.advance(.seconds(1))
        #expect(fixture.factory.attempts == 2 && fixture.events == ["2 timeout"])
        fixture.factory.mode = .accept
        fixture.advance(.seconds(10))
        #expect(fixture.factory.attempts == 3)
        #expect(try fixture.asked(0) == ["1", "3", "4", "5", "6", "7", "8", "9"])
        try fixture.reply(0, "a", "c")
        #expect(fixture.events == ["2 timeout", "1 a", "3 c"])
        try fixture.finish()
    }

    @Test func repeatsWhatIsRepeatableAndNothingElse() throws {
        let fixture = LinkFixture()
        fixture.get(1)
        fixture.run()
        try fixture.reply(0, "a")
        #expect(try fixture.asked(0) == ["1"])
        fixture.get(2)
        fixture.send(.raw("GET", "3").repeatable(), tag: 3)
        fixture.run()
        fixture.get(4)
        fixture.lose(0)
        #expect(fixture.events == ["1 a", "2 connectionLost maybe run"])
        fixture.run()
        #expect(fixture.factory.attempts == 2)
        #expect(try fixture.asked(1) == ["3", "4"])
        try fixture.reply(1, "c", "d")
        #expect(fixture.events.dropFirst(2) == ["3 c", "4 d"])
        // Nothing waits: the next command connects.
        fixture.lose(1)
        fixture.run()
        #expect(fixture.factory.attempts == 2)
        fixture.get(5)
        fixture.run()
        #expect(try fixture.asked(2) == ["5"])
        let statistics = try fixture.statistics()
        #expect(statistics.leases == 3 && statistics.active == 1 && statistics.dropped == 0)
        try fixture.finish()
    }

    /// Asking again would break one connection after the other.
    @Test func aCommandWhoseReplyCannotBeReadIsNotRepeated() throws {
        let fixture = LinkFixture()
        for key in 1...3 { fixture.send(.raw("GET", "\(key)").repeatable(), tag: UInt64(key)) }
        fixture.run()
        try fixture.reply(0, "a")
        try fixture.factory.channels[0].writeInbound(ByteBuffer(string: "$99999999999\r\n"))
        #expect(fixture.events == ["1 a", "2 protocolViolation maybe run"])
        fixture.run()
        #expect(try fixture.asked(1) == ["3"])
        try fixture.reply(1, "c")
        #expect(fixture.events.last == "3 c")
        try fixture.finish()
    }

    @Test func aRepeatedCommandIsRepeatedUntilItsDeadline() throws {
        let fixture = LinkFixture(pool: .patientLink)
        fixture.send(.raw("GET", "1").repeatable(), tag: 1, in: .seconds(5))
        fixture.run()
        for channel in 0..<3 {
            #expect(try fixture.asked(channel) == ["1"])
            fixture.lose(channel)
            fixture.advance(.milliseconds(100))
        }
        fixture.factory.mode = .refuse
        fixture.lose(3)
        fixture.advance(.seconds(6))
        #expect(fixture.events == ["1 timeout maybe run"])
        try fixture.finish()
    }

    /// A command that ends whatever connection it is sent over.
    @Test func connectionsThatAnswerNothingAreNotMadeInACircle() throws {
        let fixture = LinkFixture()
        fixture.send(.raw("GET", "1").repeatable(), tag: 1, in: .seconds(60))
        fixture.run()
        var asked = 0
        for _ in 0..<10_000 {
            let last = fixture.factory.channels.count - 1
            if fixture.isOpen(last), try fixture.asked(last) == ["1"] {
                asked += 1
                fixture.lose(last)
            }
            fixture.advance(.milliseconds(1))
        }
        // At once, and then with rests of up to a second.
        #expect((10..<30).contains(asked))
        // An answer ends the rests.
        fixture.advance(.seconds(1))
        let last = fixture.factory.channels.count - 1
        try fixture.reply(last, "a")
        fixture.lose(last)
        fixture.get(2)
        fixture.run()
        #expect(try fixture.asked(last + 1) == ["2"])
        try fixture.finish()
    }

    @Test func anOpenCircuitFailsAtOnce() throws {
        var pool = PoolConfiguration.patientLink
        pool.circuitThreshold = 1
        let fixture = LinkFixture(pool: pool)
        fixture.factory.mode = .refuse
        fixture.get(1)
        fixture.run()
        #expect(fixture.events == ["1 noConnection"])
        fixture.get(2)
        #expect(fixture.events == ["1 noConnection", "2 noConnection"])
        #expect(fixture.factory.attempts == 1)
        // When it is time, one is let through.
        fixture.factory.mode = .accept
        fixture.advance(.seconds(5))
        fixture.get(3)
        fixture.run()
        try fixture.reply(0, "c")
        #expect(fixture.events.last == "3 c")
        try fixture.finish()
    }

    @Test func whatMayHaveRunSaysSoWhenTheCircuitOpens() throws {
        var pool = PoolConfiguration.patientLink
        pool.circuitThreshold = 1
        let fixture = LinkFixture(pool: pool)
        fixture.send(.raw("GET", "1").repeatable(), tag: 1)
        fixture.run()
        fixture.get(2)
        fixture.factory.mode = .refuse
        fixture.lose(0)
        fixture.run()
        #expect(fixture.events == ["1 noConnection maybe run", "2 noConnection"])
        try fixture.finish()
    }

    @Test func aConnectionThatWasClosedOnItsWayIsReplaced() throws {
        let fixture = LinkFixture()
        fixture.factory.mode = .acceptClosed
        fixture.get(1)
        fixture.factory.mode = .accept
        fixture.run()
        #expect(fixture.factory.attempts == 2)
        #expect(try fixture.asked(1) == ["1"])
        try fixture.reply(1, "a")
        #expect(fixture.events == ["1 a"])
        #expect(try fixture.statistics().active == 1)
        try fixture.finish()
    }

    // MARK: Health

    @Test func anIdleLinkIsAskedWhetherItLives() throws {
        let fixture = LinkFixture()
        fixture.get(1)
        fixture.run()
        try fixture.reply(0, "a")
        #expect(try fixture.asked(0) == ["1"])
        // The first look finds a reply since the connect; from then on each finds silence.
        fixture.advance(.milliseconds(30_050))
        for _ in 0..<3 {
            fixture.advance(.milliseconds(30_050))
            #expect(try fixture.asked(0) == ["PING"])
            try fixture.reply(0, "PONG")
            // That reply counts as a sign of life at the next look.
            fixture.advance(.milliseconds(30_050))
            #expect(try fixture.asked(0) == [])
        }
        fixture.advance(.milliseconds(30_050))
        #expect(try fixture.asked(0) == ["PING"])
        // It does not live: nobody has to find out by a command.
        fixture.advance(.seconds(6))
        #expect(!fixture.isOpen(0))
        fixture.get(2)
        fixture.run()
        #expect(try fixture.asked(1) == ["2"])
        #expect(fixture.events == ["1 a"])
        try fixture.finish()
    }

    @Test func aDeadLinkIsFoundBehindCommandsWithoutADeadline() throws {
        let fixture = LinkFixture()
        fixture.redis.send(.raw("GET", "1"), deadline: .distantFuture, tag: 1, to: fixture.receiver)
        fixture.run()
        fixture.advance(.seconds(31))
        fixture.advance(.seconds(6))
        #expect(fixture.events == ["1 connectionLost maybe run"])
        try fixture.finish()
    }

    @Test func reconnectsDoNotAddLooks() throws {
        let fixture = LinkFixture()
        for round in 0..<10 {
            fixture.get(UInt64(round))
            fixture.run()
            try fixture.reply(round, "v")
            if round < 9 { fixture.lose(round) }
            fixture.advance(.milliseconds(10))
        }
        #expect(try fixture.asked(9) == ["9"])
        fixture.advance(.seconds(31))
        var pings = 0
        for _ in 0..<31 {
            fixture.advance(.seconds(1))
            pings += try fixture.asked(9).count
            if pings == 1 { try? fixture.reply(9, "PONG") }
        }
        #expect(pings == 1)
        try fixture.finish()
    }

    @Test func theSharedConnectionIsNoLeak() throws {
        var pool = PoolConfiguration(maximum: 8)
        pool.leakDetection = LeakDetection(threshold: .seconds(10))
        var configuration = RedisConfiguration()
        configuration.keepAlive = nil
        let fixture = LinkFixture(configuration, pool: pool)
        fixture.get(1)
        fixture.run()
        try fixture.reply(0, "a")
        for _ in 0..<20 { fixture.advance(.seconds(10)) }
        let statistics = try fixture.statistics()
        #expect(statistics.leaks == 0 && statistics.active == 1)
        try fixture.finish()
        #expect(try fixture.statistics().dropped == 0)
    }

    // MARK: Several shared connections

    @Test func ticketsBelongToTheirConnection() throws {
        var configuration = RedisConfiguration()
        configuration.sharedConnections = 3
        let fixture = LinkFixture(configuration)
        let tickets = (0..<9).map { fixture.get(UInt64($0)) }
        fixture.run()
        #expect(fixture.factory.attempts == 3)
        for index in [1, 3, 8] {
            let ticket = try #require(tickets[index])
            #expect(fixture.redis.cancel(ticket) && !fixture.redis.cancel(ticket))
        }
        for channel in 0..<3 { for key in try fixture.asked(channel) { try fixture.reply(channel, "v" + key) } }
        fixture.run()
        for channel in 0..<3 { for key in try fixture.asked(channel) { try fixture.reply(channel, "v" + key) } }
        #expect(Set(fixture.events) == Set([0, 2, 4, 5, 6, 7].map { "\($0) v\($0)" }) && fixture.events.count == 6)
        try fixture.finish()
    }

    @Test func aFullConnectionIsPassedOver() throws {
        var configuration = RedisConfiguration()
        configuration.sharedConnections = 2
        configuration.maximumPending = 2
        let fixture = LinkFixture(configuration)
        for key in 0..<4 { fixture.get(UInt64(key)) }
        fixture.run()
        #expect(fixture.redis.isFull)
        try fixture.reply(1, "a", "b")
        #expect(!fixture.redis.isFull)
        for key in 4..<6 { fixture.get(UInt64(key)) }
        #expect(fixture.events.count == 2 && !fixture.events.contains { $0.hasSuffix("tooManyPending") })
        fixture.get(6)
        #expect(fixture.events.last == "6 tooManyPending")
        try fixture.finish()
    }

    @Test func commandsThatNeedALeaseAreRefused() throws {
        let fixture = LinkFixture()
        let commands = [
            ["BLPOP", "k", "0"], ["MULTI"], ["select", "1"], ["SUBSCRIBE", "c"], ["XREAD", "BLOCK", "0", "STREAMS", "s", "0"],
        ]
        for (index, words) in commands.enumerated() {
            fixture.send(.raw(words.map { ByteBuffer(string: $0) }), tag: UInt64(index))
        }
        #expect(fixture.events == commands.indices.map { "\($0) needsLease" })
        #expect(fixture.factory.attempts == 0)
        try fixture.finish()
    }
}
