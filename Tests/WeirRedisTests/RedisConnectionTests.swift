import NIOCore
import NIOEmbedded
import Testing
import WeirCore
import WeirRESP
import WeirRedis

/// One connection without a network, under virtual time.
@Suite struct RedisConnectionTests {
    private final class Receiver: RedisReplyReceiver {
        var events: [String] = []

        func redisReplied(_ reply: RESPValue, tag: UInt64) { self.events.append("\(tag) \(reply.bytes.map { String(buffer: $0) } ?? "?")") }

        func redisFailed(_ error: RedisError, tag: UInt64) {
            self.events.append("\(tag) \(error.code)\(error.mayHaveRun ? " maybe run" : "")")
        }
    }

    private struct Fixture {
        let channel = EmbeddedChannel()
        let connection: RedisConnection
        let receiver = Receiver()

        init(maximumPending: Int = 1024) throws {
            self.connection = RedisConnection(loopContext: LoopContext.of(self.channel.eventLoop), maximumPending: maximumPending)
            try self.channel.pipeline.syncOperations.addHandlers(ByteToMessageHandler(RESPDecoder()), self.connection)
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func send(_ tags: UInt64..., deadline: TimeAmount = .seconds(10)) {
            for tag in tags { self.connection.send(.ping, deadline: self.channel.eventLoop.now + deadline, tag: tag, to: self.receiver) }
        }

        func run() { self.channel.embeddedEventLoop.run() }
        func receive(_ text: String) throws { try self.channel.writeInbound(ByteBuffer(string: text)) }
        func written() throws -> [String] {
            var all: [String] = []
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { all.append(String(buffer: bytes)) }
            return all
        }
    }

    private static let ping = "*1\r\n$4\r\nPING\r\n"

    @Test func commandsOfOnePassShareAWrite() throws {
        let fixture = try Fixture()
        fixture.send(1, 2, 3)
        #expect(try fixture.written() == [])
        fixture.run()
        #expect(try fixture.written() == [Self.ping + Self.ping + Self.ping])
        try fixture.receive("+a\r\n+b\r\n+c\r\n")
        #expect(fixture.receiver.events == ["1 a", "2 b", "3 c"])
        _ = try fixture.channel.finish()
    }

    @Test func lossFailsEachOnceAndSaysWhatMayHaveRun() throws {
        let fixture = try Fixture()
        fixture.send(1, 2)
        fixture.run()
        try fixture.receive("+a\r\n")
        fixture.send(3)
        // The third is still in the buffer of this pass.
        fixture.channel.pipeline.fireChannelInactive()
        fixture.run()
        #expect(fixture.receiver.events == ["1 a", "2 connectionLost maybe run", "3 connectionLost"])
        fixture.send(4)
        #expect(fixture.receiver.events.last == "4 connectionLost")
        #expect(!fixture.connection.isUsable)
        _ = try? fixture.channel.finish()
    }

    @Test func deadlineClosesAndFailsTheOthersToo() throws {
        let fixture = try Fixture()
        fixture.send(1, deadline: .seconds(5))
        fixture.send(2, deadline: .seconds(1))
        fixture.run()
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(fixture.receiver.events == [])
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(3))
        #expect(fixture.receiver.events == ["1 connectionLost maybe run", "2 timeout maybe run"])
        #expect(!fixture.channel.isActive)
        _ = try? fixture.channel.finish()
    }

    @Test func deadlineOfAnAnsweredCommandDoesNothing() throws {
        let fixture = try Fixture()
        fixture.send(1, deadline: .seconds(1))
        fixture.run()
        try fixture.receive("+a\r\n")
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(fixture.connection.isUsable)
        #expect(fixture.receiver.events == ["1 a"])
        _ = try fixture.channel.finish()
    }

    @Test func pushesAreNoReplies() throws {
        let fixture = try Fixture()
        fixture.send(1, 2)
        fixture.run()
        try fixture.receive(">1\r\n+invalidate\r\n+a\r\n>1\r\n+invalidate\r\n+b\r\n>1\r\n+invalidate\r\n")
        #expect(fixture.receiver.events == ["1 a", "2 b"])
        #expect(fixture.connection.isUsable)
        _ = try fixture.channel.finish()
    }

    @Test func replyWithoutARequestCloses() throws {
        let fixture = try Fixture()
        try fixture.receive("+OK\r\n")
        #expect(!fixture.connection.isUsable && !fixture.channel.isActive)
        _ = try? fixture.channel.finish()
    }

    @Test func waitingCommandsAreBounded() throws {
        let fixture = try Fixture(maximumPending: 2)
        fixture.send(1, 2, 3)
        #expect(fixture.receiver.events == ["3 tooManyPending"])
        fixture.run()
        try fixture.receive("+a\r\n+b\r\n")
        #expect(fixture.receiver.events == ["3 tooManyPending", "1 a", "2 b"])
        _ = try fixture.channel.finish()
    }
}
