public import NIOCore
import WeirCore
import WeirPool
import WeirPostgresWire

/// One client of a ``PostgresProxy``: the last handler of its pipeline, on whose loop it belongs.
///
/// Messages are passed on as they come, once their first bytes say what they are. What is kept of a client is what has to be known when the
/// next transaction meets another server connection. Neither side is read from faster than the other takes it.
public final class PostgresProxyHandler: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    enum Phase {
        /// Start-up packets. Next: authenticating, waiting, ending.
        case startup
        /// Next: waiting, ending.
        case authenticating
        /// The server's settings are not known yet. Next: session, ending.
        case waiting
        /// Next: ending.
        case session
        /// What was written is to be taken yet.
        case ending
    }

    /// How far the client's server connection is.
    enum Server {
        /// There is none. Next: waiting, restoring, relaying.
        case none
        /// The pool was asked. Next: restoring, relaying.
        case waiting
        /// It is given the client's settings. Next: relaying.
        case restoring
        /// What is said passes. Next: asking, none.
        case relaying
        /// It is asked what the client has set. Next: none.
        case asking
    }

    let proxy: LocalPostgresProxy
    var context: ChannelHandlerContext?
    var number: Int32 = 0
    var secret: UInt32 = 0

    // MARK: The client

    @exclusivity(unchecked) var phase = Phase.startup
    @exclusivity(unchecked) var input = ByteBuffer()
    @exclusivity(unchecked) var scanner: PostgresFrameScanner
    /// Bytes of the message that is being passed on, which are still to come.
    @exclusivity(unchecked) var passing = 0
    /// They are dropped, as nobody waits for them.
    @exclusivity(unchecked) var isDropping = false
    /// They are a statement's text, of which this is what came last.
    var watchedText: ByteBuffer?
    /// The next message has to wait for answers.
    @exclusivity(unchecked) var isUncertain = false
    /// The server was asked not to hold them back.
    @exclusivity(unchecked) var hasAsked = false
    @exclusivity(unchecked) var isProcessing = false
    @exclusivity(unchecked) private var isReading = true
    @exclusivity(unchecked) var isGone = false
    var isDraining = false
    var login: PostgresProxyLogin
    var user = ""
    var database = ""
    var tenant: LocalPostgresProxy.Tenant?
    @exclusivity(unchecked) var settings = PostgresProxySettings([])
    /// Whether the client has been told what its settings are.
    var wasTold = false
    @exclusivity(unchecked) var pipeline = PostgresProxyPipeline()

    // MARK: The server

    @exclusivity(unchecked) var server = Server.none
    var lease: Lease<PostgresConnection>?
    var request: LeaseRequest?
    @exclusivity(unchecked) var connection: PostgresConnection?
    @exclusivity(unchecked) var backend: PostgresProxyBackend?
    @exclusivity(unchecked) var serverScanner: PostgresFrameScanner
    @exclusivity(unchecked) var serverInput = ByteBuffer()
    /// Bytes of the message that is being passed to the client, which are still to come.
    @exclusivity(unchecked) var serverPassing = 0
    @exclusivity(unchecked) var toServer = ByteBuffer()
    @exclusivity(unchecked) var isUnflushed = false
    @exclusivity(unchecked) var isServerSlow = false
    @exclusivity(unchecked) var pins: PostgresProxyTable.Pins = []
    /// SET and RESET that were passed on and are known.
    @exclusivity(unchecked) var expectedSets = 0
    /// Settings may have changed that the server does not report.
    @exclusivity(unchecked) var mustAsk = false
    /// The server is being told to end what runs.
    @exclusivity(unchecked) var cancels = 0
    /// It was told: what comes next must not be hit.
    @exclusivity(unchecked) var wasCancelled = false
    /// The server has said that it ends the session.
    var isFarewell = false

    // MARK: What is counted

    var address: SocketAddress?
    var startedAt: NIODeadline = .uptimeNanoseconds(0)
    @exclusivity(unchecked) var transactions: UInt64 = 0
    @exclusivity(unchecked) var bytesReceived: UInt64 = 0
    @exclusivity(unchecked) var bytesSent: UInt64 = 0
    var reason: String?
    private var alarm: DeadlineTarget?

    /// On the client's loop.
    public init(_ proxy: LocalPostgresProxy) {
        self.proxy = proxy
        self.scanner = PostgresFrameScanner(from: .frontend, limits: proxy.configuration.wireLimits)
        self.serverScanner = PostgresFrameScanner(from: .backend, phase: .session, limits: proxy.configuration.connection.wireLimits)
        self.login = PostgresProxyLogin()
    }

    var isSession: Bool { self.proxy.configuration.mode == .session }

    // MARK: The channel

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.address = context.channel.remoteAddress
        self.startedAt = context.eventLoop.now
        self.alarm = self.proxy.loopContext.deadlines.register(Alarm(self))
        if let alarm {
            _ = self.proxy.loopContext.deadlines.arm(
                at: self.startedAt + self.proxy.configuration.loginTimeout, target: alarm, tag: 0)
        }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.left()
        self.context = nil
    }

    public func channelActive(context: ChannelHandlerContext) {
        self.address = context.channel.remoteAddress
        context.fireChannelActive()
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        guard !self.isGone, self.phase != .ending else { return }
        self.bytesReceived &+= UInt64(bytes.readableBytes)
        self.proxy.bytesReceived.increment(by: UInt64(bytes.readableBytes))
        if self.input.readableBytes == 0 { self.input = bytes } else { self.input.writeImmutableBuffer(bytes) }
        self.process()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.connection?.resume() }
        context.fireChannelWritabilityChanged()
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.left()
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) { self.cut("the connection broke") }

    // MARK: What came

    /// Goes through what has come, as far as it can be dealt with now.
    func process() {
        guard !self.isProcessing, !self.isGone else { return }
        self.isProcessing = true
        do throws(PostgresWireError) {
            while try self.processOne() {}
        } catch {
            self.refuse("08P01", error.message)
        }
        self.isProcessing = false
        if self.isUncertain { self.askForAnswers() }
        self.flushToServer()
        if self.input.readableBytes == 0 { self.input = ByteBuffer() }
        self.updateReading()
    }

    /// - Returns: false when there is nothing more to do for now.
    private func processOne() throws(PostgresWireError) -> Bool {
        guard !self.isGone, self.input.readableBytes > 0 else { return false }
        switch self.phase {
        case .session: return try self.processMessage()
        case .startup: return try self.processStartup()
        case .authenticating: return try self.processAuthentication()
        case .waiting, .ending: return false
        }
    }

    /// The next message's first bytes; nil if there are too few.
    @inline(__always)
    func nextHeader() throws(PostgresWireError) -> PostgresFrameHeader? {
        let input = self.input
        let scanner = self.scanner
        return try input.readableBytesSpan.withUnsafeBytes { bytes throws(PostgresWireError) in try scanner.peek(bytes, at: 0) }
    }

    /// What may come of a client before it is its turn.
    private static var maximumWaiting: Int { 64 * 1024 }

    /// Reads from the client only what can be dealt with.
    func updateReading() {
        guard let context, !self.isGone else { return }
        let isStuck: Bool
        switch self.phase {
        case .startup, .authenticating: isStuck = false
        case .waiting: isStuck = self.input.readableBytes >= Self.maximumWaiting
        case .session:
            // A message that is collected may be longer.
            let isWaiting =
                self.server != .none && self.server != .relaying || self.pipeline.count >= self.proxy.configuration.maximumPending
            isStuck = self.isServerSlow || isWaiting && self.input.readableBytes >= Self.maximumWaiting
        case .ending: isStuck = false
        }
        guard isStuck == self.isReading else { return }
        self.isReading = !isStuck
        try? context.channel.syncOptions?.setOption(.autoRead, value: !isStuck)
    }

    // MARK: To the client

    @inline(__always)
    func writeToClient(_ bytes: ByteBuffer) {
        self.bytesSent &+= UInt64(bytes.readableBytes)
        self.proxy.bytesSent.increment(by: UInt64(bytes.readableBytes))
        self.context?.write(Self.wrapOutboundOut(bytes), promise: nil)
    }

    @inline(__always)
    func flushToClient() {
        guard let context else { return }
        context.flush()
        if !context.channel.isWritable { self.connection?.pause() }
    }

    /// Messages of the proxy's own.
    func answer(_ body: (inout ByteBuffer) throws(PostgresWireError) -> Void) {
        var bytes = ByteBuffer()
        // What does not fit into a message is text that nobody needs.
        try? body(&bytes)
        self.writeToClient(bytes)
    }

    // MARK: Time

    final class Alarm: DeadlineReceiver {
        // The handler unregisters it before it goes.
        unowned let client: PostgresProxyHandler
        init(_ client: PostgresProxyHandler) { self.client = client }
        func deadlineReached(tag: UInt64) { self.client.cut("the login took too long") }
    }

    func endAlarm() {
        if let alarm = self.alarm.take() { self.proxy.loopContext.deadlines.unregister(alarm) }
    }
}
