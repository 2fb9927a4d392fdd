import NIOCore
import WeirCore
import WeirRESP

/// What is done with commands that are not simply passed on.
extension RedisProxyHandler {
    /// What the table says of a command, once its arguments have been looked at.
    func action(
        _ action: RedisProxyAction, _ name: RedisCommandName, of bytes: ByteBuffer, from start: Int, to end: Int
    ) -> RedisProxyAction {
        var action = action
        switch action {
        case .bySubcommand:
            let request = RESPRequest(scanned: bytes.getSlice(at: bytes.readerIndex + start, length: end - start)!)
            action = self.proxy.lookup.row(of: name, request.subcommand)?.action ?? .forward
        case .leaseToBlock:
            let request = RESPRequest(scanned: bytes.getSlice(at: bytes.readerIndex + start, length: end - start)!)
            // Wherever the word stands: options may come more than once, and a group may have the name of one. A stream of that name costs
            // a lease.
            if !request.arguments.contains(where: { $0.isWord("BLOCK") }) { action = .forward }
        default: break
        }
        // Everything else has to wait for the login.
        if self.needsLogin, ![.auth, .hello, .quit, .reset, .close].contains(action) { return .refuse }
        return action
    }

    /// Does what a command wants that begins what is pending.
    ///
    /// - Returns: false if it waits.
    func handle(_ action: RedisProxyAction, _ bytes: ByteBuffer) -> Bool {
        if self.leased?.hold.contains(.transaction) ?? false { return self.handleInTransaction(action, bytes) }
        switch action {
        case .multi, .exec, .watch, .unwatch, .lease, .leaseToBlock, .wait, .keep, .monitor, .subscribe:
            if let leased { return self.pass(action, bytes, over: leased) }
            // Without WATCH or MULTI before them there is nothing to end.
            if action == .exec || action == .unwatch { return self.passShared(bytes) }
        default: break
        }
        guard self.outstanding == 0, self.leased?.isQuiet ?? true else {
            self.wait = .replies
            return false
        }
        let request = RESPRequest(scanned: bytes)
        switch action {
        case .multi, .watch, .lease, .leaseToBlock, .wait, .keep, .monitor, .subscribe:
            if let failure = self.leaseFailure.take() {
                self.take(bytes)
                self.proxy.refusals.increment()
                self.answer(failure)
                // What was to be done as one must not be done one by one.
                if action == .multi || action == .watch { self.end("there was no connection for a transaction") }
                return true
            }
            self.lease()
            // It may have got one at once.
            return self.wait == .nothing
        case .select, .auth, .hello:
            guard !(self.leased?.isStream ?? false) else {
                // Its reply would not be found.
                self.take(bytes)
                self.refuse(request, "not during MONITOR")
                self.end("asked for what is refused")
                return true
            }
            return self.moves(action, request)
        case .reset:
            self.take(bytes)
            if request.count == 1 { self.reset() }
            self.answer(request.count == 1 ? "+RESET\r\n" : "-ERR wrong number of arguments for 'reset' command\r\n")
        case .quit:
            self.take(bytes)
            self.answer("+OK\r\n")
            self.end(nil)
        case .setName, .getName, .setInfo, .reply:
            // A connection that is the client's for good has its name.
            if action == .setName, let leased, leased.hold.contains(.forGood), !leased.isStream {
                bytes.withUnsafeReadableBytes { leased.append($0, count: 1, .swallowed) }
            }
            self.take(bytes)
            self.answerForClient(action, request)
        case .close:
            self.cut("was made to send this by a browser")
            return false
        case .refuse, .forward, .exec, .unwatch, .bySubcommand:
            self.take(bytes)
            self.refuse(request)
            if self.leased?.isStream ?? false { self.end("asked for what is refused") }
        }
        return true
    }

    /// It is taken out of what is pending.
    func take(_ bytes: ByteBuffer) {
        self.pending.moveReaderIndex(forwardBy: bytes.readableBytes)
        self.count(1)
    }

    // MARK: Connections of its own

    private func pass(_ action: RedisProxyAction, _ bytes: ByteBuffer, over leased: RedisLeasedRelay) -> Bool {
        let request = RESPRequest(scanned: bytes)
        switch action {
        case .monitor, .keep:
            guard self.outstanding == 0, leased.isQuiet else {
                self.wait = .replies
                return false
            }
            if self.name.readableBytes > 0, action == .keep, !leased.isStream, !leased.hold.contains(.forGood) {
                let setName = RESPRequest(["CLIENT", "SETNAME"].map { ByteBuffer(string: $0) } + [self.name])
                setName.bytes.withUnsafeReadableBytes { leased.append($0, count: 1, .swallowed) }
            }
            leased.hold.insert(.forGood)
        case .subscribe where !leased.isSubscribing && !leased.isStream:
            guard self.outstanding == 0, leased.isQuiet else {
                self.wait = .replies
                return false
            }
        case .wait where leased.hold.contains(.granted):
            // A new connection has written nothing; after any command it waits for all that was written before.
            ByteBuffer(string: "*1\r\n$4\r\nPING\r\n").withUnsafeReadableBytes { leased.append($0, count: 1, .swallowed) }
        default: break
        }
        leased.mayBlock = [.lease, .leaseToBlock, .wait].contains(action) && !leased.hold.contains(.transaction)
        if leased.mayBlock, self.isInputClosed {
            self.cut(nil)
            return false
        }
        self.take(bytes)
        self.outstanding += leased.isStream ? 0 : 1
        bytes.withUnsafeReadableBytes { pointer in
            switch action {
            case .subscribe where !leased.isStream:
                leased.append(pointer, subscribing: String(buffer: request.name), topics: request.count - 1)
            case .exec, .unwatch: leased.append(pointer, count: 1, .ending)
            case .multi where !leased.hold.contains(.transaction): leased.append(pointer, count: 1, .beginning)
            default: leased.append(pointer, count: 1)
            }
        }
        switch action {
        case .multi where request.count == 1: leased.hold.insert(.transaction)
        case .watch: leased.hold.insert(.watch)
        case .unwatch where request.count == 1: leased.hold.remove(.watch)
        // Without MULTI it is an error, after which keys are watched as before.
        case .exec where request.count == 1 && leased.hold.contains(.transaction): leased.hold.subtract([.transaction, .watch])
        case .monitor:
            leased.becomeStream()
            self.outstanding = 0
        default: break
        }
        leased.hold.remove(.granted)
        return true
    }

    private func passShared(_ bytes: ByteBuffer) -> Bool {
        self.take(bytes)
        self.outstanding += 1
        bytes.withUnsafeReadableBytes {
            self.sharedRelay().append($0, count: 1, name: RESPRequest(scanned: bytes).commandName, of: self)
        }
        return true
    }

    /// What the server would queue is queued; what cannot be done on the way there spoils the transaction, as an error does on the server.
    private func handleInTransaction(_ action: RedisProxyAction, _ bytes: ByteBuffer) -> Bool {
        guard let leased else { return false }
        switch action {
        case .exec where self.isTransactionAborted:
            return self.discardAborted(bytes, over: leased)
        case .exec, .multi, .watch, .unwatch, .lease, .leaseToBlock:
            return self.pass(action, bytes, over: leased)
        case .quit, .reset, .close:
            // These end it.
            leased.isTainted = true
            leased.hold.remove(.transaction)
            return self.handle(action, bytes)
        case .refuse, .subscribe, .monitor, .reply, .auth, .hello:
            guard self.outstanding == 0 else {
                self.wait = .replies
                return false
            }
            self.take(bytes)
            self.isTransactionAborted = true
            let request = RESPRequest(scanned: bytes)
            if action == .refuse { self.refuse(request) } else { self.refuse(request, "not within a transaction") }
            return true
        default:
            // What SELECT and its like leave behind stays with this connection, and that with the client.
            if [.select, .keep].contains(action) { leased.hold.insert(.forGood) }
            leased.isTainted = true
            return self.pass(.lease, bytes, over: leased)
        }
    }

    private func discardAborted(_ bytes: ByteBuffer, over leased: RedisLeasedRelay) -> Bool {
        guard self.outstanding == 0 else {
            self.wait = .replies
            return false
        }
        self.take(bytes)
        self.isTransactionAborted = false
        ByteBuffer(string: "*1\r\n$7\r\nDISCARD\r\n").withUnsafeReadableBytes { leased.append($0, count: 1, .swallowed) }
        leased.hold.subtract([.transaction, .watch])
        let isExec = RESPRequest(scanned: bytes).name.isWord("EXEC")
        self.answer(isExec ? "-EXECABORT Transaction discarded because of previous errors.\r\n" : "+OK\r\n")
        return true
    }

    // MARK: Answers of the proxy

    private func refuse(_ request: RESPRequest, _ reason: StaticString? = nil) {
        self.proxy.refusals.increment()
        if self.needsLogin { return self.answer("-NOAUTH Authentication required.\r\n") }
        let row = self.proxy.lookup.row(of: request.commandName, request.subcommand)
        let subcommand = row?.subcommand.map { "|\($0)" } ?? ""
        self.answer("-ERR the proxy refuses '\(row?.command ?? "this")\(subcommand)': \(reason ?? row?.reason ?? "not here")\r\n")
    }

    /// As a new connection would be.
    private func reset() {
        self.leased?.isTainted = true
        self.endLease()
        self.leaveRelay()
        self.identity = self.proxy.anonymous
        self.needsLogin = self.proxy.configuration.users?.needsLogin ?? false
        self.user = nil
        self.name = ByteBuffer()
        self.replies = .all
        self.scanner = self.newScanner()
    }

    private func answerForClient(_ action: RedisProxyAction, _ request: RESPRequest) {
        var arguments = request.arguments.dropFirst(2).makeIterator()
        switch (action, request.count) {
        case (.setName, 3):
            guard let name = arguments.next(), Self.isName(name) else {
                return self.answer("-ERR Client names cannot contain spaces, newlines or special characters.\r\n")
            }
            self.name = ByteBuffer(bytes: name.readableBytesView)
            self.answer("+OK\r\n")
        case (.getName, 2):
            var reply = ByteBuffer()
            reply.writeRESP(self.name.readableBytes > 0 ? .bulkString(self.name) : .null, version: self.identity.version)
            self.answer(reply)
        case (.setInfo, 4):
            let isKnown = arguments.next().map { $0.isWord("LIB-NAME") || $0.isWord("LIB-VER") } ?? false
            self.answer(isKnown ? "+OK\r\n" : "-ERR Unrecognized option\r\n")
        case (.reply, 3):
            let word = arguments.next() ?? ByteBuffer()
            if word.isWord("ON") {
                self.replies = .all
                self.answer("+OK\r\n")
            } else if word.isWord("OFF") {
                self.replies = .none
            } else if word.isWord("SKIP") {
                if self.replies == .all { self.replies = .notTheNext }
            } else {
                self.answer("-ERR syntax error\r\n")
            }
        default:
            let name = String(describing: request.subcommand ?? RedisCommandName("")).lowercased()
            self.answer("-ERR wrong number of arguments for 'client|\(name)' command\r\n")
        }
    }

    static func isName(_ name: ByteBuffer) -> Bool {
        name.readableBytesView.allSatisfy { (UInt8(ascii: "!")...UInt8(ascii: "~")).contains($0) }
    }
}

extension RESPRequest {
    var commandName: RedisCommandName { self.name.withUnsafeReadableBytes { RedisCommandName($0, at: 0, length: $0.count) } }

    /// Its second word, if it has one that may be a subcommand.
    var subcommand: RedisCommandName? {
        var arguments = self.arguments.makeIterator()
        _ = arguments.next()
        guard let word = arguments.next(), (1...16).contains(word.readableBytes) else { return nil }
        return word.withUnsafeReadableBytes { RedisCommandName($0, at: 0, length: $0.count) }
    }
}

extension ByteBuffer {
    /// Whether this is the word, in letters of either case.
    func isWord(_ word: StaticString) -> Bool {
        guard self.readableBytes == word.utf8CodeUnitCount else { return false }
        return zip(self.readableBytesView, word.utf8).allSatisfy { $0 & 0xDF == $1 & 0xDF }
    }
}

extension StaticString {
    fileprivate var utf8: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: self.utf8Start, count: self.utf8CodeUnitCount) }
}
