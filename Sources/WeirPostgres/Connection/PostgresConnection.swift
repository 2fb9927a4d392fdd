public import NIOCore
import WeirCore
public import WeirPostgresWire
import WeirSockets

/// One connection to a Postgres server: statements go out in the order in which they are given, each with a Sync of its own, and each gets
/// one answer, its own result or an error.
///
/// Statements of one pass of the loop share one write. Each is a transaction of its own, unless one was begun here. What puts the order in
/// doubt (a message that may not come now, bytes that are not the protocol) closes the connection.
///
/// Belongs to its channel's loop: touch it there only. It is the last handler of its pipeline; ``PostgresConnectionFactory`` sees to that.
public final class PostgresConnection: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    // Behind a pointer, so that no exclusivity check is paid for each message.
    @usableFromInline
    struct State: ~Copyable {
        var input = ByteBuffer()
        var scanner: PostgresFrameScanner
        var entries = PostgresEntryRing()
        /// Entries that were given to the channel.
        var sent = 0
        @usableFromInline var encoder: PostgresEncoder
        var front = PostgresFront()
        var status = PostgresTransactionStatus.idle
        var lastNumber: UInt64 = 0
    }

    let loopContext: LoopContext
    /// The loop's.
    let deadlines: LoopDeadlines
    public let configuration: PostgresConfiguration
    @usableFromInline let state: UnsafeMutablePointer<State>
    private(set) var context: ChannelHandlerContext?
    var isClosed = false
    private(set) var isWritable = false
    /// Nil where everything goes through the channel: before the login is done, and under TLS.
    @exclusivity(unchecked) var socket: DirectSocket?
    /// Writes that the channel has not done.
    @exclusivity(unchecked) var writesInChannel = 0
    var isProcessing = false
    var isFlushScheduled = false
    /// Until the messages that have come are gone through.
    var isFlushDeferred = false
    let flusher = Flusher()
    @exclusivity(unchecked) var deadlineTarget: DeadlineTarget?

    /// Takes what comes until the login is done.
    var login: PostgresLogin?
    /// What cancels a statement of this connection: of BackendKeyData.
    var cancelKey: PostgresBackend.BackendKeyData?
    /// Asks the server to end what runs here, and calls back when it has been told.
    var cancelOnServer: ((_ whenTold: @escaping () -> Void) -> Void)?
    /// The server may be ending what runs: nothing more is sent, and whoever is hit is asked again.
    var cancels = 0
    /// Statements that were sent when the server was told to end one, and may have been hit in its place.
    var atRisk = 0

    /// Settings that the server has told, by name.
    public internal(set) var parameters: [String: String] = [:]
    /// When something last came, or was first asked for after nothing was due.
    var lastProgress: NIODeadline = .uptimeNanoseconds(0)
    /// Called once when the connection is of no more use, before any statement fails.
    var onClose: (() -> Void)?
    /// Called when a statement has ended, for whoever has another one to send.
    var onRoom: (() -> Void)?
    /// Called with what LISTEN brings.
    var onNotification: ((PostgresNotification) -> Void)?
    /// The pool has ordered it to be closed and is told when its socket is.
    var isRetired = false
    /// What a FATAL error said that belongs to no statement.
    var farewell: PostgresServerError?
    /// Statements were run that leave something behind in the session.
    var isAltered = false
    /// Nothing but what is copied may be sent.
    var isCopying = false
    /// Ends the connection if what was cancelled does not end.
    var cancelTimer: DeadlineToken?
    /// Called when the socket takes more again.
    var onWritable: (() -> Void)?
    /// Takes what comes as it comes, while it is set: see ``PostgresRelay``.
    @exclusivity(unchecked) var relay: (any PostgresRelay)?
    /// What a proxy knows of the session.
    @exclusivity(unchecked) var proxyBackend: PostgresProxyBackend?

    final class Alarm: DeadlineReceiver {
        // The connection unregisters it before it goes.
        unowned let connection: PostgresConnection
        init(_ connection: PostgresConnection) { self.connection = connection }
        func deadlineReached(tag: UInt64) { self.connection.deadlineReached(tag) }
    }

    final class Flusher {
        // Cleared by the connection's deinit, which runs on the same loop.
        var connection: Unmanaged<PostgresConnection>?
        lazy var flush: () -> Void = { [unowned self] in self.connection?.takeUnretainedValue().flush() }
    }

    init(loopContext: LoopContext, configuration: PostgresConfiguration, phase: PostgresFrameScanner.Phase) {
        self.loopContext = loopContext
        self.deadlines = loopContext.deadlines
        self.configuration = configuration
        self.state = .allocate(capacity: 1)
        self.state.initialize(
            to: State(
                scanner: PostgresFrameScanner(from: .backend, phase: phase, limits: configuration.wireLimits),
                encoder: PostgresEncoder(
                    maximumStatements: configuration.maximumPreparedStatements,
                    maximumLength: configuration.wireLimits.maximumMessageLength)))
        self.flusher.connection = .passUnretained(self)
    }

    deinit {
        self.flusher.connection = nil
        if let deadlineTarget { self.deadlines.unregister(deadlineTarget) }
        self.state.deinitialize(count: 1)
        self.state.deallocate()
    }

    /// True while statements may be sent.
    public var isUsable: Bool { !self.isClosed && self.context != nil }
    /// Whether a transaction is open, as of the last statement that has ended.
    public var transactionStatus: PostgresTransactionStatus { self.state.pointee.status }
    /// Statements that have no result yet, those included that nobody waits for any more.
    public var pendingCount: Int { self.state.pointee.entries.count }
    /// Statements that this connection has prepared.
    public var preparedCount: Int { self.state.pointee.encoder.preparedCount }
    /// Nothing is due, no transaction is open.
    var isIdle: Bool { self.isUsable && self.state.pointee.entries.isEmpty && self.state.pointee.status == .idle && self.cancels == 0 }
    /// Whether it takes another statement at once.
    @usableFromInline var takesMore: Bool {
        self.isUsable && self.cancels == 0 && self.state.pointee.entries.count < self.configuration.pipelineDepth
    }
    /// Nil when its socket is closed.
    var channel: (any Channel)? { self.context?.channel }

    /// Takes only what leaves the session as it is found.
    var isShared: Bool {
        get { self.state.pointee.encoder.isShared }
        set { self.state.pointee.encoder.isShared = newValue }
    }

    // MARK: The channel

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.isWritable = true
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the connection was closed")
        self.context = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosed else { return }
        self.lastProgress = self.loopContext.passTime
        if let relay { return relay.relayReceived(Self.unwrapInboundIn(data)) }
        self.take(Self.unwrapInboundIn(data))
    }

    /// Nobody stands behind.
    public func channelReadComplete(context: ChannelHandlerContext) {}

    // MARK: Back-pressure

    /// Nothing more is read, and nothing handed on, until ``resume()``.
    private(set) var isPaused = false

    func pause() {
        guard !self.isPaused, let context else { return }
        self.isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    }

    func resume() {
        guard self.isPaused, let context else { return }
        self.isPaused = false
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        self.process()
    }

    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if let relay {
            relay.relayWritabilityChanged(self.isWritable)
        } else if self.isWritable {
            if self.state.pointee.encoder.unsent.readableBytes > 0 { self.flushLater() }
            self.onWritable?()
        }
        context.fireChannelWritabilityChanged()
    }

    // MARK: The end

    public func channelInactive(context: ChannelHandlerContext) {
        self.end(.connectionLost, "the server closed the connection")
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.end(.connectionLost, "the connection broke", cause: error)
    }

    /// Tells the server that the session ends, and closes the connection; what is pending fails.
    public func close() {
        if !self.isClosed, self.login == nil, let context {
            var bytes = ByteBuffer()
            try? bytes.writePostgresTerminate()
            context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        }
        self.end(.connectionLost, "the connection was closed on this side")
    }

    /// Everything ends here, once: the pool hears of it first, so that nobody is given this connection by a receiver that fails.
    func end(_ code: PostgresError.Code, _ message: StaticString, cause: (any Error)? = nil) {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.isWritable = false
        let onClose = self.onClose.take()
        let login = self.login.take()
        self.socket = nil
        self.onNotification = nil
        self.onRoom = nil
        self.onWritable = nil
        self.relay = nil
        self.cancelOnServer = nil
        if let deadlineTarget { self.deadlines.unregister(deadlineTarget) }
        self.deadlineTarget = nil
        self.context?.close(promise: nil)
        onClose?()
        let farewell = self.state.pointee.front.error ?? self.farewell
        let entries = self.state.pointee.entries.removeAll()
        let sent = self.state.pointee.sent
        self.state.pointee.sent = 0
        let hasError = self.state.pointee.front.error != nil
        self.state.pointee.front = PostgresFront()
        login?.connectionEnded(PostgresError(code, message, cause: cause, server: farewell))
        for (place, entry) in entries.enumerated() {
            // The one that the server had answered fails by that answer.
            let isAnswered = place == 0 && hasError
            entry.answer.failed(
                PostgresError(
                    isAnswered ? .serverError : code, isAnswered ? "the server answered with an error" : message, cause: cause,
                    mayHaveRun: place < sent, server: farewell))
        }
    }
}
