import NIOCore
import WeirRESP
import WeirSockets

/// What is said on a new connection before anyone may use it. Belongs to the connection's loop.
///
/// 1. `HELLO 3` with login and name, in one command. A server that does not know it or the version (Redis before 6, some proxies) is
///    asked by `AUTH` instead, and spoken to in RESP2.
/// 2. In one write: the name, where `HELLO` did not take it, and the library's; `SELECT` for another database than 0; `PING`. Names are
///    for people who look, so a refusal of them is none of the connection. `SELECT` must be granted, as keys of another database are other
///    keys. `PING` asks whether the server serves (`LOADING`, `MASTERDOWN`) and whether it wants a login; a user who may not ask may use
///    the connection all the same, which is why database 0 is not selected.
///
/// It has no deadline of its own: whoever connects has one.
final class RedisHandshake {
    private let connection: RedisConnection
    private let url: RedisURL
    private let configuration: RedisConfiguration
    private var whenDone: ((Result<Void, RedisError>) -> Void)?

    /// What a server may answer here at most; the user's own limits may be too small for `HELLO`.
    static var replyLimits: RESPLimits {
        RESPLimits(
            maximumLineLength: 64 * 1024, maximumBulkLength: 64 * 1024, maximumElements: 4096, maximumDepth: 8,
            maximumFrameLength: 256 * 1024)
    }

    /// What `CLIENT LIST` and `CLIENT INFO` show of Redis 7.2 on.
    private static var library: (name: String, version: String) { ("weir", "0.1.0") }

    init(_ connection: RedisConnection, url: RedisURL, configuration: RedisConfiguration) {
        self.connection = connection
        self.url = url
        self.configuration = configuration
    }

    /// - Parameter whenDone: called once; after an error, which is a ``RedisError`` that names what was refused, the connection is closed.
    func run(_ whenDone: @escaping (Result<Void, RedisError>) -> Void) {
        self.whenDone = whenDone
        switch self.configuration.version {
        case .resp3: self.hello()
        case .resp2: self.authenticate()
        }
    }

    // MARK: Steps

    private func hello() {
        var words = ["3"]
        if let login = self.url.login { words += ["AUTH", login.user ?? "default", login.password] }
        if let name = self.clientName { words += ["SETNAME", name] }
        self.ask("HELLO", words) { reply in
            guard reply.isError else { return self.greeted(reply) }
            let refusal = Refusal(reply)
            switch refusal.kind {
            case .noProtocol, .noPermission: self.authenticate()
            case .error where !refusal.isFull: self.authenticate()
            // Some want AUTH first, whatever HELLO brings along.
            case .notAuthenticated where self.url.login != nil: self.authenticate()
            default: self.refused("HELLO", refusal)
            }
        }
    }

    private func greeted(_ reply: RESPFrame) {
        guard let pairs = reply.pairs else { return self.unexpected("HELLO", reply) }
        var version: Int64 = reply.kind == .map ? 3 : 2
        for (key, value) in pairs {
            switch key.string.map(String.init(buffer:)) {
            case "proto": version = value.integer ?? -1
            case "id": self.connection.serverID = value.integer
            default: break
            }
        }
        guard let version = RESPVersion(rawValue: Int(truncatingIfNeeded: version)) else { return self.unexpected("HELLO", reply) }
        self.connection.version = version
        self.prepare(isNamed: true)
    }

    private func authenticate() {
        guard let login = self.url.login else { return self.prepare(isNamed: false) }
        // Before Redis 6 there is only the default user, and it has no name.
        let user = login.user.flatMap { $0 == "default" ? nil : $0 }
        self.ask("AUTH", (user.map { [$0] } ?? []) + [login.password]) { reply in
            if reply.isError { return self.refused("AUTH", Refusal(reply)) }
            guard reply.kind == .simpleString else { return self.unexpected("AUTH", reply) }
            self.prepare(isNamed: false)
        }
    }

    private func prepare(isNamed: Bool) {
        if !isNamed, let name = self.clientName { self.ask("CLIENT", ["SETNAME", name]) { _ in } }
        // Since Redis 7.2.
        self.ask("CLIENT", ["SETINFO", "LIB-NAME", Self.library.name]) { _ in }
        self.ask("CLIENT", ["SETINFO", "LIB-VER", Self.library.version]) { _ in }
        if self.url.database != 0 {
            self.ask("SELECT", [String(self.url.database)]) { reply in
                if reply.isError { return self.refused("SELECT", Refusal(reply)) }
                if reply.kind != .simpleString { self.unexpected("SELECT", reply) }
            }
        }
        self.ask("PING", []) { reply in
            if reply.isError {
                let refusal = Refusal(reply)
                if refusal.meansOut || refusal.isFull { return self.refused("PING", refusal) }
            }
            self.finish(nil)
        }
    }

    /// The name, if the server would take it.
    private var clientName: String? {
        self.configuration.clientName.flatMap { name in
            !name.isEmpty && name.utf8.allSatisfy { (UInt8(ascii: "!")...UInt8(ascii: "~")).contains($0) } ? name : nil
        }
    }

    // MARK: Asking and being answered

    private func ask(_ name: StaticString, _ words: [String], _ then: @escaping (RESPFrame) -> Void) {
        let request = RedisRequest(name, .many(words.map { ByteBuffer(string: $0) }))
        _ = self.connection.send(
            request, deadline: .distantFuture,
            .closure { result in
                switch result {
                case .success(let reply): if self.whenDone != nil { then(reply) }
                case .failure(let error): self.finish(Self.lost(error))
                }
            })
    }

    private func refused(_ command: StaticString, _ refusal: Refusal) {
        self.finish(refusal.error(command, hasLogin: self.url.login != nil))
    }

    private func unexpected(_ command: StaticString, _ reply: RESPFrame) {
        self.finish(
            RedisError(
                .connectFailed, "the server does not speak the protocol of Redis: it answered \(command) in a way of its own",
                cause: RedisError(.unexpectedReply, "the reply is of the type \(reply.kind)")))
    }

    private static func lost(_ error: RedisError) -> RedisError {
        if let cause = error.cause, ClientTLS.isFailure(cause) {
            return RedisError(.tlsFailed, "TLS could not be agreed on with the server", cause: cause)
        }
        if error.code == .protocolViolation {
            return RedisError(.connectFailed, "the server does not speak the protocol of Redis", cause: error)
        }
        return RedisError(.connectFailed, "the connection was lost during the login", cause: error)
    }

    private func finish(_ error: RedisError?) {
        guard let whenDone = self.whenDone.take() else { return }
        if let error {
            self.connection.close()
            return whenDone(.failure(error))
        }
        guard self.connection.handshakeDone(replyLimits: self.configuration.replyLimits) else {
            self.connection.close()
            return whenDone(.failure(RedisError(.connectFailed, "the server sent something that nobody asked for during the login")))
        }
        whenDone(.success(()))
    }
}
