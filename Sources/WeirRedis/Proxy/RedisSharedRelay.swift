import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// A connection that the clients of one loop share who have one identity: their commands go out in the order in which they come, in one
/// write for each pass of the loop, and what comes back is handed on as it arrives.
///
/// Nothing is kept of replies, and of commands only what is not sent. A client that has gone keeps its place until its replies have come,
/// which are nobody's then. When the connection is lost, those who may have been served in part are told; commands that were never sent
/// wait for the next one.
final class RedisSharedRelay: RedisRelay, LeaseReceiver, DeadlineReceiver {
    typealias Resource = RedisConnection

    /// Commands of one client that follow each other.
    private struct Entry {
        /// Nil for the relay's own.
        let client: RedisProxyHandler?
        let count: Int
        /// Of them, those whose replies are due.
        var replies: Int
        let length: Int
        let askedAt: NIODeadline
        let name: RedisCommandName
    }

    let identity: RedisIdentity
    private unowned let proxy: LocalRedisProxy
    private let loopContext: LoopContext
    private struct State {
        var entries = CircularBuffer<Entry>(initialCapacity: 64)
        /// Entries that were given to the channel.
        var sent = 0
        var unsent = ByteBuffer()
        var splitter = RESPFrameSplitter.forRelay
        var isInPush = false
    }

    // Behind a pointer, so that no exclusivity check is paid for each command.
    private let state: UnsafeMutablePointer<State>
    private var lease: Lease<RedisConnection>?
    private var request: LeaseRequest?
    @exclusivity(unchecked) private(set) var connection: RedisConnection?
    /// Whom the connection told before.
    private var closed: (() -> Void)?
    private var isConnecting = false
    private var connectDeadline = NIODeadline.distantFuture
    @exclusivity(unchecked) private var isFlushScheduled = false
    private let flusher = Flusher()
    @exclusivity(unchecked) private var lastProgress: NIODeadline = .uptimeNanoseconds(0)
    private var target: DeadlineTarget?
    private var look: DeadlineToken?
    /// Clients that wait until there is a connection, and those that wait for room.
    private var whenConnected: [(Result<Void, RedisDressingError>) -> Void] = []
    @exclusivity(unchecked) private var whenRoom: [RedisProxyHandler] = []
    /// Clients whose commands come here.
    @exclusivity(unchecked) var users = 0
    private var isEnded = false

    private final class Flusher {
        // Cleared by the relay's deinit, which runs on the same loop.
        var relay: Unmanaged<RedisSharedRelay>?
        lazy var flush: () -> Void = { [unowned self] in self.relay?.takeUnretainedValue().flush() }
    }

    private static var keptCapacity: Int { 256 * 1024 }

    init(_ identity: RedisIdentity, proxy: LocalRedisProxy) {
        self.identity = identity
        self.proxy = proxy
        self.loopContext = proxy.loopContext
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: State())
        self.flusher.relay = .passUnretained(self)
    }

    deinit {
        self.flusher.relay = nil
        self.state.deinitialize(count: 1)
        self.state.deallocate()
    }

    var isFull: Bool { self.state.pointee.unsent.readableBytes >= self.proxy.configuration.maximumUnsent }
    var inFlight: Int { self.state.pointee.entries.count }

    // MARK: Commands

    /// Takes commands of a client that follow each other.
    ///
    /// - Parameters:
    ///   - bytes: exactly these commands.
    ///   - count: how many; at least one.
    @inline(__always)
    func append(_ bytes: UnsafeRawBufferPointer, count: Int, name: RedisCommandName, of client: RedisProxyHandler?) {
        self.state.pointee.unsent.writeBytes(bytes)
        self.state.pointee.entries.append(
            Entry(
                client: client, count: count, replies: count, length: bytes.count,
                askedAt: self.loopContext.passTime, name: name))
        if !self.isFlushScheduled { self.scheduleFlush() }
    }

    private func scheduleFlush() {
        guard let connection else { return self.connect() }
        guard connection.isWritable else { return }
        self.isFlushScheduled = true
        // Runs when the events of this pass are done: what they bring shares one write.
        self.loopContext.loop.assumeIsolated().execute(self.flusher.flush)
    }

    private func flush() {
        self.isFlushScheduled = false
        guard let connection, connection.isWritable, self.state.pointee.unsent.readableBytes > 0 else { return }
        if self.state.pointee.sent == 0 { self.lastProgress = self.loopContext.passTime }
        self.state.pointee.sent = self.state.pointee.entries.count
        let bytes = self.state.pointee.unsent
        // What is appended from here on must not touch what the channel holds; its memory is used again when it is free.
        self.state.pointee.unsent.moveReaderIndex(to: self.state.pointee.unsent.writerIndex)
        connection.write(bytes)
        self.reclaim(consume bytes)
        if !self.whenRoom.isEmpty { self.tellOfRoom() }
    }

    private func reclaim(_ bytes: consuming ByteBuffer) {
        _ = consume bytes
        guard self.state.pointee.unsent.readableBytes == 0 else { return }
        if self.state.pointee.unsent.capacity > Self.keptCapacity {
            self.state.pointee.unsent = ByteBuffer()
        } else {
            self.state.pointee.unsent.clear()
        }
    }

    /// The client is told when there is room again.
    func tellOfRoom(_ client: RedisProxyHandler) { self.whenRoom.append(client) }

    private func tellOfRoom() {
        guard !self.isFull else { return }
        let clients = self.whenRoom
        self.whenRoom = []
        for client in clients { client.resume() }
    }

    // MARK: Replies

    func relayReceived(_ bytes: ByteBuffer) {
        self.lastProgress = self.loopContext.passTime
        do throws(RESPError) {
            let isInOrder = try bytes.readableBytesSpan.withUnsafeBytes { pointer throws(RESPError) in try self.split(pointer, bytes) }
            if !isInOrder { self.connection?.close() }
        } catch {
            self.connection?.close()
        }
        if self.users == 0, self.state.pointee.entries.isEmpty { self.proxy.unusedIfIdle(self) }
    }

    /// - Returns: false for what is the reply to nothing.
    private func split(_ pointer: UnsafeRawBufferPointer, _ bytes: ByteBuffer) throws(RESPError) -> Bool {
        var at = 0
        while at < pointer.count {
            if self.state.pointee.sent == 0 || self.state.pointee.isInPush {
                guard try self.passPush(pointer, &at) else { return false }
                continue
            }
            let due = self.state.pointee.entries[self.state.pointee.entries.startIndex].replies
            var left = due
            let start = at
            at = try self.state.pointee.splitter.pass(pointer, from: at, values: &left)
            let client: RedisProxyHandler?
            if left == 0 {
                let entry = self.state.pointee.entries.removeFirst()
                self.state.pointee.sent -= 1
                if let threshold = self.proxy.configuration.slowThreshold { self.tellIfSlow(entry, threshold) }
                client = entry.client
            } else {
                client = self.state.pointee.entries[self.state.pointee.entries.startIndex].client
                self.state.pointee.entries[self.state.pointee.entries.startIndex].replies = left
            }
            if let client, at > start, !client.isGone {
                client.deliver(bytes.getSlice(at: bytes.readerIndex + start, length: at - start)!, completed: due - left)
            }
            // Whoever was told may have ended it.
            if self.connection == nil { return true }
            if left > 0, at < pointer.count, try !self.passPush(pointer, &at) { return false }
        }
        return true
    }

    /// What is pushed on a shared connection was asked for by nobody who is here.
    private func passPush(_ pointer: UnsafeRawBufferPointer, _ at: inout Int) throws(RESPError) -> Bool {
        guard pointer[at] == RESPKind.push.rawValue || self.state.pointee.isInPush else { return false }
        var one = 1
        at = try self.state.pointee.splitter.pass(pointer, from: at, values: &one, stopsAtPush: false)
        self.state.pointee.isInPush = one > 0
        return true
    }

    private func tellIfSlow(_ entry: Entry, _ threshold: TimeAmount) {
        let duration = self.loopContext.passTime - entry.askedAt
        guard duration >= threshold, let client = entry.client else { return }
        self.proxy.wasSlow(entry.name, count: entry.count, duration, of: client)
    }

    func relayWritabilityChanged(_ isWritable: Bool) {
        if isWritable, self.state.pointee.unsent.readableBytes > 0, !self.isFlushScheduled { self.scheduleFlush() }
    }

    // MARK: The connection

    /// Calls back when there is a connection, or when it is known that there is none to be had.
    func connected(_ body: @escaping (Result<Void, RedisDressingError>) -> Void) {
        if self.connection != nil { return body(.success(())) }
        self.whenConnected.append(body)
        self.connect()
    }

    private func connect(deadline: NIODeadline? = nil) {
        guard !self.isConnecting, self.connection == nil, !self.isEnded else { return }
        self.isConnecting = true
        self.connectDeadline = deadline ?? self.loopContext.loop.now + self.proxy.configuration.connectionTimeout
        let request = self.proxy.pool.lease(owner: .sharedConnection, deadline: self.connectDeadline, to: self)
        if self.isConnecting, self.lease == nil { self.request = request }
    }

    func leaseGranted(_ lease: consuming Lease<RedisConnection>, tag: UInt64) {
        self.request = nil
        let connection = lease.resource
        guard connection.isUsable, !self.isEnded, self.identity.commands(from: connection.identity) != nil else {
            lease.discard()
            self.isConnecting = false
            if !self.isEnded { self.connectAgain() }
            return
        }
        lease.holdForLong()
        self.lease = consume lease
        let closed = connection.onClose
        self.closed = closed
        connection.onClose = { [weak self] in
            closed?()
            self?.connectionLost(connection)
        }
        dress(connection, as: self.identity, deadline: self.connectDeadline) { result in
            guard self.isConnecting, !self.isEnded else { return }
            self.isConnecting = false
            switch result {
            case .success: self.attach(connection)
            case .failure(let error):
                connection.onClose = closed
                self.lease.take()?.discard()
                if error.reply == nil, self.loopContext.loop.now < self.connectDeadline {
                    self.connectAgain()
                } else {
                    self.failUnsent(error)
                }
            }
        }
    }

    /// The connection was lost before anything of a client was sent.
    private func connectAgain() {
        self.isConnecting = true
        self.loopContext.loop.assumeIsolated().scheduleTask(in: LocalRedisProxy.pause) {
            self.isConnecting = false
            self.connect(deadline: self.connectDeadline)
        }
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.request = nil
        self.isConnecting = false
        self.failUnsent(RedisDressingError(reply: nil))
    }

    private func attach(_ connection: RedisConnection) {
        self.connection = connection
        connection.relay = self
        self.state.pointee.splitter = .forRelay
        self.state.pointee.isInPush = false
        self.lastProgress = self.loopContext.passTime
        self.dropCommandsOfTheGone()
        let waiting = self.whenConnected
        self.whenConnected = []
        for body in waiting { body(.success(())) }
        if self.state.pointee.unsent.readableBytes > 0, !self.isFlushScheduled { self.scheduleFlush() }
        self.scheduleLook()
    }

    /// Who cannot be served is told, and nothing was sent.
    private func failUnsent(_ error: RedisDressingError) {
        let failed = self.state.pointee.entries
        self.state.pointee.entries.removeAll(keepingCapacity: true)
        self.state.pointee.unsent.clear()
        let waiting = self.whenConnected
        self.whenConnected = []
        for body in waiting { body(.failure(error)) }
        for entry in failed {
            guard let client = entry.client, !client.isGone else { continue }
            client.refused(error, commands: entry.replies)
        }
        self.tellOfRoom()
        self.proxy.unusedIfIdle(self)
    }

    private func connectionLost(_ connection: RedisConnection) {
        // During the dressing, which says so itself.
        guard self.connection != nil else { return }
        self.connection = nil
        self.lease.take()?.discard()
        self.cancelLook()
        let lost = self.state.pointee.entries.prefix(self.state.pointee.sent)
        let clients = lost.compactMap(\.client)
        self.state.pointee.entries.removeFirst(self.state.pointee.sent)
        self.state.pointee.sent = 0
        for client in clients { client.upstreamLost() }
        self.dropCommandsOfTheGone()
        if !self.state.pointee.entries.isEmpty || !self.whenConnected.isEmpty {
            self.loopContext.loop.assumeIsolated().execute { self.connect() }
        }
        self.proxy.unusedIfIdle(self)
    }

    /// Commands that were not sent and whose client has left meanwhile are not run.
    private func dropCommandsOfTheGone() {
        guard self.state.pointee.sent == 0, self.state.pointee.entries.contains(where: { $0.client?.isGone ?? false }) else { return }
        var kept = CircularBuffer<Entry>(initialCapacity: 64)
        var bytes = ByteBuffer()
        for entry in self.state.pointee.entries {
            guard let slice = self.state.pointee.unsent.readSlice(length: entry.length) else { break }
            if entry.client?.isGone ?? false { continue }
            bytes.writeImmutableBuffer(slice)
            kept.append(entry)
        }
        self.state.pointee.entries = kept
        self.state.pointee.unsent = bytes
        self.loopContext.loop.assumeIsolated().execute { self.tellOfRoom() }
    }

    // MARK: Health

    private func scheduleLook() {
        let stallTimeout = self.proxy.configuration.stallTimeout
        let interval = min(self.proxy.configuration.connection.keepAlive ?? stallTimeout, stallTimeout)
        let target = self.target ?? self.loopContext.deadlines.register(self)
        self.target = target
        self.cancelLook()
        self.look = self.loopContext.deadlines.arm(at: self.loopContext.loop.now + interval, target: target, tag: 0)
    }

    private func cancelLook() { if let look = self.look.take() { self.loopContext.deadlines.cancel(look) } }

    func deadlineReached(tag: UInt64) {
        self.look = nil
        guard let connection else { return }
        self.scheduleLook()
        let silence = self.loopContext.loop.now - self.lastProgress
        if self.state.pointee.sent > 0 {
            if silence >= self.proxy.configuration.stallTimeout { connection.stalled() }
        } else if let keepAlive = self.proxy.configuration.connection.keepAlive, silence >= keepAlive, self.state.pointee.entries.isEmpty {
            // Its reply is nobody's; without one the connection is stalled.
            ByteBuffer(string: "*1\r\n$4\r\nPING\r\n").withUnsafeReadableBytes {
                self.append($0, count: 1, name: RedisCommandName("PING"), of: nil)
            }
        }
    }

    // MARK: The end

    /// Nobody uses it any more: its connection is another's.
    func end() {
        self.isEnded = true
        if let request = self.request.take() { self.proxy.pool.cancel(request) }
        self.cancelLook()
        if let target { self.loopContext.deadlines.unregister(target) }
        self.target = nil
        guard let connection = self.connection.take() else { return self.lease.take()?.discard() ?? () }
        connection.relay = nil
        connection.onClose = self.closed
        if self.state.pointee.entries.isEmpty, connection.isUsable { self.lease.take()?.release() } else { self.lease.take()?.discard() }
    }
}
