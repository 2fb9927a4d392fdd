import NIOCore
import NIOEmbedded
import Testing
import WeirCore
import WeirRESP

@testable import WeirRedis

/// One connection without a network, under virtual time.
@Suite struct RedisConnectionTests {
    private static let ping = PipelineFixture.ping

    @Test func commandsOfOnePassShareAWrite() throws {
        let fixture = try PipelineFixture()
        fixture.send(1, 2, 3)
        #expect(try fixture.written() == [])
        fixture.run()
        #expect(try fixture.written() == [Self.ping + Self.ping + Self.ping])
        try fixture.receive("+a\r\n+b\r\n+c\r\n")
        #expect(fixture.events == ["1 a", "2 b", "3 c"])
        // What replies ask for shares the next one.
        fixture.receiver.then = { tag in if tag < 6 { fixture.send(tag + 10) } }
        fixture.send(4, 5)
        fixture.run()
        #expect(try fixture.written() == [Self.ping + Self.ping])
        try fixture.receive("+d\r\n+e\r\n")
        fixture.run()
        #expect(try fixture.written() == [Self.ping + Self.ping])
        fixture.finish()
    }

    // MARK: Loss

    @Test func lossFailsEachOnceAndSaysWhatMayHaveRun() throws {
        let fixture = try PipelineFixture()
        fixture.send(1, 2)
        fixture.run()
        try fixture.receive("+a\r\n")
        fixture.send(3)
        // The third is still in the buffer of this pass.
        fixture.channel.pipeline.fireChannelInactive()
        fixture.run()
        #expect(fixture.events == ["1 a", "2 connectionLost maybe run", "3 connectionLost"])
        fixture.send(4)
        #expect(fixture.events.last == "4 connectionLost")
        #expect(!fixture.connection.isUsable)
        fixture.finish()
    }

    @Test func aHundredInFlightFailOnceEach() throws {
        let fixture = try PipelineFixture()
        for tag in 1...100 { fixture.send(UInt64(tag)) }
        fixture.run()
        for tag in 101...110 { fixture.send(UInt64(tag)) }
        // Whoever is told may ask again, in vain.
        fixture.receiver.then = { tag in if tag == 7 { fixture.send(1007) } }
        fixture.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        fixture.run()
        fixture.advance(.seconds(60))
        var expected = (1...100).map { "\($0) connectionLost maybe run" } + (101...110).map { "\($0) connectionLost" }
        expected.insert("1007 connectionLost", at: 7)
        #expect(fixture.events == expected)
        #expect(fixture.connection.loopContext.deadlines.count == 0)
        fixture.finish()
    }

    /// A write that fails may close the channel before it returns.
    @Test func lossInsideTheWrite() throws {
        final class Breaker: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
                context.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
            }
        }
        let fixture = try PipelineFixture()
        try fixture.channel.pipeline.syncOperations.addHandler(Breaker(), position: .first)
        fixture.receiver.then = { tag in if tag == 1 { fixture.send(11) } }
        fixture.send(1, 2)
        fixture.run()
        #expect(fixture.events == ["1 connectionLost maybe run", "11 connectionLost", "2 connectionLost maybe run"])
        fixture.finish()
    }

    // MARK: Deadlines

    @Test func aCommandTimesOutAloneAndItsLateReplyIsNobodys() throws {
        let fixture = try PipelineFixture()
        fixture.send(1, deadline: .seconds(20))
        fixture.send(2, deadline: .seconds(1))
        fixture.send(3, deadline: .seconds(20))
        fixture.run()
        fixture.advance(.milliseconds(999))
        #expect(fixture.events == [])
        fixture.advance(.milliseconds(3))
        #expect(fixture.events == ["2 timeout maybe run"])
        #expect(fixture.connection.isUsable && fixture.connection.pendingCount == 3)
        try fixture.receive("+a\r\n+late\r\n+c\r\n")
        #expect(fixture.events == ["2 timeout maybe run", "1 a", "3 c"])
        #expect(fixture.connection.pendingCount == 0)
        fixture.finish()
    }

    @Test func deadlineOfAnAnsweredCommandDoesNothing() throws {
        let fixture = try PipelineFixture()
        fixture.send(1, deadline: .seconds(1))
        fixture.run()
        try fixture.receive("+a\r\n")
        #expect(fixture.connection.loopContext.deadlines.count == 0)
        fixture.advance(.seconds(5))
        #expect(fixture.connection.isUsable)
        #expect(fixture.events == ["1 a"])
        fixture.finish()
    }

    @Test func deadlineInThePastIsRefusedUnsent() throws {
        let fixture = try PipelineFixture()
        #expect(fixture.send(1, deadline: .zero) == [nil])
        #expect(fixture.send(2, deadline: .seconds(-1)) == [nil])
        fixture.run()
        #expect(fixture.events == ["1 timeout", "2 timeout"])
        #expect(try fixture.written() == [])
        fixture.finish()
    }

    @Test func silenceClosesWithTheCommandWhoseTimeIsUp() throws {
        let fixture = try PipelineFixture(stallTimeout: .seconds(5))
        fixture.send(1, deadline: .seconds(60))
        fixture.send(2, deadline: .seconds(4))
        fixture.send(3, deadline: .seconds(6))
        fixture.run()
        fixture.advance(.milliseconds(4100))
        #expect(fixture.events == ["2 timeout maybe run"] && fixture.connection.isUsable)
        fixture.advance(.milliseconds(2000))
        #expect(fixture.events == ["2 timeout maybe run", "1 connectionLost maybe run", "3 timeout maybe run"])
        #expect(!fixture.connection.isUsable && !fixture.channel.isActive)
        fixture.finish()
    }

    @Test func anythingTheServerSaysIsASignOfLife() throws {
        let fixture = try PipelineFixture(stallTimeout: .seconds(5))
        fixture.send(1, deadline: .seconds(6))
        fixture.run()
        fixture.advance(.seconds(3))
        try fixture.receive("$1000\r\nab")
        fixture.advance(.milliseconds(3100))
        #expect(fixture.events == ["1 timeout maybe run"] && fixture.connection.isUsable)
        // Idle time is no silence: it counts from the command on.
        try fixture.receive(String(repeating: "c", count: 998) + "\r\n")
        fixture.advance(.seconds(100))
        fixture.send(2, deadline: .seconds(1))
        fixture.run()
        fixture.advance(.seconds(2))
        #expect(fixture.events.last == "2 timeout maybe run" && fixture.connection.isUsable)
        fixture.finish()
    }

    // MARK: Cancellation

    @Test(arguments: 1...6) func cancelledCommandsKeepTheirPlaces(count: Int) throws {
        for cancelled in 0..<(1 << count) {
            let fixture = try PipelineFixture()
            let tickets = (1...count).map { fixture.send(UInt64($0))[0] }
            fixture.run()
            let chosen = (0..<count).filter { cancelled & 1 << $0 != 0 }
            for index in chosen {
                let ticket = try #require(tickets[index])
                #expect(fixture.connection.cancel(ticket))
                #expect(!fixture.connection.cancel(ticket))
            }
            try fixture.receive((1...count).map { "+\($0)\r\n" }.joined())
            #expect(fixture.events == (1...count).filter { !chosen.contains($0 - 1) }.map { "\($0) \($0)" })
            #expect(fixture.connection.isUsable && fixture.connection.pendingCount == 0)
            #expect(fixture.connection.loopContext.deadlines.count == 0)
            fixture.send(9)
            fixture.run()
            try fixture.receive("+own\r\n")
            #expect(fixture.events.last == "9 own")
            fixture.finish()
        }
    }

    @Test func whatIsCancelledInItsPassIsNotSent() throws {
        let fixture = try PipelineFixture()
        let tickets = fixture.send(1, 2, 3)
        #expect(fixture.connection.cancel(try #require(tickets[0])))
        #expect(fixture.connection.cancel(try #require(tickets[2])))
        fixture.run()
        #expect(try fixture.written() == [Self.ping])
        try fixture.receive("+b\r\n")
        #expect(fixture.events == ["2 b"] && fixture.connection.pendingCount == 0)
        fixture.finish()
    }

    // MARK: What nobody asked for

    @Test func pushesAreNoReplies() throws {
        let fixture = try PipelineFixture()
        var pushes = 0
        fixture.connection.onPush = { _ in pushes += 1 }
        fixture.send(1, 2)
        fixture.run()
        try fixture.receive(">1\r\n+invalidate\r\n+a\r\n>1\r\n+invalidate\r\n+b\r\n>1\r\n+invalidate\r\n")
        #expect(fixture.events == ["1 a", "2 b"] && pushes == 3)
        #expect(fixture.connection.isUsable)
        fixture.finish()
    }

    @Test func replyWithoutARequestCloses() throws {
        let fixture = try PipelineFixture()
        try fixture.receive("+OK\r\n")
        #expect(!fixture.connection.isUsable && !fixture.channel.isActive)
        fixture.finish()
    }

    @Test func oneReplyTooManyClosesAndTheOthersCount() throws {
        let fixture = try PipelineFixture()
        fixture.send(1)
        fixture.run()
        fixture.send(2)
        // The second has not been sent: the second reply cannot be its.
        try fixture.receive("+a\r\n+poison\r\n+more\r\n")
        #expect(fixture.events == ["1 a", "2 protocolViolation"])
        #expect(!fixture.connection.isUsable)
        fixture.finish()
    }

    @Test func whoClosesInItsReplyGetsNoOther() throws {
        let fixture = try PipelineFixture()
        fixture.receiver.then = { tag in if tag == 1 { fixture.connection.close() } }
        fixture.send(1, 2)
        fixture.run()
        try fixture.receive("+a\r\n+b\r\n")
        #expect(fixture.events == ["1 a", "2 connectionLost maybe run"])
        fixture.finish()
    }

    @Test func commandsThatBreakTheOrderAreRefused() throws {
        let fixture = try PipelineFixture()
        for (index, words) in [["SUBSCRIBE", "c"], ["monitor"], ["Client", "reply", "OFF"], ["PSYNC", "?", "-1"]].enumerated() {
            fixture.send(.raw(words.map { ByteBuffer(string: $0) }), tag: UInt64(index))
        }
        fixture.run()
        #expect(fixture.events == (0..<4).map { "\($0) notSupported" })
        #expect(try fixture.written() == [])
        fixture.finish()
    }
}
