import NIOCore
import WeirPostgresWire
import WeirSockets

/// Asks a server to end what runs on another connection, over a connection of its own.
///
/// The server closes it when the signal has been sent, whether there was anything to end or not.
/// Source: <https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.10>.
final class PostgresCancel: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: ByteBuffer
    private let asksForTLS: Bool
    private let tls: ClientTLS?
    private let host: String?

    private init(_ request: ByteBuffer, tls: ClientTLS?, host: String?) {
        self.request = request
        self.tls = tls
        self.host = host
        self.asksForTLS = tls != nil && host != nil
    }

    /// - Parameters:
    ///   - usesTLS: as the connection whose statement it is.
    ///   - whenTold: called once, on the loop: the server has been told, or cannot be.
    static func send(
        _ key: PostgresBackend.BackendKeyData, to address: PostgresAddress, target: PostgresServerTarget, usesTLS: Bool,
        on loop: any EventLoop, _ whenTold: @escaping () -> Void
    ) {
        var request = ByteBuffer()
        try? PostgresFrontend.CancelRequest(processID: key.processID, secretKey: key.secretKey).write(into: &request)
        var host: String?
        if case .tcp(let name, _) = address { host = name }
        let bound = NIOLoopBound(PostgresCancel(request, tls: usesTLS ? target.tls : nil, host: host), eventLoop: loop)
        let timeout = target.configuration.cancelTimeout
        PostgresSocket.connect(to: address, keepAlive: nil, on: loop) { channel in
            try channel.pipeline.syncOperations.addHandler(bound.value)
        }.assumeIsolated().whenComplete { result in
            guard case .success(let channel) = result else { return whenTold() }
            let timer = loop.assumeIsolated().scheduleTask(in: timeout) { PostgresSocket.closeNow(channel) }
            channel.closeFuture.assumeIsolated().whenComplete { _ in
                timer.cancel()
                whenTold()
            }
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        var bytes = self.request
        if self.asksForTLS {
            bytes = ByteBuffer()
            try? PostgresFrontend.SSLRequest().write(into: &bytes)
        }
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        guard self.asksForTLS, bytes.readableBytesView.elementsEqual([UInt8(ascii: "S")]), let host,
            let handler = try? self.tls?.handler(host: host),
            (try? context.pipeline.syncOperations.addHandler(handler, position: .first)) != nil
        else { return context.close(promise: nil) }
        context.writeAndFlush(Self.wrapOutboundOut(self.request), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
