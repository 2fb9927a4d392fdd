import NIOCore
import NIOPosix
import NIOSSL
import WeirCore
import WeirPostgresWire
import WeirSockets

/// Connects to one address: socket, TLS, login, and whether the server is of the kind that is wanted. Ends once, with a connection that may
/// be used or an error; after an error nothing is left open. Belongs to one loop.
final class PostgresDial {
    private let target: PostgresServerTarget
    private let address: PostgresAddress
    private let attributes: PostgresSessionAttributes
    private let loopContext: LoopContext
    private var loop: any EventLoop { self.loopContext.loop }
    /// What is being connected: a name with several IP addresses has several at a time, of which one wins.
    private var channels: [ObjectIdentifier: any Channel] = [:]
    private var whenDone: ((Result<PostgresConnection, PostgresError>) -> Void)?

    /// - Parameter attributes: `preferStandby` asks for a standby here.
    init(_ target: PostgresServerTarget, to address: PostgresAddress, attributes: PostgresSessionAttributes, loopContext: LoopContext) {
        self.target = target
        self.address = address
        self.attributes = attributes
        self.loopContext = loopContext
    }

    /// - Parameter whenDone: called once, perhaps before this returns.
    func start(_ whenDone: @escaping (Result<PostgresConnection, PostgresError>) -> Void) {
        self.whenDone = whenDone
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        PostgresSocket.connect(to: self.address, keepAlive: self.target.configuration.keepAlive, on: self.loop) { channel in
            try bound.value.initialize(channel)
        }.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel): self.connected(channel)
            case .failure(let error as PostgresError): self.finish(.failure(error))
            case .failure(let error):
                self.finish(.failure(PostgresError(.connectFailed, "the server could not be connected to", cause: error)))
            }
        }
    }

    /// Gives up; nothing if it has ended.
    func cancel(_ error: PostgresError) { self.finish(.failure(error)) }

    private var host: String? {
        guard case .tcp(let host, _) = self.address else { return nil }
        return host
    }

    /// Each channel has a connection of its own, as only one of them wins.
    private func initialize(_ channel: any Channel) throws {
        guard self.whenDone != nil else { throw PostgresError(.connectFailed, "the connect was given up") }
        let identifier = ObjectIdentifier(channel)
        self.channels[identifier] = channel
        channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in self?.channels[identifier] = nil }
        let asksForTLS = self.host != nil && self.target.usesTLS
        try channel.pipeline.syncOperations.addHandler(
            PostgresConnection(
                loopContext: self.loopContext, configuration: self.target.configuration,
                phase: asksForTLS ? .encryptionResponse(.ssl) : .login))
    }

    private func connected(_ channel: any Channel) {
        guard self.whenDone != nil else { return channel.close(promise: nil) }
        do {
            let connection = try channel.pipeline.syncOperations.handler(type: PostgresConnection.self)
            let login = PostgresLogin(connection, target: self.target, host: self.host)
            login.run { result in
                switch result {
                case .success: self.loggedIn(connection, usesTLS: login.usesTLS)
                case .failure(let error): self.finish(.failure(error))
                }
            }
        } catch {
            self.finish(.failure(PostgresError(.connectFailed, "the connection was lost before the login", cause: error)))
        }
    }

    private func loggedIn(_ connection: PostgresConnection, usesTLS: Bool) {
        if let key = connection.cancelKey {
            let (target, address, loop) = (self.target, self.address, self.loop)
            connection.cancelOnServer = { whenTold in
                PostgresCancel.send(key, to: address, target: target, usesTLS: usesTLS, on: loop, whenTold)
            }
        }
        guard self.attributes != .any else { return self.finish(.success(connection)) }
        PostgresServerKind.find(connection) { result in
            switch result {
            case .success(let kind) where kind.suits(self.attributes): self.finish(.success(connection))
            case .success:
                connection.close()
                self.finish(.failure(PostgresError(.noSuitableServer, "the server is not of the kind that is wanted")))
            case .failure(let error):
                connection.close()
                self.finish(.failure(error))
            }
        }
    }

    private func finish(_ result: Result<PostgresConnection, PostgresError>) {
        guard let whenDone = self.whenDone.take() else {
            if case .success(let connection) = result { connection.close() }
            return
        }
        let channels = self.channels
        self.channels = [:]
        if case .failure = result { for channel in channels.values { PostgresSocket.closeNow(channel) } }
        whenDone(result)
    }
}

/// Sockets to a server, with nothing said on them.
enum PostgresSocket {
    static func connect(
        to address: PostgresAddress, keepAlive: TimeAmount?, on loop: any EventLoop,
        _ initialize: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: loop)
            .channelOption(.maxMessagesPerRead, value: 1)
            // The deadline of the pool or of the address is the one that counts; this one only ends what was given up.
            .connectTimeout(PostgresConfiguration.connectTimeout)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try initialize(channel) } }
        switch address {
        case .unixSocket(let path):
            return bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port):
            var tcp = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
            if let keepAlive {
                for (option, value) in TCPKeepAlive(after: keepAlive).options { tcp = tcp.channelOption(option, value: value) }
            }
            if let address = try? SocketAddress(ipAddress: host, port: port) { return tcp.connect(to: address) }
            return tcp.connect(host: host, port: port)
        }
    }

    /// Closes the socket at once: TLS would wait for the peer's word, and that of one that was given up is not worth it.
    static func closeNow(_ channel: any Channel) {
        if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }
}

/// What `target_session_attrs` asks for.
private struct PostgresServerKind {
    let isStandby: Bool
    let isReadOnly: Bool

    /// From what the server has told at the login (14 and later), or by asking.
    static func find(_ connection: PostgresConnection, _ whenFound: @escaping (Result<PostgresServerKind, PostgresError>) -> Void) {
        if let standby = connection.parameters["in_hot_standby"], let readOnly = connection.parameters["default_transaction_read_only"] {
            return whenFound(.success(PostgresServerKind(isStandby: standby == "on", isReadOnly: readOnly == "on")))
        }
        let sql: PostgresQuery = "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only') = 'on'"
        let collector = PostgresCollector(limits: .unlimited) { result in
            whenFound(
                result.flatMap { result in
                    guard let (isStandby, isReadOnly) = try? result.rows.first?.decode(Bool.self, Bool.self) else {
                        return .failure(PostgresError(.unexpectedResult, "the server does not say of which kind it is"))
                    }
                    return .success(PostgresServerKind(isStandby: isStandby, isReadOnly: isReadOnly))
                })
        }
        connection.send(
            sql, deadline: .distantFuture, number: connection.nextNumber(), answer: PostgresAnswer(receiver: collector, tag: 0))
    }

    func suits(_ attributes: PostgresSessionAttributes) -> Bool {
        switch attributes {
        case .any: return true
        case .readWrite: return !self.isStandby && !self.isReadOnly
        case .readOnly: return self.isStandby || self.isReadOnly
        case .primary: return !self.isStandby
        case .standby, .preferStandby: return self.isStandby
        }
    }
}
