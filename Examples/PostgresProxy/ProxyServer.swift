import NIOCore
import NIOPosix
import ServiceLifecycle
import WeirPostgres
import WeirServer

/// Accepts clients and puts the toolkit's handler behind each.
final class ProxyServer: Service {
    let address: SocketAddress
    let gate: ClientGate
    private let channel: any Channel
    private let clients: ClientRosters
    private let drain: TimeAmount

    private init(_ channel: any Channel, address: SocketAddress, gate: ClientGate, clients: ClientRosters, drain: TimeAmount) {
        self.channel = channel
        self.address = address
        self.gate = gate
        self.clients = clients
        self.drain = drain
    }

    static func bind(_ settings: Settings, group: any EventLoopGroup, proxy: PostgresProxy) async throws -> ProxyServer {
        let gate = ClientGate(maximum: settings.maximumClients, maximumPerAddress: settings.maximumClientsPerAddress)
        let clients = ClientRosters(group)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
            }
            // One read an event: there is seldom more, and asking costs a system call.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // What a client keeps between two reads; most send little.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 64 * 1024)
            )
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard gate.admit(channel) == .admitted else {
                        return try ClientGate.turnAway(channel, saying: PostgresProxyHandler.tooManyClients)
                    }
                    let handler = PostgresProxyHandler(proxy[channel.eventLoop])
                    clients[channel.eventLoop].add(handler, channel: channel)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        do {
            let channel = try await bootstrap.bind(host: settings.host, port: settings.port).get()
            guard let address = channel.localAddress else { throw ChannelError.ioOnClosedChannel }
            return ProxyServer(channel, address: address, gate: gate, clients: clients, drain: settings.drain)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw StartError("cannot listen on \(settings.host):\(settings.port): the port is taken; set PORT to another")
        } catch {
            throw StartError("cannot listen on \(settings.host):\(settings.port): \(error)")
        }
    }

    /// Serves until graceful shutdown, then lets its clients finish.
    func run() async throws {
        try? await gracefulShutdown()
        try? await self.channel.close().get()
        _ = try await self.clients.drain(until: .now() + self.drain).get()
    }

    /// Closes those that are being waited for.
    func endDrain() { self.clients.endDrain() }
}

extension PostgresProxyHandler: DrainableClient {}
