import NIOCore
import WeirPool
import WeirPostgresWire

/// What a client says when it is logged in.
extension PostgresProxyHandler {
    /// Deals with the next message, or what is there of it.
    ///
    /// - Returns: false when there is nothing more to do for now.
    func processMessage() throws(PostgresWireError) -> Bool {
        if self.passing > 0 { return self.passMore() }
        self.isUncertain = false
        guard self.server == .relaying || self.server == .none, self.pipeline.count < max(4096, self.proxy.configuration.maximumPending)
        else { return false }
        guard let header = try self.nextHeader() else { return false }
        guard let kind = PostgresFrontend.Kind(rawValue: header.tag), kind != .authenticationResponse else {
            throw PostgresWireError.unexpected
        }
        if kind == .terminate {
            self.cut(nil)
            return false
        }
        if self.server == .none {
            switch kind {
            case .sync:
                self.take(header)
                self.input.moveReaderIndex(forwardBy: header.length)
                self.answer { buffer throws(PostgresWireError) in try buffer.writePostgresReadyForQuery(.idle) }
                self.flushToClient()
                return true
            case .flush, .copyData, .copyDone, .copyFail:
                // To a server that waits for a statement they say nothing.
                self.drop(header)
                return true
            default:
                self.borrow()
                // It may have got one at once.
                return self.server == .relaying
            }
        }
        guard try self.passOn(kind, header) else { return false }
        // Its answer may be held back again.
        self.hasAsked = false
        return true
    }

    func take(_ header: PostgresFrameHeader) { self.scanner.take(header) }

    /// The message goes to the server as it is, what there is of it and what comes.
    @inline(__always)
    func pass(_ header: PostgresFrameHeader) {
        self.take(header)
        self.passing = header.length
        _ = self.passMore()
    }

    func drop(_ header: PostgresFrameHeader) {
        self.isDropping = true
        self.pass(header)
    }

    private func passMore() -> Bool {
        let count = min(self.passing, self.input.readableBytes)
        guard count > 0 else { return false }
        self.passing -= count
        if self.isDropping {
            self.input.moveReaderIndex(forwardBy: count)
            if self.passing == 0 { self.isDropping = false }
            return true
        }
        guard let bytes = self.input.readSlice(length: count) else { return false }
        if self.watchedText != nil { self.watch(bytes) }
        self.send(bytes)
        return true
    }

    /// Small pieces are copied, so that all that one read has brought goes out in one.
    @inline(__always)
    private func send(_ bytes: ByteBuffer) {
        if bytes.readableBytes <= 4096 {
            self.toServer.writeImmutableBuffer(bytes)
        } else {
            self.writeToServer()
            self.connection?.writeRelayed(bytes)
        }
        self.isUnflushed = true
    }

    private func writeToServer() {
        guard self.toServer.readableBytes > 0 else { return }
        self.connection?.writeRelayed(self.toServer)
        self.toServer.clear()
    }

    /// What one pass of the loop has brought goes out in one write.
    func flushToServer() {
        guard self.isUnflushed else { return }
        self.isUnflushed = false
        if self.toServer.readableBytes > 0 { self.connection?.writeRelayed(self.toServer) }
        self.connection?.flushRelayed()
        // Once the socket has taken what is in it the storage is free again.
        if self.toServer.capacity > 64 * 1024 { self.toServer = ByteBuffer() } else { self.toServer.clear() }
    }

    /// Appends messages of the proxy's own, or changed ones.
    func sendOwn(_ body: (inout ByteBuffer) throws(PostgresWireError) -> Void) throws(PostgresWireError) {
        try body(&self.toServer)
        self.isUnflushed = true
    }

    // MARK: Kinds of messages

    @inline(__always)
    private func passOn(_ kind: PostgresFrontend.Kind, _ header: PostgresFrameHeader) throws(PostgresWireError) -> Bool {
        switch kind {
        case .query: return try self.query(header)
        case .parse: return try self.parse(header)
        case .bind: return try self.bind(header)
        case .describe, .close: return try self.target(kind, header)
        case .execute:
            self.pipeline.sent(.execute)
            self.pass(header)
        case .sync:
            self.pipeline.sent(.sync)
            self.pass(header)
        case .functionCall:
            self.pipeline.sent(.functionCall)
            self.pass(header)
        case .copyDone, .copyFail:
            self.pipeline.sent(.copyEnd)
            self.pass(header)
        case .copyData, .flush: self.pass(header)
        case .authenticationResponse, .startupPacket, .terminate: throw PostgresWireError.unexpected
        }
        return true
    }

    /// As much of a text is waited for before it is passed on.
    private static var lookedAt: Int { 16 * 1024 }

    private func query(_ header: PostgresFrameHeader) throws(PostgresWireError) -> Bool {
        guard !self.isSession else {
            self.pipeline.sent(.query)
            self.pass(header)
            return true
        }
        let isWhole = header.length <= Self.lookedAt
        guard self.input.readableBytes >= min(header.length, Self.lookedAt) else { return false }
        let input = self.input
        let deallocated = input.withUnsafeReadableBytes { bytes -> ByteBuffer? in
            let text = UnsafeRawBufferPointer(rebasing: bytes[5..<min(header.length - (isWhole ? 1 : 0), bytes.count)])
            self.look(at: text)
            guard isWhole, PostgresProxyText.mayMatter(text) else { return nil }
            if let deallocated = PostgresProxyText.deallocated(text) { return deallocated }
            self.note(PostgresProxyText.setting(text))
            return nil
        }
        if let deallocated, self.waitsForAnswers(deallocated, all: true) { return false }
        if let deallocated, self.pipeline.names.statement(deallocated) != nil {
            self.take(header)
            self.input.moveReaderIndex(forwardBy: header.length)
            let isSkipping = self.pipeline.isSkipping
            self.pipeline.sent(.query, .deallocated, changesName: true)
            if !isSkipping { self.pipeline.names.close(deallocated, segment: self.pipeline.segment) }
            try self.sendOwn { buffer throws(PostgresWireError) in try buffer.writePostgresQuery("") }
            return true
        }
        self.pipeline.sent(.query)
        if !isWhole { self.watchedText = ByteBuffer() }
        self.pass(header)
        return true
    }

    /// What a text may leave behind.
    func look(at text: UnsafeRawBufferPointer) {
        let traits = PostgresProxyText.traits(ofText: text)
        if !traits.isEmpty { self.note(traits) }
    }

    func note(_ traits: PostgresProxyText.Traits) {
        if traits.contains(.setConfig) { self.mustAsk = true }
        if !traits.isEmpty { self.pins.insert(.session) }
    }

    private func note(_ setting: PostgresProxyText.Setting) {
        switch setting {
        case .none: break
        case .local: self.expectedSets += 1
        case .tracked, .resetAll:
            self.expectedSets += 1
            self.mustAsk = true
        }
    }

    /// The rest of a long text, with the end of what came before it, as a word may be cut in two.
    private func watch(_ bytes: ByteBuffer) {
        var joined = self.watchedText ?? ByteBuffer()
        joined.writeImmutableBuffer(bytes)
        joined.withUnsafeReadableBytes { self.look(at: $0) }
        self.watchedText = self.passing == 0 ? nil : ByteBuffer(bytes: joined.readableBytesView.suffix(32))
    }

    private func parse(_ header: PostgresFrameHeader) throws(PostgresWireError) -> Bool {
        guard !self.isSession else {
            self.pipeline.sent(.parse)
            self.pass(header)
            return true
        }
        let limit = self.proxy.configuration.maximumStatementLength
        let isWhole = header.length <= limit
        guard self.input.readableBytes >= min(header.length, limit) else { return false }
        guard isWhole else { return try self.parseLong(header) }
        guard let bytes = self.input.getSlice(at: self.input.readerIndex, length: header.length) else { return false }
        // Checked only as far as it is changed: the server checks the rest.
        let frame = try PostgresFrame(bytes, from: .frontend, limits: self.proxy.configuration.wireLimits)
        var payload = frame.payload
        let name = try payload.takeName()
        if self.waitsForAnswers(name) { return false }
        payload.withUnsafeReadableBytes { text in
            if let end = text.firstIndex(of: 0) {
                let text = UnsafeRawBufferPointer(rebasing: text[..<end])
                self.look(at: text)
                if PostgresProxyText.mayMatter(text) { self.note(PostgresProxyText.setting(text)) }
            }
        }
        if name.readableBytes == 0 {
            if !self.pipeline.isSkipping { self.pipeline.unnamed.sent(payload, segment: self.pipeline.segment) }
            self.pipeline.sent(.parse, isUnnamed: true)
            self.pass(header)
            return true
        }
        // Of what does not come to more than an error the server finds out.
        _ = try PostgresFrontend.Parse(frame, limits: self.proxy.configuration.wireLimits)
        self.take(header)
        self.input.moveReaderIndex(forwardBy: header.length)
        if !self.pipeline.isSkipping { try self.prepare(name, payload) }
        return true
    }

    /// Not shared, and not kept here: who has it keeps the connection that it is on.
    private func parseLong(_ header: PostgresFrameHeader) throws(PostgresWireError) -> Bool {
        var payload = self.input.getSlice(at: self.input.readerIndex + 5, length: self.input.readableBytes - 5) ?? ByteBuffer()
        let name = try payload.takeName()
        if self.waitsForAnswers(name) { return false }
        if name.readableBytes > 0 {
            guard !name.hasOwnPrefix, self.pipeline.names.statement(name) == nil else {
                throw PostgresWireError.unexpected
            }
            self.pins.insert(.statement)
        }
        let isUnnamed = name.readableBytes == 0
        if isUnnamed, !self.pipeline.isSkipping { self.pipeline.unnamed.sent(nil, segment: self.pipeline.segment) }
        self.pipeline.sent(.parse, isUnnamed: isUnnamed)
        self.watchedText = ByteBuffer()
        self.pass(header)
        return true
    }

    private func bind(_ header: PostgresFrameHeader) throws(PostgresWireError) -> Bool {
        guard !self.isSession else {
            self.pipeline.sent(.bind)
            self.pass(header)
            return true
        }
        // Both names, or all that a name may be.
        guard let (portal, statement) = try self.bindNames(header) else { return false }
        let end = 5 + portal + 1 + statement + 1
        let start = self.input.readerIndex
        guard let name = self.input.getSlice(at: start + 5 + portal + 1, length: statement) else { return false }
        if self.waitsForAnswers(name) { return false }
        guard let (serverName, number) = try self.resolve(name) else {
            self.pipeline.sent(.bind)
            self.pass(header)
            return true
        }
        // As it is, but for the name.
        self.take(header)
        guard let portalName = self.input.getSlice(at: start + 5, length: portal) else { return false }
        self.pipeline.sent(.bind, statement: number)
        let length = header.length - 1 - statement + serverName.readableBytes
        self.toServer.writeInteger(PostgresFrontend.Kind.bind.rawValue)
        self.toServer.writeInteger(UInt32(truncatingIfNeeded: length))
        self.toServer.writeImmutableBuffer(portalName)
        self.toServer.writeInteger(0 as UInt8)
        self.toServer.writeImmutableBuffer(serverName)
        self.toServer.writeInteger(0 as UInt8)
        self.isUnflushed = true
        self.input.moveReaderIndex(forwardBy: end)
        self.passing = header.length - end
        _ = self.passMore()
        return true
    }

    /// What a name may be at most: servers cut it off at 63 bytes.
    private static var longestName: Int { 1024 }

    private func bindNames(_ header: PostgresFrameHeader) throws(PostgresWireError) -> (portal: Int, statement: Int)? {
        let available = min(header.length, self.input.readableBytes)
        let names = self.input.withUnsafeReadableBytes { bytes -> (Int, Int)? in
            let bytes = bytes[5..<available]
            guard let first = bytes.firstIndex(of: 0), let second = bytes[(first + 1)...].firstIndex(of: 0) else { return nil }
            return (first - 5, second - first - 1)
        }
        if let names { return names }
        guard available < header.length, available < 2 * Self.longestName else { throw PostgresWireError.unexpected }
        return nil
    }

    /// Describe and Close.
    private func target(_ kind: PostgresFrontend.Kind, _ header: PostgresFrameHeader) throws(PostgresWireError) -> Bool {
        guard self.input.readableBytes >= header.length else { return false }
        let start = self.input.readerIndex
        let isStatement = self.input.getInteger(at: start + 5, as: UInt8.self) == UInt8(ascii: "S")
        let own: PostgresProxyPipeline.Kind = kind == .close ? .close : isStatement ? .describeStatement : .describePortal
        guard isStatement, !self.isSession else {
            self.pipeline.sent(own)
            self.pass(header)
            return true
        }
        guard let name = self.input.getSlice(at: start + 6, length: header.length - 7) else { return false }
        if self.waitsForAnswers(name) { return false }
        if kind == .close {
            try self.close(name, header)
            return true
        }
        guard let (serverName, number) = try self.resolve(name) else {
            self.pipeline.sent(own)
            self.pass(header)
            return true
        }
        self.take(header)
        self.input.moveReaderIndex(forwardBy: header.length)
        self.pipeline.sent(own, statement: number)
        try self.sendOwn { buffer throws(PostgresWireError) in
            try buffer.writePostgresDescribe(statement: PostgresString(serverName))
        }
        return true
    }
}

/// What waits for what was sent before it.
extension PostgresProxyHandler {
    /// - Parameter all: whether any answer that is due matters.
    func waitsForAnswers(_ name: ByteBuffer, all: Bool = false) -> Bool {
        self.isUncertain =
            self.pipeline.isUncertain(name) || all && self.pipeline.isRunning && !self.pipeline.isCopyingIn && !self.pipeline.isSkipping
        return self.isUncertain
    }

    /// Whoever has not said Sync may be without answers until he does.
    func askForAnswers() {
        guard !self.hasAsked, self.server == .relaying else { return }
        self.hasAsked = true
        try? self.toServer.writePostgresFlush()
        self.isUnflushed = true
    }
}

extension PostgresWireError {
    /// A message that may not come now, or that says what it may not.
    static var unexpected: PostgresWireError { .unencodableValue("a message that is malformed, or that may not come now") }
}

extension ByteBuffer {
    /// What stands before the next NUL.
    fileprivate mutating func takeName() throws(PostgresWireError) -> ByteBuffer {
        guard let length = self.readableBytesView.firstIndex(of: 0).map({ $0 - self.readerIndex }),
            let name = self.readSlice(length: length)
        else { throw PostgresWireError.unexpected }
        self.moveReaderIndex(forwardBy: 1)
        return name
    }

    /// Whether it is a name as the proxy gives them.
    var hasOwnPrefix: Bool { self.readableBytesView.starts(with: PostgresProxyStatement.prefix.utf8) }
}
