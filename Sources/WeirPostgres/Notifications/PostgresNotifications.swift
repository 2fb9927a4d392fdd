import NIOCore
import WeirCore
import WeirPool

/// All that one loop listens to, over one connection that it holds as long as there is anything. Belongs to the loop.
///
/// Without a connection it asks the pool for one, again and again with a pause that grows; a channel that was heard before is then heard with
/// a gap, which its listeners are told of.
final class PostgresNotifications: LeaseReceiver {
    typealias Resource = PostgresConnection

    private struct Channel {
        var listeners: [(number: UInt64, listener: any PostgresListener)] = []
        /// The server has confirmed it on this connection.
        var isHeard = false
        /// It was heard before, on another connection.
        var wasHeard = false
    }

    private let pool: LocalPool<PostgresConnection>
    private let loopContext: LoopContext
    private let configuration: PostgresConfiguration
    private var backoff: Backoff
    private var channels: [String: Channel] = [:]
    private var lastNumber: UInt64 = 0
    private var lease: Lease<PostgresConnection>?
    private var connection: PostgresConnection?
    private var request: LeaseRequest?
    private var isAsking = false
    private var isResting = false
    private var isEnded = false
    private var look: Scheduled<Void>?

    init(pool: LocalPool<PostgresConnection>, loopContext: LoopContext, configuration: PostgresConfiguration, backoff: Backoff = Backoff())
    {
        self.pool = pool
        self.loopContext = loopContext
        self.configuration = configuration
        self.backoff = backoff
    }

    /// How many names there may be; a listener more of one that is there costs the server nothing.
    private static var maximumChannels: Int { 65_536 }

    // MARK: Listeners

    func add(_ listener: any PostgresListener, to channel: String) throws(PostgresError) -> UInt64 {
        guard !self.isEnded else { throw PostgresError(.shutdown, "the client is being shut down") }
        guard (1...63).contains(channel.utf8.count), !channel.utf8.contains(0) else {
            throw PostgresError(.notEncodable, "the name of a channel has 1 to 63 bytes, and no NUL")
        }
        guard self.channels.count < Self.maximumChannels || self.channels[channel] != nil else {
            throw PostgresError(.tooManyPending, "more channels are listened to than are allowed")
        }
        self.lastNumber += 1
        let isNew = self.channels[channel] == nil
        self.channels[channel, default: Channel()].listeners.append((self.lastNumber, listener))
        if isNew {
            if self.connection != nil { self.ask(channel) } else { self.connect() }
        } else if self.channels[channel]?.isHeard ?? false {
            listener.postgresListens(to: channel, mayHaveMissed: false)
        }
        return self.lastNumber
    }

    func remove(_ number: UInt64, from channel: String) {
        self.channels[channel]?.listeners.removeAll { $0.number == number }
        guard self.channels[channel]?.listeners.isEmpty ?? false else { return }
        self.channels[channel] = nil
        if self.channels.isEmpty { return self.letGo() }
        self.say("unlisten \(Self.quoted(channel))") { _ in }
    }

    // MARK: The connection

    private func connect() {
        guard !self.isAsking, !self.isResting, self.lease == nil, !self.isEnded, !self.channels.isEmpty else { return }
        self.isAsking = true
        let request = self.pool.lease(owner: .listeners, to: self)
        if self.isAsking { self.request = request }
    }

    func leaseGranted(_ lease: consuming Lease<PostgresConnection>, tag: UInt64) {
        self.isAsking = false
        self.request = nil
        let connection = lease.resource
        guard connection.isIdle, !self.isEnded else { return lease.discard() }
        guard !self.channels.isEmpty else { return lease.release() }
        lease.holdForLong()
        self.lease = consume lease
        self.connection = connection
        let closed = connection.onClose
        connection.onClose = { [weak self] in
            closed?()
            self?.connectionLost()
        }
        connection.onNotification = { [weak self] notification in self?.notified(notification) }
        for channel in self.channels.keys { self.ask(channel) }
        self.scheduleLook()
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.isAsking = false
        self.request = nil
        self.connectAgain()
    }

    private func connectionLost() {
        self.connection = nil
        self.look?.cancel()
        self.lease.take()?.discard()
        for (name, channel) in self.channels where channel.isHeard {
            self.channels[name]?.isHeard = false
            self.channels[name]?.wasHeard = true
        }
        self.connectAgain()
    }

    private func connectAgain() {
        guard !self.isResting, !self.isEnded, !self.channels.isEmpty else { return }
        self.isResting = true
        self.loopContext.loop.assumeIsolated().scheduleTask(in: self.backoff.next()) { [weak self] in
            self?.isResting = false
            self?.connect()
        }
    }

    /// Nobody listens any more.
    private func letGo() {
        self.look?.cancel()
        if let request = self.request.take() {
            self.pool.cancel(request)
            self.isAsking = false
        }
        let connection = self.connection.take()
        connection?.onClose = nil
        connection?.onNotification = nil
        self.lease.take()?.discard()
        connection?.close()
    }

    // MARK: What is said

    private func ask(_ channel: String) {
        self.say("listen \(Self.quoted(channel))") { [weak self] result in
            switch result {
            case .success: self?.heard(channel)
            case .failure(let error): self?.refused(channel, error)
            }
        }
    }

    private func say(_ sql: String, _ then: @escaping (Result<PostgresResult, PostgresError>) -> Void) {
        guard let connection else { return }
        connection.sendSimple(
            sql, deadline: self.loopContext.loop.now + self.configuration.statementTimeout, number: connection.nextNumber(),
            answer: PostgresAnswer(receiver: PostgresCollector(limits: .unlimited, then), tag: 0), special: nil)
    }

    private func heard(_ channel: String) {
        self.backoff.reset()
        guard let entry = self.channels[channel], !entry.isHeard else { return }
        self.channels[channel]?.isHeard = true
        for (_, listener) in entry.listeners { listener.postgresListens(to: channel, mayHaveMissed: entry.wasHeard) }
    }

    private func refused(_ channel: String, _ error: PostgresError) {
        guard error.code == .serverError, !(error.server?.isFatal ?? false) else {
            // The connection is lost or late: the next one asks again.
            self.connection?.close()
            return
        }
        let entry = self.channels.removeValue(forKey: channel)
        for (_, listener) in entry?.listeners ?? [] { listener.postgresListenFailed(error, channel: channel) }
        if self.channels.isEmpty { self.letGo() }
    }

    private func notified(_ notification: PostgresNotification) {
        for (_, listener) in self.channels[notification.channel]?.listeners ?? [] { listener.postgresNotified(notification) }
    }

    private static func quoted(_ name: String) -> String {
        "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }

    /// Nothing may be told for hours: whether the connection lives is asked.
    private func scheduleLook() {
        guard let keepAlive = self.configuration.keepAlive else { return }
        self.look = self.loopContext.loop.assumeIsolated().scheduleTask(in: keepAlive) { [weak self] in
            guard let self, let connection = self.connection else { return }
            self.say("") { [weak connection] result in if case .failure = result { connection?.close() } }
            self.scheduleLook()
        }
    }

    // MARK: The end

    func end() {
        guard !self.isEnded else { return }
        self.isEnded = true
        let channels = self.channels
        self.channels = [:]
        self.letGo()
        let error = PostgresError(.shutdown, "the client was shut down")
        for (name, channel) in channels { for (_, listener) in channel.listeners { listener.postgresListenFailed(error, channel: name) } }
    }
}

extension Owner {
    /// The connection that a loop's listeners share.
    static let listeners = Owner("listeners")
}
