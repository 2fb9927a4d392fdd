import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals
import WeirCore
import WeirServer

/// Sends back what it receives, on 127.0.0.1:7000 (`swift run EchoServer 7001` for another port).
///
/// It reads no faster than its client takes the echo, forgets clients that are silent for a minute, and on SIGTERM or SIGINT stops
/// accepting and closes. Each loop counts on its own, without a lock; the sum is printed at the end.
@main
struct EchoServer: Service {
    let port: Int
    let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    let logger = Logger(label: "EchoServer")

    static func main() async {
        guard let port = UInt16(CommandLine.arguments.dropFirst().first ?? "7000") else { fail("the port must be a number up to 65535") }
        let server = EchoServer(port: Int(port))
        do {
            try await ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: server.logger).run()
        } catch {
            fail("\(error)")
        }
    }

    static func fail(_ message: String) -> Never {
        LogDestination.standardError.write("EchoServer: \(message)\n")
        exit(1)
    }

    func run() async throws {
        let bytes = MetricRegistry(group: self.group).counter("echo_bytes")
        let clients = ClientRosters(self.group)
        let server = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = EchoHandler(bytes: bytes.local(channel.eventLoop))
                    clients[channel.eventLoop].add(handler, channel: channel)
                    try channel.pipeline.syncOperations.addHandlers(IdleStateHandler(allTimeout: .seconds(60)), handler)
                }
            }
            .bind(host: "127.0.0.1", port: self.port).get()
        self.logger.info("listens", metadata: ["address": "\(server.localAddress!)"])

        try? await gracefulShutdown()
        try await server.close().get()
        _ = try await clients.drain(until: .now() + .seconds(1)).get()
        self.logger.info("stopped", metadata: ["echoed_bytes": "\(bytes.value)"])
    }
}

/// One client.
final class EchoHandler: ChannelDuplexHandler, DrainableClient {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let bytes: LocalCounter
    private var context: ChannelHandlerContext?
    private var readIsPending = false

    init(bytes: LocalCounter) { self.bytes = bytes }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// An echo is never whole: there is nothing to finish.
    func drain() { self.closeNow() }
    func closeNow() { self.context?.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes.increment(by: UInt64(Self.unwrapInboundIn(data).readableBytes))
        context.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    /// Asked to read again: not while the client leaves its echo lying.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable { context.read() } else { self.readIsPending = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard self.readIsPending, context.channel.isWritable else { return }
        self.readIsPending = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
