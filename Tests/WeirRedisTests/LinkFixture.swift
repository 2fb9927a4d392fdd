import NIOCore
import NIOEmbedded
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// A client of one embedded loop whose connections are embedded channels, under virtual time.
final class LinkFixture {
    /// Opens channels, or does not.
    final class Factory: ResourceFactory {
        enum Mode {
            case accept
            case refuse
            /// Opened, and closed before anyone gets it.
            case acceptClosed
            /// Neither, until the mode changes.
            case hold
        }

        let loop: EmbeddedEventLoop
        let configuration: RedisConfiguration
        var mode = Mode.accept
        var attempts = 0
        var channels: [EmbeddedChannel] = []
        private var held: [ResourceHandle<RedisConnection>] = []

        init(loop: EmbeddedEventLoop, configuration: RedisConfiguration) {
            self.loop = loop
            self.configuration = configuration
        }

        func connect(_ handle: ResourceHandle<RedisConnection>) {
            self.attempts += 1
            self.go(handle)
        }

        private func go(_ handle: ResourceHandle<RedisConnection>) {
            switch self.mode {
            case .hold: self.held.append(handle)
            case .refuse: handle.connectFailed(RedisError(.connectFailed, "refused"))
            case .accept, .acceptClosed:
                let connection = RedisConnection(
                    loopContext: LoopContext.of(self.loop), limits: self.configuration.limits, replyLimits: RESPLimits())
                let channel = EmbeddedChannel(handler: connection, loop: self.loop)
                channel.connect(to: try! SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
                self.channels.append(channel)
                connection.onClose = { handle.closed() }
                if self.mode == .acceptClosed { connection.close() }
                handle.established(connection)
            }
        }

        func release(_ mode: Mode) {
            self.mode = mode
            let held = self.held
            self.held = []
            for handle in held { self.go(handle) }
        }

        func close(_ connection: RedisConnection, _ handle: ResourceHandle<RedisConnection>) {
            connection.close()
            handle.closed()
        }
    }

    let loop = EmbeddedEventLoop()
    let factory: Factory
    let pool: Pool<RedisConnection>
    let redis: LocalRedis
    let receiver = EventReceiver()

    init(_ configuration: RedisConfiguration = RedisConfiguration(), pool: PoolConfiguration = PoolConfiguration(maximum: 8)) {
        let factory = Factory(loop: self.loop, configuration: configuration)
        self.factory = factory
        let bound = NIOLoopBound(factory, eventLoop: self.loop)
        self.pool = Pool<RedisConnection>(name: "link", group: self.loop, configuration: pool) { _ in bound.value }
        self.redis = LocalRedis(
            pool: self.pool[self.loop], loopContext: LoopContext.of(self.loop), configuration: configuration, backoff: pool.backoff)
    }

    var events: [String] { self.receiver.events }

    @discardableResult
    func send<Reply: Sendable>(_ command: RedisCommand<Reply>, tag: UInt64, in time: TimeAmount = .seconds(100)) -> RedisTicket? {
        self.redis.send(command, deadline: self.loop.now + time, tag: tag, to: self.receiver)
    }

    @discardableResult
    func get(_ key: UInt64, in time: TimeAmount = .seconds(100)) -> RedisTicket? { self.send(.raw("GET", "\(key)"), tag: key, in: time) }

    func run() { self.loop.run() }
    func advance(_ time: TimeAmount) { self.loop.advanceTime(by: time) }

    /// The keys asked for on a channel since the last look, and other commands by their names.
    func asked(_ channel: Int) throws -> [String] {
        var all: [String] = []
        while var bytes = try self.factory.channels[channel].readOutbound(as: ByteBuffer.self) {
            var decoder = RESPRequestDecoder()
            while let request = try decoder.decode(buffer: &bytes) {
                let words = request.arguments.map { String(buffer: $0) }
                all.append(words[0] == "GET" ? words[1] : words[0])
            }
        }
        return all
    }

    func reply(_ channel: Int, _ texts: String...) throws {
        try self.factory.channels[channel].writeInbound(ByteBuffer(string: texts.map { "+\($0)\r\n" }.joined()))
    }

    func lose(_ channel: Int) { self.factory.channels[channel].pipeline.fireChannelInactive() }

    func isOpen(_ channel: Int) -> Bool { self.factory.channels[channel].isActive }

    func statistics() throws -> PoolStatistics {
        let statistics = self.pool.statistics()
        self.run()
        return try statistics.wait()
    }

    /// Whether the client has ended.
    func drain(in time: TimeAmount) -> Flag {
        let flag = Flag(self.loop)
        self.redis.drain(deadline: self.loop.now + time).whenComplete { _ in flag.set() }
        return flag
    }

    func finish() throws {
        _ = self.drain(in: .zero)
        self.run()
        let closed = self.pool.shutdown(deadline: self.loop.now)
        self.advance(.seconds(60))
        try closed.wait()
        for channel in self.factory.channels { _ = try? channel.finish(acceptAlreadyClosed: true) }
    }

    final class Flag: Sendable {
        private let box: NIOLoopBoundBox<Bool>
        init(_ loop: any EventLoop) { self.box = NIOLoopBoundBox(false, eventLoop: loop) }
        func set() { self.box.value = true }
        var isSet: Bool { self.box.value }
    }
}

extension PoolConfiguration {
    /// Tries again for ever, after one, two and then four seconds.
    static var patientLink: PoolConfiguration {
        var pool = PoolConfiguration(maximum: 8)
        pool.circuitThreshold = 1000
        pool.acquireTimeout = .hours(1)
        pool.backoff = Backoff(initial: .seconds(1), maximum: .seconds(4), multiplier: 2, jitter: .none)
        return pool
    }
}
