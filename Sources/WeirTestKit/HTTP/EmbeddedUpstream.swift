import NIOCore
import NIOHTTP1
import NIOPosix

/// A small HTTP/1.1 server inside the process, for tests and for examples that must run with nothing else installed.
///
/// What it answers, for any method:
/// - `/bytes/{n}`: n bytes with their length, `/chunked/{n}` the same in chunks;
/// - `/status/{code}`: that status with a short body where one may be;
/// - `/slow/{milliseconds}`: a short body after that time;
/// - `/echo`: the request's body, streamed back as it comes, with the request's content type;
/// - `/truncated/{n}`: announces n bytes, sends half and closes; `/stall/{n}` sends half and goes silent;
/// - `/reset`: closes without an answer; `/silent`: never answers;
/// - anything else: method, target and headers of the request as text.
///
/// Bodies are streamed and held back while the client does not read, so a large `n` costs no memory.
public final class EmbeddedUpstream: Sendable {
    /// Where it listens.
    public let address: SocketAddress
    private let channel: any Channel
    private let connections: OpenChannels

    /// The port it listens on.
    public var port: Int { self.address.port! }

    private init(channel: any Channel, connections: OpenChannels) {
        self.channel = channel
        self.address = channel.localAddress!
        self.connections = connections
    }

    /// Starts a server on one loop of the group, on 127.0.0.1. May be called from any thread.
    /// - Parameter port: 0 for any free one.
    public static func start(on group: any EventLoopGroup, port: Int = 0) -> EventLoopFuture<EmbeddedUpstream> {
        let loop = group.next()
        let connections = OpenChannels(loop)
        return ServerBootstrap(group: loop, childGroup: loop)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let encoder = HTTPResponseEncoder.Configuration()
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: true, withErrorHandling: true, withEncoderConfiguration: encoder)
                    try channel.pipeline.syncOperations.addHandler(EmbeddedUpstreamHandler())
                }
            }
            .bind(host: "127.0.0.1", port: port)
            .map { EmbeddedUpstream(channel: $0, connections: connections) }
    }

    /// Connections accepted since it started. May be called from any thread.
    public func acceptedConnections() -> EventLoopFuture<Int> { self.connections.acceptedCount() }

    /// Connections now open. May be called from any thread.
    public func openConnections() -> EventLoopFuture<Int> { self.connections.openCount() }

    /// Stops listening and closes all connections. May be called from any thread, and again.
    public func shutdown() -> EventLoopFuture<Void> {
        self.channel.close(promise: nil)
        let connections = self.connections
        return self.channel.closeFuture.flatMap { connections.closeAll() }
    }
}
