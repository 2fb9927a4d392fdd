import NIOCore
import NIOHTTP1
import NIOPosix
import WeirCore
import WeirPool

/// Opens and closes the HTTP/1.1 connections of one loop to one origin, for a `Pool` of them.
public final class HTTPConnectionFactory: ResourceFactory {
    public typealias Resource = HTTPConnection

    private let origin: HTTPOrigin
    private let loop: any EventLoop
    private let loopContext: LoopContext
    private let limits: NIOHTTPDecoderLimitConfiguration

    /// On the loop.
    public init(origin: HTTPOrigin, limits: NIOHTTPDecoderLimitConfiguration, loop: any EventLoop) {
        self.origin = origin
        self.limits = limits
        self.loop = loop
        self.loopContext = LoopContext.of(loop)
    }

    public func connect(_ handle: ResourceHandle<HTTPConnection>) {
        let connection = HTTPConnection(loopContext: self.loopContext)
        let bound = NIOLoopBound(connection, eventLoop: self.loop)
        let limits = self.limits
        let bootstrap = ClientBootstrap(group: self.loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            // The pool's deadline is the one that counts; this one only ends what it has given up.
            .connectTimeout(.seconds(60))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // The head comes complete: the encoder's own framing is for those who leave it out.
                    var encoding = HTTPRequestEncoder.Configuration()
                    encoding.automaticallySetFramingHeaders = false
                    let decoder = HTTPResponseDecoder(informationalResponseStrategy: .forward, limitConfiguration: limits)
                    try channel.pipeline.syncOperations.addHandlers(
                        HTTPRequestEncoder(configuration: encoding), bound.value.boundary, ByteToMessageHandler(decoder), bound.value)
                }
            }
        // Closing the connection closes a channel that is still connecting, and that fails the connect.
        handle.onAbandon = { connection.close() }
        let connected: EventLoopFuture<any Channel>
        if let address = try? SocketAddress(ipAddress: self.origin.host, port: self.origin.port) {
            connected = bootstrap.connect(to: address)
        } else {
            connected = bootstrap.connect(host: self.origin.host, port: self.origin.port)
        }
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .failure(let error):
                handle.connectFailed(HTTPError(.connectFailed, "the server could not be connected to", cause: error, mayHaveRun: false))
            case .success(let channel):
                guard !handle.isAbandoned, connection.isOpen else {
                    channel.close(promise: nil)
                    handle.connectFailed(HTTPError(.connectFailed, "the connection was given up or lost", mayHaveRun: false))
                    return
                }
                connection.onClose = { handle.closed() }
                handle.established(connection)
            }
        }
    }

    public func validate(_ connection: HTTPConnection, _ handle: ResourceHandle<HTTPConnection>) {
        // An idle connection reads all the time: what the server closed or spoiled is known already.
        handle.validated(connection.isOpen)
    }

    public func close(_ connection: HTTPConnection, _ handle: ResourceHandle<HTTPConnection>) {
        connection.close()
        handle.closed()
    }
}
