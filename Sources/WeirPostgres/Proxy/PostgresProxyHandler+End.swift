import NIOCore
import WeirCore
import WeirPool
import WeirPostgresWire

/// How a client ends, and what becomes of its server connection.
extension PostgresProxyHandler {
    static func fields(_ severity: StaticString, _ state: String, _ message: String) -> PostgresFields {
        [
            PostgresField(.severity, PostgresString("\(severity)")), PostgresField(.nonlocalizedSeverity, PostgresString("\(severity)")),
            PostgresField(.sqlState, PostgresString(state)), PostgresField(.message, PostgresString(message)),
        ]
    }

    /// What a client is sent that there is no room for, before anything else is said: FATAL 53300, as the server itself says it.
    public static let tooManyClients: ByteBuffer = {
        var buffer = ByteBuffer()
        do throws(PostgresWireError) {
            let fields = PostgresProxyHandler.fields("FATAL", "53300", "sorry, too many clients already")
            try PostgresBackend.ErrorResponse(fields: fields).write(into: &buffer)
        } catch {
            preconditionFailure("an error that is always the same cannot be written")
        }
        return buffer
    }()

    /// Says why, and disconnects.
    func refuse(_ state: String, _ message: String) {
        guard !self.isGone, self.phase != .ending else { return }
        self.proxy.refusals.increment()
        self.answer { buffer throws(PostgresWireError) in
            try PostgresBackend.ErrorResponse(fields: Self.fields("FATAL", state, message)).write(into: &buffer)
        }
        self.end(message)
    }

    /// The pool has given none.
    func noConnection(_ error: PoolError) {
        if let server = (error.cause as? PostgresError)?.server {
            return self.refuse(server.fields.sqlState ?? "08006", server.message)
        }
        switch error.code {
        case .shutdown: self.refuse("57P01", "the proxy stops")
        case .circuitOpen: self.refuse("08006", "the server cannot be connected to")
        default: self.refuse("53300", "no server connection became free in time")
        }
    }

    /// Lets the client have what was written, and closes.
    func end(_ reason: String?) {
        guard !self.isGone, self.phase != .ending, let context else { return }
        self.reason = self.reason ?? reason
        self.phase = .ending
        self.input = ByteBuffer()
        self.passing = 0
        self.leaveServer()
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.cut(reason) }
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: promise)
        guard !self.isGone else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: self.proxy.configuration.closeTimeout) { self.cut(reason) }
    }

    /// Disconnects at once.
    func cut(_ reason: String?) {
        guard !self.isGone, let context else { return }
        self.reason = self.reason ?? reason
        self.left()
        context.close(promise: nil)
    }

    /// The connection to the server is gone, under the client's transaction or before it has begun.
    func serverLost() {
        guard let lease = self.lease.take() else { return self.refuse("08006", "the server connection was lost") }
        self.connection = nil
        self.backend = nil
        self.server = .none
        lease.discard()
        guard !self.isGone, self.phase != .ending else { return }
        self.proxy.upstreamLosses.increment()
        // The client has been told by the server.
        if self.isFarewell { return self.end("the server ended the session") }
        self.refuse("08006", "the server connection was lost")
    }

    /// Once for each client, however it leaves.
    func left() {
        guard !self.isGone else { return }
        self.isGone = true
        self.endAlarm()
        if self.number != 0 { self.proxy.leave(self.number) }
        if let request = self.request.take() { self.tenant?.pool.cancel(request) }
        self.leaveServer()
        self.releaseStatements()
        for statement in self.pipeline.names.removeAll() { self.tenant?.statements.release(statement) }
        self.input = ByteBuffer()
        self.proxy.observer?.postgresClientLeft(
            PostgresProxyClientSummary(
                address: self.address, user: self.user.isEmpty ? nil : self.user, database: self.database.isEmpty ? nil : self.database,
                transactions: self.transactions, bytesReceived: self.bytesReceived, bytesSent: self.bytesSent,
                duration: self.proxy.loop.now - self.startedAt, reason: self.reason))
    }

    /// Nobody finds what the client has left behind: it is undone, or the connection is closed where its state is in doubt.
    func leaveServer() {
        guard let connection, let backend, let lease = self.lease.take() else { return }
        let isInDoubt =
            self.passing > 0 || self.serverPassing > 0 || self.serverInput.readableBytes > 0 || self.pipeline.count > 0
            || self.pipeline.isUnsynced || self.cancels > 0 || self.server != .relaying || self.isUnflushed
        self.connection = nil
        self.backend = nil
        self.server = .none
        self.releaseStatements()
        backend.client = nil
        guard !isInDoubt, connection.isUsable, !self.pins.contains(.library) else {
            // What runs for nobody is ended.
            if self.pipeline.isRunning { connection.cancelOnServer?({}) }
            if connection.relay === self { connection.endRelay(self.pipeline.status) }
            // Without a word: behind half a message it would be taken for the rest of it.
            if let channel = connection.channel { PostgresSocket.closeNow(channel) }
            return lease.discard()
        }
        connection.endRelay(self.pipeline.status)
        connection.resume()
        let isKept = !self.pins.isEmpty
        let box = LeaseBox(lease)
        connection.clean(isKept ? .always : .never) { isClean in
            guard isClean else { return box.discard() }
            if isKept { backend.reset(connection) } else { backend.settings = .unknown(connection) }
            box.release()
        }
    }

    // MARK: Cancelling

    /// Ends what the client has running, and nothing else.
    func cancel(_ secret: UInt32) {
        guard !self.isGone, self.secret ^ secret == 0, self.server == .relaying, self.pipeline.isRunning, let connection,
            let cancelOnServer = connection.cancelOnServer, self.cancels < 16
        else { return }
        self.proxy.cancels.increment()
        self.cancels += 1
        cancelOnServer { [weak self] in self?.serverWasTold(connection) }
    }

    /// Until then the connection was not given to anyone else.
    private func serverWasTold(_ connection: PostgresConnection) {
        guard self.connection === connection else {
            self.cancels = 0
            return
        }
        self.cancels -= 1
        self.wasCancelled = true
        if self.cancels == 0, self.pipeline.isIdle {
            self.giveBackIfDone()
            self.process()
        }
    }

    // MARK: The proxy's end

    /// For shutdown: a transaction is let end, nothing new is begun.
    public func drain() {
        guard !self.isGone, !self.isDraining else { return }
        self.isDraining = true
        switch self.phase {
        case .session:
            if self.server == .none, self.passing == 0 { self.endDrained() } else { self.giveBackIfDone() }
        case .startup, .authenticating, .waiting: self.endDrained()
        case .ending: break
        }
    }

    func endDrained() { self.refuse("57P01", "the proxy stops") }

    /// Disconnects it at once.
    public func closeNow() { self.cut("the proxy stops") }
}
