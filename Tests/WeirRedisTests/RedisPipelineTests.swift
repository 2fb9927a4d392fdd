import NIOCore
import NIOEmbedded
import Testing
import WeirCore
import WeirRESP

@testable import WeirRedis

/// Bounds, back-pressure, and the change of connections.
@Suite struct RedisPipelineTests {
    private static let ping = PipelineFixture.ping

    @Test func waitingCommandsAreBounded() throws {
        let fixture = try PipelineFixture(pending: 2)
        fixture.send(1, 2, 3)
        #expect(fixture.events == ["3 tooManyPending"])
        fixture.run()
        let room = RoomFlag(fixture)
        #expect(!room.isSet)
        try fixture.receive("+a\r\n")
        #expect(room.isSet)
        try fixture.receive("+b\r\n")
        #expect(fixture.events == ["3 tooManyPending", "1 a", "2 b"])
        fixture.finish()
    }

    @Test func unsentBytesAreBounded() throws {
        let fixture = try PipelineFixture(unsentBytes: Self.ping.utf8.count * 2)
        fixture.setWritable(false)
        fixture.send(1, 2, 3)
        #expect(fixture.events == ["3 tooManyPending"])
        let room = RoomFlag(fixture)
        fixture.run()
        #expect(!room.isSet)
        #expect(try fixture.written() == [])
        fixture.setWritable(true)
        fixture.run()
        #expect(room.isSet)
        #expect(try fixture.written() == [Self.ping + Self.ping])
        fixture.finish()
    }

    @Test func copiesOfWhatMayBeRepeatedAreBounded() throws {
        let fixture = try PipelineFixture(unsentBytes: 1000)
        let command = RedisCommand.raw("ECHO", String(repeating: "x", count: 400)).repeatable()
        for tag in 1...4 {
            fixture.send(command, tag: UInt64(tag))
            fixture.run()
        }
        // Each is sent at once, but kept until its reply has come.
        #expect(fixture.events == ["4 tooManyPending"])
        try fixture.receive("+a\r\n")
        fixture.send(command, tag: 5)
        fixture.run()
        try fixture.receive("+b\r\n+c\r\n+e\r\n")
        #expect(fixture.events == ["4 tooManyPending", "1 a", "2 b", "3 c", "5 e"])
        #expect(fixture.connection.pipeline.queue.heldBytes == 0)
        fixture.finish()
    }

    /// However the commands go, whoever waits for room hears of it.
    @Test(arguments: ["cancel", "timeout", "loss", "end"]) func roomIsToldOf(way: String) throws {
        let fixture = try PipelineFixture(pending: 2)
        fixture.setWritable(false)
        let tickets = fixture.send(1, 2, deadline: .seconds(1))
        let room = RoomFlag(fixture)
        #expect(fixture.connection.pipeline.isFull && !room.isSet)
        switch way {
        case "cancel": #expect(fixture.connection.cancel(try #require(tickets[0])))
        case "timeout": fixture.advance(.seconds(2))
        case "loss": fixture.channel.pipeline.fireChannelInactive()
        default: fixture.connection.close()
        }
        #expect(room.isSet)
        fixture.finish()
    }

    @Test func anUnwritableChannelHoldsCommandsBack() throws {
        let fixture = try PipelineFixture()
        fixture.send(1)
        fixture.run()
        #expect(try fixture.written() == [Self.ping])
        fixture.setWritable(false)
        let tickets = fixture.send(2, 3, 4)
        fixture.send(5, deadline: .seconds(1))
        fixture.run()
        #expect(try fixture.written() == [])
        // Neither was sent: neither may have run.
        #expect(fixture.connection.cancel(try #require(tickets[1])))
        fixture.advance(.seconds(2))
        #expect(fixture.events == ["5 timeout"])
        fixture.setWritable(true)
        fixture.run()
        #expect(try fixture.written() == [Self.ping + Self.ping])
        try fixture.receive("+a\r\n+b\r\n+d\r\n")
        #expect(fixture.events == ["5 timeout", "1 a", "2 b", "4 d"])
        #expect(fixture.connection.pendingCount == 0)
        fixture.finish()
    }

    /// Cancelled commands that were never sent take no room for ever.
    @Test func whatWasCancelledUnsentLeavesNothing() throws {
        let fixture = try PipelineFixture(pending: 4)
        fixture.setWritable(false)
        for round in 0..<1000 {
            let tickets = (0..<4).map { fixture.send(UInt64(round * 4 + $0))[0] }
            for ticket in tickets.shuffled() { #expect(fixture.connection.cancel(try #require(ticket))) }
            #expect(fixture.connection.pendingCount == 0)
        }
        #expect(fixture.connection.pipeline.queue.unsent.capacity < 1 << 20)
        fixture.setWritable(true)
        fixture.run()
        #expect(try fixture.written() == [])
        fixture.send(7777)
        fixture.run()
        try fixture.receive("+a\r\n")
        #expect(fixture.events == ["7777 a"])
        fixture.finish()
    }

    // MARK: One connection after the other

    private func pipeline(_ fixture: PipelineFixture) -> RedisPipeline {
        let limits = RedisPipeline.Limits(pending: 100, unsentBytes: 1 << 20, stallTimeout: .seconds(5))
        return RedisPipeline(loopContext: fixture.connection.loopContext, limits: limits)
    }

    private func send(
        _ pipeline: RedisPipeline, _ command: RedisCommand<RESPFrame>, _ tag: UInt64, to receiver: EventReceiver, seconds: Int64 = 10
    ) {
        _ = pipeline.send(
            command.request, deadline: pipeline.loopContext.loop.now + .seconds(seconds), answer: .receiver(receiver, tag: tag))
    }

    /// Another connection on the same loop.
    private func secondChannel(_ first: PipelineFixture) throws -> (EmbeddedChannel, RedisConnection) {
        let limits = RedisPipeline.Limits(pending: 100, unsentBytes: 1 << 20, stallTimeout: .seconds(5))
        let connection = RedisConnection(loopContext: first.connection.loopContext, limits: limits, replyLimits: RESPLimits())
        let channel = EmbeddedChannel(handler: connection, loop: first.channel.embeddedEventLoop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 2)).wait()
        return (channel, connection)
    }

    @Test func repeatableCommandsAndUnsentOnesGoOverTheNext() throws {
        let fixture = try PipelineFixture()
        let pipeline = self.pipeline(fixture)
        let receiver = fixture.receiver
        // Before there is a connection.
        self.send(pipeline, .raw("GET", "1").repeatable(), 1, to: receiver)
        self.send(pipeline, .raw("INCR", "2"), 2, to: receiver)
        fixture.run()
        #expect(try fixture.written() == [])
        fixture.connection.carry(pipeline)
        fixture.run()
        self.send(pipeline, .raw("GET", "3").repeatable(), 3, to: receiver)
        self.send(pipeline, .raw("GET", "4").repeatable(), 4, to: receiver)
        fixture.run()
        self.send(pipeline, .raw("INCR", "5"), 5, to: receiver)
        fixture.channel.pipeline.fireChannelInactive()
        #expect(receiver.events == ["2 connectionLost maybe run"])
        // Time passes without a connection: what was sent before may have run.
        self.send(pipeline, .raw("GET", "6"), 6, to: receiver, seconds: 1)
        fixture.advance(.seconds(2))
        #expect(receiver.events == ["2 connectionLost maybe run", "6 timeout"])

        let (channel, connection) = try self.secondChannel(fixture)
        connection.carry(pipeline)
        fixture.run()
        let expected = ["GET 1", "GET 3", "GET 4", "INCR 5"].map { words in
            let parts = words.split(separator: " ")
            return "*2\r\n$\(parts[0].count)\r\n\(parts[0])\r\n$1\r\n\(parts[1])\r\n"
        }
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == expected.joined())
        try channel.writeInbound(ByteBuffer(string: "+a\r\n+c\r\n+d\r\n+e\r\n"))
        #expect(receiver.events.dropFirst(2) == ["1 a", "3 c", "4 d", "5 e"])
        #expect(pipeline.pending == 0)
        pipeline.end { RedisError(.shutdown, "", mayHaveRun: $0) }
        fixture.finish()
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    @Test func aRepeatedCommandMayHaveRunAlsoWhileItWaits() throws {
        let fixture = try PipelineFixture()
        let pipeline = self.pipeline(fixture)
        let receiver = fixture.receiver
        fixture.connection.carry(pipeline)
        self.send(pipeline, .raw("GET", "1").repeatable(), 1, to: receiver, seconds: 1)
        self.send(pipeline, .raw("GET", "2").repeatable(), 2, to: receiver)
        fixture.run()
        fixture.channel.pipeline.fireChannelInactive()
        self.send(pipeline, .raw("GET", "3").repeatable(), 3, to: receiver)
        fixture.advance(.seconds(2))
        #expect(receiver.events == ["1 timeout maybe run"])
        pipeline.failAll { RedisError(.noConnection, "", mayHaveRun: $0) }
        #expect(receiver.events == ["1 timeout maybe run", "2 noConnection maybe run", "3 noConnection"])
        #expect(pipeline.pending == 0 && !pipeline.isFull)
        pipeline.end { RedisError(.shutdown, "", mayHaveRun: $0) }
        fixture.finish()
    }

    /// A write that fails at once loses no command that is to be repeated, nor what its receivers ask for.
    @Test func lossInsideTheWriteKeepsTheOrder() throws {
        final class Breaker: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
                context.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
            }
        }
        let fixture = try PipelineFixture()
        try fixture.channel.pipeline.syncOperations.addHandler(Breaker(), position: .first)
        let pipeline = self.pipeline(fixture)
        let receiver = fixture.receiver
        fixture.connection.carry(pipeline)
        receiver.then = { tag in if tag == 1 { self.send(pipeline, .raw("GET", "9"), 9, to: receiver) } }
        self.send(pipeline, .raw("INCR", "1"), 1, to: receiver)
        self.send(pipeline, .raw("GET", "2").repeatable(), 2, to: receiver)
        fixture.run()
        #expect(receiver.events == ["1 connectionLost maybe run"])
        let (channel, connection) = try self.secondChannel(fixture)
        connection.carry(pipeline)
        fixture.run()
        let get = { (key: Int) in "*2\r\n$3\r\nGET\r\n$1\r\n\(key)\r\n" }
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == get(2) + get(9))
        try channel.writeInbound(ByteBuffer(string: "+b\r\n+i\r\n"))
        #expect(receiver.events == ["1 connectionLost maybe run", "2 b", "9 i"])
        pipeline.end { RedisError(.shutdown, "", mayHaveRun: $0) }
        fixture.finish()
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
}

/// Whether a pipeline's room was announced.
private final class RoomFlag {
    private let box: NIOLoopBoundBox<Bool>
    var isSet: Bool { self.box.value }

    init(_ fixture: PipelineFixture) {
        let box = NIOLoopBoundBox(false, eventLoop: fixture.channel.eventLoop)
        self.box = box
        fixture.connection.pipeline.roomLeft().whenComplete { _ in box.value = true }
    }
}
