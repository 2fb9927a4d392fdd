import NIOCore
import WeirPool
import WeirRESP

/// A connection that one client has for itself for a while, and what is known of its state.
///
/// It goes back to the pool only if what the client began has surely ended; otherwise it is closed, and the server forgets what was on it.
final class RedisLeasedRelay: RedisRelay {
    /// Why the client still needs it.
    struct Hold: OptionSet {
        let rawValue: UInt8
        /// The command for which it was leased has not been sent.
        static let granted = Hold(rawValue: 1)
        static let transaction = Hold(rawValue: 2)
        static let watch = Hold(rawValue: 4)
        static let subscriptions = Hold(rawValue: 8)
        static let forGood = Hold(rawValue: 16)
    }

    /// How what arrives is taken.
    private enum Mode {
        case replies
        case subscriptions
        /// Without an end: nothing is taken for the reply to anything.
        case stream
    }

    /// What is done with a reply.
    enum Due: Equatable {
        case passed
        /// It is the proxy's own.
        case swallowed
        /// It says whether there is a transaction.
        case beginning
        /// It says whether the transaction is over.
        case ending
        /// It says whether the client is another one now.
        case moving
    }

    let connection: RedisConnection
    private var lease: Lease<RedisConnection>?
    private unowned let client: RedisProxyHandler
    var hold: Hold = .granted
    /// Something was done that is not undone by the end of what holds it.
    var isTainted = false
    /// The last command may wait for ever.
    var mayBlock = false
    private var mode = Mode.replies
    private var due = CircularBuffer<(due: Due, count: Int)>()
    private var splitter = RESPFrameSplitter.forRelay
    private var isInPush = false
    /// With subscriptions: what has come of a value that is not whole.
    private var partial = ByteBuffer()
    private(set) var subscriptions = RedisSubscriptionState()
    private var unsent = ByteBuffer()
    private var isReading = true
    /// Whom the connection told before.
    private let closed: (() -> Void)?

    init(_ lease: consuming Lease<RedisConnection>, _ client: RedisProxyHandler) {
        self.connection = lease.resource
        lease.holdForLong()
        self.lease = consume lease
        self.client = client
        let closed = self.connection.onClose
        self.closed = closed
        self.connection.onClose = { [weak self] in
            closed?()
            self?.lost()
        }
        self.connection.relay = self
    }

    var isStream: Bool { self.mode == .stream }
    var isSubscribing: Bool { self.mode == .subscriptions }
    /// Nothing is due from the server.
    var isQuiet: Bool { self.due.isEmpty && self.subscriptions.isQuiet }
    /// More is not taken for now.
    var isFull: Bool { !self.connection.isWritable }

    // MARK: Commands

    func append(_ bytes: UnsafeRawBufferPointer, count: Int, _ due: Due = .passed) {
        self.unsent.writeBytes(bytes)
        switch self.mode {
        case .stream: break
        case .subscriptions: self.subscriptions.sent(replies: count, due)
        case .replies:
            if let last = self.due.last, last.due == due {
                self.due[self.due.index(before: self.due.endIndex)].count += count
            } else {
                self.due.append((due, count))
            }
        }
    }

    /// Takes a command of the SUBSCRIBE family. Nothing else may be due if it is the first one.
    func append(_ bytes: UnsafeRawBufferPointer, subscribing word: String, topics: Int) {
        self.mode = .subscriptions
        self.hold.insert(.subscriptions)
        self.subscriptions.sent(word, topics: topics)
        self.unsent.writeBytes(bytes)
    }

    /// From now on nothing is matched any more.
    func becomeStream() {
        self.mode = .stream
        self.due.removeAll()
    }

    func flush() {
        guard self.unsent.readableBytes > 0 else { return }
        let bytes = self.unsent
        self.unsent = ByteBuffer()
        self.connection.write(bytes)
    }

    // MARK: What arrives

    func relayReceived(_ bytes: ByteBuffer) {
        do throws(RESPError) {
            switch self.mode {
            case .stream: self.client.deliver(bytes, completed: 0, isPush: true)
            case .subscriptions: try self.read(bytes)
            case .replies:
                let isInOrder = try bytes.readableBytesSpan.withUnsafeBytes { pointer throws(RESPError) in try self.split(pointer, bytes) }
                if !isInOrder { self.connection.close() }
            }
        } catch {
            self.connection.close()
        }
    }

    /// With subscriptions each value is looked at as a whole.
    private func read(_ bytes: ByteBuffer) throws(RESPError) {
        var bytes = bytes
        while bytes.readableBytes > 0, self.lease != nil {
            var one = 1
            let end = try bytes.readableBytesSpan.withUnsafeBytes { pointer throws(RESPError) in
                try self.splitter.pass(pointer, from: 0, values: &one, stopsAtPush: false)
            }
            guard var piece = bytes.readSlice(length: end) else { return }
            if one > 0 || self.partial.readableBytes > 0 { self.partial.writeBuffer(&piece) }
            guard one == 0 else { return }
            let value = self.partial.readableBytes > 0 ? self.partial : piece
            self.partial = ByteBuffer()
            self.received(value)
        }
    }

    private func received(_ value: ByteBuffer) {
        let answered = self.subscriptions.received(value, version: self.client.identity.version)
        if !self.subscriptions.isSubscribed, self.subscriptions.isQuiet { self.hold.remove(.subscriptions) }
        if let due = answered.due { value.withUnsafeReadableBytes { self.look(at: $0, due) } }
        if answered.due == .swallowed {
            self.client.resume()
        } else {
            self.client.deliver(value, completed: answered.due == nil ? 0 : 1, isPush: answered.isPush)
        }
    }

    private func split(_ pointer: UnsafeRawBufferPointer, _ bytes: ByteBuffer) throws(RESPError) -> Bool {
        var at = 0
        while at < pointer.count, self.lease != nil {
            let start = at
            if self.isInPush || pointer[at] == RESPKind.push.rawValue && !self.splitter.isInside {
                // Invalidations, and what else this client has asked for.
                var one = 1
                at = try self.splitter.pass(pointer, from: at, values: &one, stopsAtPush: false)
                self.isInPush = one > 0
                self.client.deliver(bytes.getSlice(at: bytes.readerIndex + start, length: at - start)!, completed: 0, isPush: true)
                continue
            }
            guard let first = self.due.first else { return false }
            var left = first.count
            if first.due == .beginning || first.due == .ending || first.due == .moving {
                left = 1
                if !self.splitter.isInside { self.look(at: UnsafeRawBufferPointer(rebasing: pointer[at...]), first.due) }
            }
            let asked = left
            at = try self.splitter.pass(pointer, from: at, values: &left)
            let completed = asked - left
            if first.count == completed {
                self.due.removeFirst()
            } else {
                self.due[self.due.startIndex].count -= completed
            }
            if first.due == .swallowed {
                if completed > 0 { self.client.resume() }
            } else if at > start {
                self.client.deliver(bytes.getSlice(at: bytes.readerIndex + start, length: at - start)!, completed: completed)
            }
        }
        return true
    }

    /// A transaction that was not ended by this reply goes on: `EXEC` that the access list forbids, for one.
    private func look(at reply: UnsafeRawBufferPointer, _ due: Due) {
        let isError = reply[0] == UInt8(ascii: "-")
        // MULTI was refused, as to one who has not logged in. What was sent after it may have begun another.
        let isLast = self.mode == .subscriptions ? self.subscriptions.isQuiet : self.due.count == 1
        if due == .beginning, isError, isLast { self.hold.remove(.transaction) }
        if due == .moving { self.client.moved(isGranted: !isError) }
        if due == .ending, isError, !"-EXECABORT".utf8.elementsEqual(reply.prefix(10)) { self.isTainted = true }
    }

    func relayWritabilityChanged(_ isWritable: Bool) {
        if isWritable { self.client.resume() }
    }

    /// Reads no more while the client takes nothing.
    func setReading(_ isReading: Bool) {
        guard isReading != self.isReading else { return }
        self.isReading = isReading
        try? self.connection.channel?.syncOptions?.setOption(.autoRead, value: isReading)
    }

    // MARK: The end

    private func lost() {
        guard self.lease != nil else { return }
        self.lease.take()?.discard()
        self.client.upstreamLost()
    }

    /// Gives it back, or closes it where its state is in doubt.
    func end() {
        guard let lease = self.lease.take() else { return }
        self.connection.onClose = self.closed
        let isClean = self.hold.isEmpty && !self.isTainted && self.isQuiet && !self.isInPush && !self.splitter.isInside
        guard isClean, self.connection.isUsable else { return lease.discard() }
        self.connection.relay = nil
        self.setReading(true)
        lease.release()
    }
}
