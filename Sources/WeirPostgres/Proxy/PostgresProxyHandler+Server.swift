import NIOCore
import WeirCore
import WeirPool
import WeirPostgresWire

/// The server connection that a client has for a while.
extension PostgresProxyHandler: PostgresRelay {
    // MARK: From the pool

    /// Asks for a connection; it is there at once, or what the client says waits for it.
    func borrow() {
        guard let tenant, self.server == .none else { return }
        if let lease = tenant.pool.tryLease(owner: .postgresProxyClient) { return self.borrowed(lease) }
        self.server = .waiting
        self.request = tenant.pool.lease(owner: .postgresProxyClient) { [self] result in
            self.request = nil
            switch consume result {
            case .failure(let error): if !self.isGone { self.noConnection(error) }
            case .success(let lease):
                guard !self.isGone else { return lease.release() }
                self.server = .none
                self.borrowed(lease)
                self.process()
            }
        }
        if self.server != .waiting { self.request = nil }
    }

    private func borrowed(_ lease: consuming Lease<PostgresConnection>) {
        let connection = lease.resource
        guard connection.isUsable, let tenant else {
            lease.discard()
            return self.serverLost()
        }
        // Whoever waits in a transaction does so for as long as he likes.
        lease.holdForLong()
        self.lease = consume lease
        self.connection = connection
        let backend = connection.proxyBackend ?? self.makeBackend(connection, tenant)
        self.backend = backend
        backend.client = self
        self.pipeline.begin(status: .idle)
        self.isFarewell = false
        guard backend.settings.equals(self.settings) else { return self.restore(connection, backend) }
        backend.settings = self.settings
        self.beginRelay(connection)
    }

    private func makeBackend(_ connection: PostgresConnection, _ tenant: LocalPostgresProxy.Tenant) -> PostgresProxyBackend {
        let backend = PostgresProxyBackend(
            connection, maximumStatements: self.proxy.configuration.maximumStatementsOfServer, statements: tenant.statements)
        connection.proxyBackend = backend
        // Once for each connection, as a closure is an allocation.
        let closed = connection.onClose
        connection.onClose = {
            closed?()
            backend.forget()
            backend.client?.serverLost()
        }
        return backend
    }

    private func beginRelay(_ connection: PostgresConnection) {
        self.server = .relaying
        self.isServerSlow = !connection.isWritable
        connection.beginRelay(self)
    }

    // MARK: Settings

    private func restore(_ connection: PostgresConnection, _ backend: PostgresProxyBackend) {
        self.server = .restoring
        let sql = PostgresProxySettings.restoring(self.settings, from: backend.settings)
        self.ask(sql) { [self] result in
            switch result {
            case .failure(let error):
                if let fields = error.server?.fields { return self.refuse(fields.sqlState ?? "22023", error.server?.message ?? "") }
                self.refuse("08006", "the server could not be given the client's settings")
            case .success: self.restored(connection, backend)
            }
        }
    }

    private func restored(_ connection: PostgresConnection, _ backend: PostgresProxyBackend) {
        // As the server writes them.
        var values = self.settings.values
        for (place, name) in PostgresProxyTable.reported.enumerated() {
            guard let value = connection.parameters[name] else { continue }
            values[place] = value
            if !self.wasTold { self.tell(name, value) }
        }
        if !self.wasTold {
            self.wasTold = true
            self.flushToClient()
        }
        if values != self.settings.values { self.settings = PostgresProxySettings(values) }
        backend.settings = self.settings
        self.beginRelay(connection)
        self.process()
    }

    private func tell(_ name: String, _ value: String) {
        self.answer { buffer throws(PostgresWireError) in
            try PostgresBackend.ParameterStatus(name: PostgresString(name), value: PostgresString(value)).write(into: &buffer)
        }
    }

    /// A statement of the proxy's own, while nothing is relayed.
    private func ask(_ sql: String, _ whenDone: @escaping (Result<PostgresResult, PostgresError>) -> Void) {
        guard let connection else { return }
        let collector = PostgresCollector(limits: .unlimited) { [self] result in
            // Who has left has given the connection away.
            guard !self.isGone, self.connection === connection else { return }
            whenDone(result)
        }
        connection.sendSimple(
            sql, deadline: self.proxy.loop.now + self.proxy.configuration.connection.statementTimeout, number: connection.nextNumber(),
            answer: PostgresAnswer(receiver: collector, tag: 0), special: nil)
    }

    /// The client has set something that the server does not report.
    private func askForSettings(_ connection: PostgresConnection, _ backend: PostgresProxyBackend) {
        self.server = .asking
        connection.endRelay(.idle)
        self.ask(PostgresProxySettings.asking) { [self] result in
            let row = (try? result.get()).flatMap { $0.count == 1 ? $0[0] : nil }
            guard let texts = row?.values.compactMap({ $0.map { String(buffer: $0) } }), texts.count == PostgresProxyTable.unreported.count
            else {
                return self.refuse("08006", "the server does not tell what was set")
            }
            var values = self.settings.values
            for (offset, value) in texts.enumerated() {
                // What cannot be written in every encoding stays where it is.
                if !PostgresProxySettings.isSafe(value) { self.pins.insert(.settings) }
                values[PostgresProxyTable.reported.count + offset] = value
            }
            self.settings = PostgresProxySettings(values)
            backend.settings = self.settings
            self.mustAsk = false
            if self.pins.isEmpty {
                self.giveBack()
            } else {
                self.beginRelay(connection)
            }
            self.process()
        }
    }

    // MARK: What arrives

    func relayWritabilityChanged(_ isWritable: Bool) {
        self.isServerSlow = !isWritable
        self.updateReading()
    }

    func relayReceived(_ received: ByteBuffer) {
        var bytes = received
        if self.serverInput.readableBytes > 0 {
            self.serverInput.writeImmutableBuffer(received)
            bytes = self.serverInput
            self.serverInput = ByteBuffer()
        }
        guard let end = self.pass(bytes) else {
            self.proxy.upstreamLosses.increment()
            return self.refuse("08P01", "the server sent what is not the protocol")
        }
        guard !self.isGone, self.phase == .session else { return }
        if end < bytes.readableBytes { self.serverInput = ByteBuffer(bytes: bytes.readableBytesView.dropFirst(end)) }
        self.releaseStatements()
        self.flushToClient()
        if self.pipeline.isIdle { self.giveBackIfDone() }
        if !self.isProcessing, self.input.readableBytes > 0 { self.process() }
    }

    /// Passes on all that can be.
    ///
    /// - Returns: how far it came; nil if it is not the protocol.
    private func pass(_ bytes: ByteBuffer) -> Int? {
        var at = 0
        /// Where that begins which goes to the client in one piece.
        var start = 0
        let isWell = bytes.withUnsafeReadableBytes { pointer -> Bool in
            if self.serverPassing > 0 {
                at = min(self.serverPassing, pointer.count)
                self.serverPassing -= at
            }
            while at < pointer.count {
                guard let found = try? self.serverScanner.peek(pointer, at: at) else {
                    // Too little, or wrong.
                    if pointer.count - at >= 5 { return false }
                    break
                }
                let end = at + found.length
                if found.tag == PostgresBackend.Kind.dataRow.rawValue, self.pipeline.takesRows {
                    at = end
                    continue
                }
                guard let kind = PostgresBackend.Kind(rawValue: found.tag) else { return false }
                if end > pointer.count, kind.isLookedAt { break }
                let byte = found.length > 5 && at + 5 < pointer.count ? pointer[at + 5] : 0
                if kind.isLookedAt, !self.look(kind, bytes, at, found.length, pointer) { return false }
                if self.isFarewell, kind == .errorResponse {
                    // It belongs to nothing that was asked.
                    at = end
                    continue
                }
                switch self.received(kind, byte) {
                case .pass, .copyIn: at = end
                case .ready:
                    self.transactionMayHaveEnded()
                    at = end
                case .swallow:
                    self.forward(bytes, start, at)
                    at = end
                    start = end
                case .passAsParseComplete:
                    self.forward(bytes, start, at)
                    self.writeToClient(Self.parseComplete)
                    at = end
                    start = end
                case .deallocated(let status):
                    self.forward(bytes, start, at)
                    self.answerDeallocate(status)
                    self.transactionMayHaveEnded()
                    start = at
                    at = end
                case .violation: return false
                }
            }
            return true
        }
        guard isWell else { return nil }
        if at > bytes.readableBytes {
            self.serverPassing = at - bytes.readableBytes
            at = bytes.readableBytes
        }
        self.forward(bytes, start, at)
        return at
    }

    @inline(__always)
    private func received(_ kind: PostgresBackend.Kind, _ byte: UInt8) -> PostgresProxyPipeline.Verdict {
        guard let backend else { return .violation }
        return self.pipeline.received(kind, byte, &backend.prepared)
    }

    @inline(__always)
    private func forward(_ bytes: ByteBuffer, _ start: Int, _ end: Int) {
        guard end > start, let piece = bytes.getSlice(at: bytes.readerIndex + start, length: end - start) else { return }
        self.writeToClient(piece)
    }

    private static let parseComplete = ByteBuffer(bytes: [PostgresBackend.Kind.parseComplete.rawValue, 0, 0, 0, 4])

    private func transactionMayHaveEnded() {
        guard self.pipeline.status == .idle else { return }
        self.transactions &+= 1
        self.proxy.transactions.increment()
    }

    private func answerDeallocate(_ status: PostgresTransactionStatus) {
        self.answer { buffer throws(PostgresWireError) in
            if status == .inFailedTransaction {
                try PostgresBackend.ErrorResponse(
                    fields: Self.fields(
                        "ERROR", "25P02", "current transaction is aborted, commands ignored until end of transaction block")
                ).write(into: &buffer)
            } else {
                try buffer.writePostgresCommandComplete("DEALLOCATE")
            }
        }
    }

    // MARK: What is learned from it

    /// - Returns: false for what is no such message.
    private func look(
        _ kind: PostgresBackend.Kind, _ bytes: ByteBuffer, _ at: Int, _ length: Int, _ pointer: UnsafeRawBufferPointer
    ) -> Bool {
        switch kind {
        case .commandComplete:
            // Most of them tell nothing.
            let tag = UnsafeRawBufferPointer(rebasing: pointer[(at + 5)..<(at + length - 1)])
            if tag.count >= 3, PostgresProxyCommand.mayMatter(tag) { self.commandCompleted(tag) }
        case .parameterStatus:
            guard let slice = bytes.getSlice(at: bytes.readerIndex + at, length: length),
                let frame = try? PostgresFrame(slice, from: .backend),
                let status = try? PostgresBackend.ParameterStatus(frame)
            else { return false }
            return self.settingChanged(status)
        case .errorResponse:
            guard let slice = bytes.getSlice(at: bytes.readerIndex + at, length: length),
                let frame = try? PostgresFrame(slice, from: .backend),
                let fields = try? PostgresBackend.ErrorResponse(frame).fields
            else { return false }
            self.errorCame(fields)
        default: break
        }
        return true
    }

    private func errorCame(_ fields: PostgresFields) {
        if fields.severity == "FATAL" || fields.severity == "PANIC" { self.isFarewell = true }
        // Another plan is needed, by this client and by whoever prepares the same.
        guard !self.isSession, let backend, fields.sqlState == "0A000", fields[.routine]?.string == "RevalidateCachedQuery" else { return }
        self.pipeline.planIsStale(&backend.prepared)
        self.tenant?.statements.forgetDefinitions()
    }

    private func settingChanged(_ status: PostgresBackend.ParameterStatus) -> Bool {
        guard let connection, connection.received(status) else { return false }
        guard let backend, let place = PostgresProxyTable.place(status.name.string) else { return true }
        let value = status.value.string
        // What cannot be restored stays where it is.
        if !PostgresProxySettings.isSafe(value), !self.isSession { self.pins.insert(.settings) }
        self.settings = self.settings.with(place, value)
        backend.settings = self.settings
        return true
    }

    private func commandCompleted(_ tag: UnsafeRawBufferPointer) {
        guard !self.isSession, let backend else { return }
        switch PostgresProxyCommand(tag) {
        case .set:
            self.expectedSets -= 1
            if self.expectedSets < 0 { self.pins.insert(.settings) }
        case .session: self.pins.insert(.session)
        case .load: self.pins.insert(.library)
        case .discardAll:
            self.pipeline.discarded(&backend.prepared)
            self.pins.subtract([.session, .settings, .statement])
            self.mustAsk = true
        case .deallocateAll:
            self.pipeline.discarded(&backend.prepared)
        case .definition: self.tenant?.statements.forgetDefinitions()
        case .other: break
        }
    }

    // MARK: Back to the pool

    /// Nothing is due and no transaction is open.
    func giveBackIfDone() {
        guard self.server == .relaying, self.pipeline.isIdle, self.cancels == 0, self.passing == 0, self.serverPassing == 0,
            self.serverInput.readableBytes == 0, let connection, let backend
        else { return }
        if self.isDraining { return self.endDrained() }
        guard self.pins.isEmpty else { return }
        self.expectedSets = 0
        if self.mustAsk { return self.askForSettings(connection, backend) }
        connection.endRelay(.idle)
        self.giveBack()
    }

    private func giveBack() {
        guard let connection, let backend, let lease = self.lease.take() else { return }
        backend.client = nil
        self.backend = nil
        self.connection = nil
        self.server = .none
        // Also one that a client did not take for a while.
        connection.resume()
        guard self.wasCancelled else { return lease.release() }
        // The signal finds nothing, or the empty statement that this is.
        self.wasCancelled = false
        let box = LeaseBox(lease)
        connection.clean(.never) { isClean in if isClean { box.release() } else { box.discard() } }
    }
}

extension PostgresBackend.Kind {
    /// Whether the proxy reads what it says.
    @inline(__always)
    fileprivate var isLookedAt: Bool {
        switch self {
        case .commandComplete, .parameterStatus, .errorResponse, .readyForQuery: return true
        default: return false
        }
    }
}
