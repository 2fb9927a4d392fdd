import NIOCore
import WeirRESP

/// Commands that make a client another one: it goes to those who are what it wants to be, and the command with it. If the reply is an error
/// it stays where it was.
extension RedisProxyHandler {
    /// - Returns: false if it waits for a connection.
    func moves(_ action: RedisProxyAction, _ request: RESPRequest) -> Bool {
        switch action {
        case .select: return self.select(request)
        case .auth: return self.authenticate(request)
        default: return self.hello(request)
        }
    }

    private func select(_ request: RESPRequest) -> Bool {
        guard request.count == 2 else { return self.refuse(request, "-ERR wrong number of arguments for 'select' command\r\n") }
        let text = request.arguments.dropFirst().first(where: { _ in true }).map { String(buffer: $0) } ?? ""
        guard let database = Int(text), String(database) == text else {
            return self.refuse(request, "-ERR value is not an integer or out of range\r\n")
        }
        guard (0..<Int(Int32.max)).contains(database) else { return self.refuse(request, "-ERR DB index is out of range\r\n") }
        var identity = self.identity
        identity.database = database
        return self.move(to: identity, by: request.bytes, request)
    }

    private func authenticate(_ request: RESPRequest) -> Bool {
        let words = Array(request.arguments.dropFirst().prefix(3))
        guard (1...2).contains(words.count) else {
            return self.refuse(
                request, words.isEmpty ? "-ERR wrong number of arguments for 'auth' command\r\n" : "-ERR syntax error\r\n")
        }
        let (user, password) = words.count == 2 ? (words[0], words[1]) : (nil, words[0])
        if self.proxy.configuration.users != nil {
            guard self.logIn(user, password) else { return self.refuse(request, Self.wrongPassword) }
            self.take(request.bytes)
            self.answer("+OK\r\n")
            return true
        }
        var identity = self.identity
        identity.login = Self.login(user, password)
        return self.move(to: identity, by: request.bytes, request)
    }

    private func hello(_ request: RESPRequest) -> Bool {
        var words = request.arguments.dropFirst().makeIterator()
        var identity = self.identity
        var name: ByteBuffer?
        var login: (user: ByteBuffer, password: ByteBuffer)?
        var parts = [ByteBuffer(string: "HELLO")]
        if let version = words.next() {
            let text = String(buffer: version)
            guard let number = Int(text), String(number) == text else {
                return self.refuse(request, "-ERR Protocol version is not an integer or out of range\r\n")
            }
            guard let version = RESPVersion(rawValue: number) else {
                return self.refuse(request, "-NOPROTO unsupported protocol version\r\n")
            }
            identity.version = version
            parts.append(ByteBuffer(string: text))
        }
        while let option = words.next() {
            if option.isWord("AUTH"), let user = words.next(), let password = words.next() {
                login = (user, password)
            } else if option.isWord("SETNAME"), let newName = words.next() {
                guard Self.isName(newName) else {
                    return self.refuse(request, "-ERR Client names cannot contain spaces, newlines or special characters.\r\n")
                }
                name = ByteBuffer(bytes: newName.readableBytesView)
            } else {
                let text = String(buffer: option).filter { $0.isASCII && $0 > " " }.prefix(32)
                return self.refuse(request, "-ERR Syntax error in HELLO option '\(text)'\r\n")
            }
        }
        if self.proxy.configuration.users != nil {
            if let login, !self.logIn(login.user, login.password) { return self.refuse(request, Self.wrongPassword) }
            guard !self.needsLogin else {
                return self.refuse(
                    request,
                    "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
                        + "option can be used to authenticate the client and select the RESP protocol version at the same time\r\n")
            }
        } else if let login {
            parts += [ByteBuffer(string: "AUTH"), login.user, login.password]
            identity.login = Self.login(login.user, login.password)
        }
        return self.move(to: identity, by: RESPRequest(parts).bytes, request) { if let name { self.name = name } }
    }

    private static let wrongPassword = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

    private func refuse(_ request: RESPRequest, _ reply: String) -> Bool {
        self.take(request.bytes)
        self.answer(reply)
        return true
    }

    /// Of memory of its own: it is kept.
    private static func login(_ user: ByteBuffer?, _ password: ByteBuffer) -> RedisIdentity.Login {
        RedisIdentity.Login(
            user: user.map { ByteBuffer(bytes: $0.readableBytesView) }, password: ByteBuffer(bytes: password.readableBytesView))
    }

    /// Against the proxy's own list.
    private func logIn(_ user: ByteBuffer?, _ password: ByteBuffer) -> Bool {
        let name = user.map { String(buffer: $0) } ?? "default"
        guard self.proxy.configuration.users?.accepts(user: name, password: password) ?? false else { return false }
        self.user = name
        if self.needsLogin {
            self.needsLogin = false
            self.scanner = self.newScanner()
        }
        return true
    }

    /// Sends the command where those of the identity are, and stays there if that is granted.
    private func move(to identity: RedisIdentity, by command: ByteBuffer, _ request: RESPRequest, _ then: @escaping () -> Void = {}) -> Bool
    {
        if let leased {
            self.take(request.bytes)
            self.outstanding += 1
            command.withUnsafeReadableBytes { leased.append($0, count: 1, .moving) }
            self.move = { [unowned self] isGranted in
                guard isGranted else { return }
                self.identity = identity
                leased.connection.identity = identity
                self.leaveRelay()
                then()
            }
            self.wait = .replies
            return false
        }
        let relay = self.proxy.join(identity)
        self.wait = .connection
        relay.connected { [self] result in
            guard !self.isGone else { return self.proxy.leave(relay) }
            self.take(request.bytes)
            guard case .success = result else {
                self.proxy.leave(relay)
                if case .failure(let error) = result { self.answer(error.reply ?? Self.unreachable) }
                return self.goOn()
            }
            self.outstanding += 1
            self.move = { [unowned self] isGranted in
                guard isGranted else { return self.proxy.leave(relay) }
                self.identity = identity
                self.use(relay)
                then()
            }
            self.wait = .replies
            command.withUnsafeReadableBytes { relay.append($0, count: 1, name: request.commandName, of: self) }
        }
        return self.wait == .nothing
    }
}
