import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Stops accepting for a moment when there are no descriptors or no memory for another connection.
///
///     .serverChannelInitializer { channel in
///         channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptPause()) }
///     }
///
/// Accepting would fail again at once, as long as somebody waits to be accepted, and the loop would do nothing else. Not reading is
/// not enough: after a failure the channel still has its read pending and is told again. Only `autoRead` takes it off the selector,
/// which is why NIO's `AcceptBackoffHandler` does not do here.
///
/// One for each listening channel. The error goes on to the next handler.
public final class AcceptPause: ChannelInboundHandler {
    public typealias InboundIn = any Channel

    private let time: TimeAmount
    private var isPaused = false

    /// - Parameter time: How long nobody is accepted after a failure.
    public init(time: TimeAmount = .milliseconds(100)) { self.time = time }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode), !self.isPaused {
            self.pause(context.channel, context.eventLoop)
        }
        context.fireErrorCaught(error)
    }

    private func pause(_ channel: any Channel, _ loop: any EventLoop) {
        self.isPaused = true
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        loop.assumeIsolated().scheduleTask(in: self.time) {
            self.isPaused = false
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}
