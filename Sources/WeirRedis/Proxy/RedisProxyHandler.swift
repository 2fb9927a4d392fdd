public import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// One client of a ``RedisProxy``: reads its commands, passes them on as ``RedisProxyTable`` says, and gives it its replies in its order.
///
/// The last handler of a client's pipeline, on whose loop it belongs. What is sent together is passed on together. A command that moves
/// the client or needs a connection of its own waits until all before it are answered. A client that takes no replies is read from no more,
/// and holds back nobody else. `allowRemoteHalfClosure` is honoured: a client that has said all still gets its replies.
public final class RedisProxyHandler: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    /// What commands that came wait for.
    enum Wait {
        case nothing
        /// The replies to those before them.
        case replies
        /// Fewer replies due, or room on the way to the server.
        case room
        /// A connection.
        case connection
    }

    /// Which replies the client wants.
    enum Replies { case all, none, notTheNext }

    let proxy: LocalRedisProxy
    let loopContext: LoopContext
    // What is unchecked is touched for each command, on the one loop, and in no access that calls out: a twentieth of a request's time was
    // spent on checking it.
    @exclusivity(unchecked) private(set) var context: ChannelHandlerContext?

    // What belongs to the client.
    var identity: RedisIdentity
    @exclusivity(unchecked) var needsLogin: Bool
    var user: String?
    var name = ByteBuffer()
    @exclusivity(unchecked) var replies = Replies.all

    // What it has sent.
    @exclusivity(unchecked) var scanner: RESPCommandScanner
    @exclusivity(unchecked) var pending = ByteBuffer()
    @exclusivity(unchecked) var outstanding = 0
    @exclusivity(unchecked) private var window = RedisProxyWindow()
    @exclusivity(unchecked) var wait = Wait.nothing
    @exclusivity(unchecked) private var isProcessing = false
    @exclusivity(unchecked) private var isReading = true

    // Where it goes.
    @exclusivity(unchecked) private var relay: RedisSharedRelay?
    @exclusivity(unchecked) var leased: RedisLeasedRelay?
    var leaseRequest: LeaseRequest?
    var leaseFailure: ByteBuffer?
    /// Told whether the reply that is due is one, or an error: the client becomes another by it.
    @exclusivity(unchecked) var move: ((_ isGranted: Bool) -> Void)?
    var isTransactionAborted = false

    // What it gets.
    let output: RedisProxyOutput

    @exclusivity(unchecked) public internal(set) var isGone = false
    @exclusivity(unchecked) var isEnding = false
    /// The client says nothing more.
    @exclusivity(unchecked) private(set) var isInputClosed = false
    @exclusivity(unchecked) var isDraining = false
    /// It is closed when it has taken what is sent, or by this at the latest.
    var closing: Scheduled<Void>?
    /// It says nothing more, and is not waited for longer than this.
    private(set) var leaving: Scheduled<Void>?
    var reason: StaticString?
    public private(set) var address: SocketAddress?
    var startedAt: NIODeadline = .uptimeNanoseconds(0)
    @exclusivity(unchecked) var lastActive: NIODeadline = .uptimeNanoseconds(0)
    var target: DeadlineTarget?
    @exclusivity(unchecked) private(set) var commands: UInt64 = 0
    @exclusivity(unchecked) var bytesReceived: UInt64 = 0

    /// On the client's loop.
    ///
    /// - Parameter writesToSocket: replies are written to the channel's socket at once, past its pipeline, which saves a tenth of all that a
    ///   request costs; only what the socket does not take goes through the channel. For a channel without handlers that want to see or
    ///   change what is written, such as TLS.
    public init(_ proxy: LocalRedisProxy, writesToSocket: Bool = false) {
        self.proxy = proxy
        self.output = RedisProxyOutput(writesToSocket: writesToSocket)
        self.loopContext = proxy.loopContext
        self.identity = proxy.anonymous
        let needsLogin = proxy.configuration.users?.needsLogin ?? false
        self.needsLogin = needsLogin
        self.scanner = RESPCommandScanner(limits: needsLogin ? Self.limitsBeforeLogin : proxy.configuration.commandLimits)
    }

    /// As Redis limits those who have not logged in.
    static let limitsBeforeLogin = RESPLimits(maximumBulkLength: 16_384, maximumElements: 16, maximumFrameLength: 65_536)

    // MARK: The channel

    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.begin(context) }
    }

    public func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard self.address == nil, !self.isGone else { return }
        self.address = context.channel.remoteAddress
        self.output.begin(context)
        self.startedAt = self.loopContext.passTime
        self.lastActive = self.startedAt
        self.watchIdleness()
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        self.left()
        self.context = nil
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isEnding, !self.isGone else { return }
        var bytes = Self.unwrapInboundIn(data)
        self.lastActive = self.loopContext.passTime
        self.bytesReceived &+= UInt64(bytes.readableBytes)
        self.proxy.bytesReceived.increment(by: UInt64(bytes.readableBytes))
        if self.pending.readableBytes == 0 { self.pending = bytes } else { self.pending.writeBuffer(&bytes) }
        self.process()
    }

    // Nobody follows who would want to know.
    public func channelReadComplete(context: ChannelHandlerContext) {}
    public func channelWritabilityChanged(context: ChannelHandlerContext) {}

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            self.isInputClosed = true
            // Who blocks its connection may wait for ever, and has gone as far as anyone can know.
            if self.leased?.mayBlock ?? false { self.cut(nil) } else { self.process() }
            let timeout = self.proxy.configuration.stallTimeout
            if !self.isGone, self.leaving == nil {
                self.leaving = self.loopContext.loop.assumeIsolated().scheduleTask(in: timeout) { self.cut("left before its replies came") }
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        self.left()
        context.fireChannelInactive()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) { self.cut("the connection broke") }

    // MARK: Commands

    /// Goes on with what has come, unless it waits for something else.
    func resume() {
        switch self.wait {
        case .nothing, .connection: return
        case .replies: guard self.outstanding == 0, self.leased?.isQuiet ?? true else { return }
        case .room: guard self.outstanding <= self.window.size / 2 else { return }
        }
        self.wait = .nothing
        self.process()
    }

    /// What was waited for has come.
    func goOn() {
        self.wait = .nothing
        self.process()
    }

    func process() {
        guard !self.isProcessing, self.wait == .nothing else { return self.updateReading() }
        self.isProcessing = true
        while self.wait == .nothing, !self.isEnding, !self.isGone {
            if let leased, leased.hold.isEmpty {
                guard self.outstanding == 0, leased.isQuiet else {
                    self.wait = .replies
                    break
                }
                self.endLease()
            }
            guard self.pending.readableBytes >= self.scanner.neededBytes, self.takeCommands() else { break }
        }
        self.isProcessing = false
        self.leased?.flush()
        self.endIfOver()
        self.updateReading()
    }

    func endIfOver() {
        guard self.isInputClosed || self.isDraining, !self.isEnding, !self.isGone else { return }
        let isOver = self.wait == .nothing && self.outstanding == 0
        if self.isInputClosed ? isOver : isOver && self.leased == nil { self.end(self.isInputClosed ? nil : "the proxy stops") }
    }

    /// Passes on what may be passed on, up to the first command that wants more.
    ///
    /// - Returns: false if nothing more can be done with what has come.
    private func takeCommands() -> Bool {
        let room = min(self.window.size, self.proxy.configuration.maximumPending) - self.outstanding
        guard room > 0, !self.output.isFull, !(self.leased?.isFull ?? self.relay?.isFull ?? false) else {
            self.wait = .room
            if self.leased == nil, room > 0, !self.output.isFull { self.relay?.tellOfRoom(self) }
            return false
        }
        let bytes = self.pending
        var found = RESPCommandScanner.Found.cutOff
        var action = RedisProxyAction.forward
        var (end, count) = (0, 0)
        do throws(RESPError) {
            try bytes.readableBytesSpan.withUnsafeBytes { pointer throws(RESPError) in
                var first = RedisCommandName()
                scanning: while count < room {
                    do throws(RESPError) {
                        found = try self.scanner.next(pointer, at: end)
                    } catch {
                        // What stands before it is passed on first, and then there is only this.
                        guard end > 0 else { throw error }
                        self.scanner = self.newScanner()
                        found = .empty(end: end)
                        break scanning
                    }
                    switch found {
                    case .command(let command):
                        let name = RedisCommandName(pointer, at: command.nameStart, length: command.nameLength)
                        action = self.proxy.lookup.action(of: name)
                        if action != .forward || self.needsLogin {
                            action = self.action(action, name, of: bytes, from: end, to: command.end)
                            if action != .forward { break scanning }
                        }
                        if count == 0 { first = name }
                        count += 1
                        end = command.end
                        // One more would be the next.
                        if self.replies == .notTheNext { break scanning }
                    case .empty(let emptyEnd): end = emptyEnd
                    case .cutOff, .inline: break scanning
                    }
                }
                if count > 0 { self.forward(UnsafeRawBufferPointer(rebasing: pointer[..<end]), count, first) }
            }
        } catch {
            self.violated(error)
            return false
        }
        if self.isGone { return false }
        self.pending.moveReaderIndex(forwardBy: end)
        if self.replies == .notTheNext, count > 0 {
            self.wait = .replies
            return false
        }
        switch found {
        case .command(let command) where action != .forward:
            guard self.handle(action, self.pending.getSlice(at: self.pending.readerIndex, length: command.end - end)!) else { return false }
            // The next one's reply is wanted.
            if self.replies == .notTheNext, self.outstanding > 0 { self.wait = .replies }
            return self.wait == .nothing
        case .inline:
            return self.expandInline()
        case .command, .empty: return self.pending.readableBytes > 0
        case .cutOff:
            if self.pending.readableBytes == 0 { self.pending = ByteBuffer() }
            return false
        }
    }

    func newScanner() -> RESPCommandScanner {
        RESPCommandScanner(limits: self.needsLogin ? Self.limitsBeforeLogin : self.proxy.configuration.commandLimits)
    }

    private func forward(_ bytes: UnsafeRawBufferPointer, _ count: Int, _ name: RedisCommandName) {
        self.outstanding += count
        self.count(count)
        if let leased {
            if leased.isStream { self.outstanding -= count }
            leased.mayBlock = false
            leased.append(bytes, count: count)
        } else {
            self.sharedRelay().append(bytes, count: count, name: name, of: self)
        }
    }

    func count(_ count: Int) {
        self.commands &+= UInt64(count)
        self.proxy.commands.increment(by: UInt64(count))
    }

    func sharedRelay() -> RedisSharedRelay {
        if let relay { return relay }
        let relay = self.proxy.join(self.identity)
        self.relay = relay
        return relay
    }

    /// From now on its commands go where those of its identity go.
    func leaveRelay() {
        guard let relay = self.relay.take() else { return }
        self.proxy.leave(relay)
    }

    /// Uses this relay, which was joined for the client.
    func use(_ relay: RedisSharedRelay) {
        self.leaveRelay()
        self.relay = relay
    }

    /// Inline commands become what others send.
    private func expandInline() -> Bool {
        var decoder = RESPRequestDecoder(limits: self.proxy.configuration.commandLimits)
        var commands = ByteBuffer()
        var rest = self.pending
        do {
            while let first = rest.readableBytesView.first, first != UInt8(ascii: "*") {
                guard let request = try decoder.decode(buffer: &rest) else { break }
                commands.writeImmutableBuffer(request.bytes)
                self.pending = rest
            }
        } catch {
            // What stood before it first.
            if commands.readableBytes == 0 {
                self.violated(error as? RESPError)
                return false
            }
        }
        guard commands.readableBytes > 0 else { return false }
        commands.writeImmutableBuffer(self.pending)
        self.pending = commands
        return true
    }

    /// What came is no command: the client is told why, as Redis tells it, and disconnected.
    private func violated(_ error: RESPError?) {
        guard self.outstanding == 0 else {
            self.wait = .replies
            self.scanner = self.newScanner()
            return
        }
        let message = error?.code == .unbalancedQuotes ? "unbalanced quotes in request" : error?.message ?? "not the protocol"
        self.answer("-ERR Protocol error: \(message)\r\n")
        self.end("sent what is not the protocol")
    }

    // MARK: Reading

    /// What cannot be passed on is left with the client.
    func updateReading() {
        // Some of what it must wait with is read all the same: who blocks and leaves is noticed by reading only.
        let mayWait = self.pending.readableBytes < self.proxy.configuration.maximumInput
        let shouldRead = !self.output.isFull && !self.isEnding && (self.wait == .nothing || mayWait)
        guard shouldRead != self.isReading, !self.isGone, let context else { return }
        self.isReading = shouldRead
        try? context.channel.syncOptions?.setOption(.autoRead, value: shouldRead)
    }

    // MARK: Replies

    /// What the server has answered.
    ///
    /// - Parameters:
    ///   - completed: commands whose replies end with this.
    ///   - isPush: it is no reply, and comes whichever replies are wanted.
    @inline(__always)
    func deliver(_ bytes: ByteBuffer, completed: Int, isPush: Bool = false) {
        self.outstanding -= completed
        self.window.delivered(bytes.readableBytes, completed: completed, maximum: self.proxy.configuration.maximumPending)
        // Over a connection of its own something may be pushed before the reply: that one says so itself.
        if self.move != nil, self.leased == nil { self.moved(isGranted: bytes.readableBytesView.first != UInt8(ascii: "-")) }
        self.write(bytes, isPush: isPush)
        if completed > 0 { self.completed() }
    }

    @inline(__always)
    private func completed() {
        if self.outstanding == 0, self.replies == .notTheNext { self.replies = .all }
        if self.wait != .nothing { self.resume() }
        guard self.outstanding == 0 else { return }
        if let leased, leased.hold.isEmpty, self.wait == .nothing { self.process() }
        if self.isEnding { self.closeWhenTaken() } else if self.isInputClosed || self.isDraining { self.endIfOver() }
    }

    /// What was asked for by SELECT and its like is granted, or not.
    func moved(isGranted: Bool) { self.move.take()?(isGranted) }

    /// Commands that found no connection; none was sent.
    func refused(_ error: RedisDressingError, commands: Int) {
        self.outstanding -= commands
        self.moved(isGranted: false)
        self.proxy.refusals.increment(by: UInt64(commands))
        let reply = error.reply ?? Self.unreachable
        for _ in 0..<commands { self.write(reply) }
        self.completed()
    }

    static let unreachable = ByteBuffer(string: "-ERR the proxy has no connection to the server\r\n")

    /// Says something of the proxy's own, in its turn: when nothing else is due.
    func answer(_ text: String) { self.answer(ByteBuffer(string: text)) }

    func answer(_ reply: ByteBuffer) {
        self.write(reply)
        // If it was the one that is not wanted.
        if self.replies == .notTheNext { self.replies = .all }
    }

    func write(_ bytes: ByteBuffer, isPush: Bool = false) {
        guard !self.isGone, self.replies == .all || isPush, let context else { return }
        self.proxy.bytesSent.increment(by: UInt64(bytes.readableBytes))
        self.output.write(bytes, self, context)
    }

    /// It takes replies again, or no more for now.
    func outputChanged() {
        self.leased?.setReading(!self.output.isSlow)
        self.updateReading()
        if !self.output.isFull { self.resume() }
    }
}
