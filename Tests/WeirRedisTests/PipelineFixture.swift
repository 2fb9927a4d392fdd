import NIOCore
import NIOEmbedded
import WeirCore
import WeirRESP

@testable import WeirRedis

/// Writes down what it is told.
final class EventReceiver: RedisReplyReceiver {
    var events: [String] = []
    /// Called after each event.
    var then: ((UInt64) -> Void)?

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        self.events.append("\(tag) \(reply.string.map { String(buffer: $0) } ?? "\(reply.kind)")")
        self.then?(tag)
    }

    func redisFailed(_ error: RedisError, tag: UInt64) {
        self.events.append("\(tag) \(error.code)\(error.mayHaveRun ? " maybe run" : "")")
        self.then?(tag)
    }
}

/// One connection on an embedded channel, under virtual time.
struct PipelineFixture {
    let channel = EmbeddedChannel()
    let connection: RedisConnection
    let receiver = EventReceiver()

    static let ping = "*1\r\n$4\r\nPING\r\n"

    init(pending: Int = 1024, unsentBytes: Int = 1 << 20, stallTimeout: TimeAmount = .seconds(5)) throws {
        let limits = RedisPipeline.Limits(pending: pending, unsentBytes: unsentBytes, stallTimeout: stallTimeout)
        self.connection = RedisConnection(
            loopContext: LoopContext.of(self.channel.eventLoop), limits: limits, replyLimits: RESPLimits())
        try self.channel.pipeline.syncOperations.addHandler(self.connection)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    var events: [String] { self.receiver.events }

    @discardableResult
    func send(_ tags: UInt64..., deadline: TimeAmount = .seconds(10)) -> [RedisTicket?] {
        tags.map { self.send(.ping, tag: $0, deadline: deadline) }
    }

    @discardableResult
    func send<Reply: Sendable>(_ command: RedisCommand<Reply>, tag: UInt64, deadline: TimeAmount = .seconds(10)) -> RedisTicket? {
        self.connection.send(command, deadline: self.channel.eventLoop.now + deadline, tag: tag, to: self.receiver)
    }

    func run() { self.channel.embeddedEventLoop.run() }

    func advance(_ time: TimeAmount) { self.channel.embeddedEventLoop.advanceTime(by: time) }

    func receive(_ text: String) throws { try self.channel.writeInbound(ByteBuffer(string: text)) }

    func setWritable(_ isWritable: Bool) {
        self.channel.isWritable = isWritable
        self.channel.pipeline.fireChannelWritabilityChanged()
    }

    /// One string for each write.
    func written() throws -> [String] {
        var all: [String] = []
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { all.append(String(buffer: bytes)) }
        return all
    }

    func finish() { _ = try? self.channel.finish(acceptAlreadyClosed: true) }
}
