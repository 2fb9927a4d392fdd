import NIOCore
import NIOPosix
import NIOSSL
import WeirCore
import WeirSockets

/// Connects to one address: socket, TLS, handshake. Ends once, with a connection that may be used or an error; after an error nothing is
/// left open. Belongs to one loop.
final class RedisDial {
    private let target: RedisTarget
    private let address: RedisAddress
    private let loopContext: LoopContext
    private var loop: any EventLoop { self.loopContext.loop }
    /// What is being connected: a name with several IP addresses has several at a time, of which one wins.
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var whenDone: ((Result<RedisConnection, RedisError>) -> Void)?

    init(_ target: RedisTarget, to address: RedisAddress, loopContext: LoopContext) {
        self.target = target
        self.address = address
        self.loopContext = loopContext
    }

    /// - Parameter whenDone: called once, perhaps before this returns.
    func start(_ whenDone: @escaping (Result<RedisConnection, RedisError>) -> Void) {
        self.whenDone = whenDone
        if let error = self.tlsError { return self.finish(.failure(error)) }
        self.connect().assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel): self.connected(channel)
            case .failure(let error as RedisError): self.finish(.failure(error))
            case .failure(let error):
                self.finish(.failure(RedisError(.connectFailed, "the server could not be connected to", cause: error)))
            }
        }
    }

    /// Gives up; nothing if it has ended.
    func cancel(_ error: RedisError) { self.finish(.failure(error)) }

    // MARK: The socket

    /// Found before a socket is opened for nothing.
    private var tlsError: RedisError? {
        guard let tls = self.target.tls, case .tcp(let host, _) = self.address else { return nil }
        do {
            _ = try tls.handler(host: host)
            return nil
        } catch {
            return RedisError(.tlsFailed, "the TLS configuration or the server's name cannot be used", cause: error)
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        let bootstrap = ClientBootstrap(group: self.loop)
            .channelOption(.maxMessagesPerRead, value: 1)
            // The deadline of the pool or of the address is the one that counts; this one only ends what was given up.
            .connectTimeout(RedisConfiguration.connectTimeout)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try bound.value.initialize(channel) } }
        switch self.address {
        case .unixSocket(let path):
            return bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port):
            var tcp = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            if let keepAlive = self.target.configuration.keepAlive {
                for (option, value) in TCPKeepAlive(after: keepAlive).options { tcp = tcp.channelOption(option, value: value) }
            }
            if let address = try? SocketAddress(ipAddress: host, port: port) { return tcp.connect(to: address) }
            return tcp.connect(host: host, port: port)
        }
    }

    /// Each channel has a connection of its own, as only one of them wins.
    private func initialize(_ channel: any Channel) throws {
        guard self.whenDone != nil else { throw RedisError(.connectFailed, "the connect was given up") }
        let identifier = ObjectIdentifier(channel)
        self.channels[identifier] = channel
        channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in self?.channels[identifier] = nil }
        if case .tcp(let host, _) = self.address, let tls = self.target.tls {
            try channel.pipeline.syncOperations.addHandler(try tls.handler(host: host))
        }
        let connection = RedisConnection(
            loopContext: self.loopContext, limits: self.target.configuration.limits, replyLimits: RedisHandshake.replyLimits)
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    // MARK: What is said on it

    private func connected(_ channel: any Channel) {
        guard self.whenDone != nil else { return channel.close(promise: nil) }
        do {
            let connection = try channel.pipeline.syncOperations.handler(type: RedisConnection.self)
            guard self.target.shakesHands else {
                _ = connection.handshakeDone(replyLimits: self.target.configuration.replyLimits)
                return self.finish(.success(connection))
            }
            RedisHandshake(connection, url: self.target.url, configuration: self.target.configuration)
                .run { result in self.finish(result.map { connection }) }
        } catch {
            self.finish(.failure(RedisError(.connectFailed, "the connection was lost before the login", cause: error)))
        }
    }

    private func finish(_ result: Result<RedisConnection, RedisError>) {
        guard let whenDone = self.whenDone.take() else { return }
        let channels = self.channels
        self.channels = [:]
        if case .failure = result { for channel in channels.values { Self.closeNow(channel) } }
        whenDone(result)
    }

    /// Closes the socket at once: TLS would wait for the peer's word, and that of one that was given up is not worth it.
    private static func closeNow(_ channel: any Channel) {
        if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }
}
