import NIOCore
import WeirRESP

/// What is said on a new connection before anyone may use it: `HELLO`, or `AUTH` where the server does not know it, then `SELECT` and
/// what `CLIENT LIST` shows. On the connection's loop.
struct RedisHandshake {
    let url: RedisURL
    let configuration: RedisConfiguration

    /// - Returns: fails with a ``RedisError``; the connection is of no use then.
    func run(on connection: RedisConnection, loop: any EventLoop, deadline: NIODeadline) -> EventLoopFuture<Void> {
        let login: EventLoopFuture<Void>
        if self.configuration.version == .resp3 {
            let promise = loop.makePromise(of: Void.self)
            let bound = NIOLoopBound(connection, eventLoop: loop)
            connection.send(self.hello, deadline: deadline).assumeIsolated().whenComplete { result in
                switch result {
                case .success(let frame):
                    bound.value.version = .resp3
                    bound.value.serverID = frame.pairs?.first { $0.key.string == ByteBuffer(string: "id") }?.value.integer
                    promise.succeed()
                case .failure(let error as RedisError) where error.serverErrorKind == .noProtocol || error.serverErrorKind == .error:
                    // Before Redis 6, or told to speak RESP2 only.
                    promise.completeWith(self.authenticate(bound.value, loop: loop, deadline: deadline))
                case .failure(let error):
                    promise.fail(Self.refused(error))
                }
            }
            login = promise.futureResult
        } else {
            login = self.authenticate(connection, loop: loop, deadline: deadline)
        }
        let bound = NIOLoopBound(connection, eventLoop: loop)
        return login.flatMap { self.prepare(bound.value, loop: loop, deadline: deadline) }.map { bound.value.handshakeDone() }
    }

    private var hello: RedisCommand<RESPFrame> {
        var words = [ByteBuffer(string: "3")]
        if let password = self.url.password {
            words += [ByteBuffer(string: "AUTH"), ByteBuffer(string: self.url.user ?? "default"), ByteBuffer(string: password)]
        }
        return RedisCommand("HELLO", .many(words), decode: RedisReplies.frame)
    }

    private func authenticate(_ connection: RedisConnection, loop: any EventLoop, deadline: NIODeadline) -> EventLoopFuture<Void> {
        guard let password = self.url.password else { return loop.makeSucceededVoidFuture() }
        let words = (self.url.user.map { [$0] } ?? []) + [password]
        let auth = RedisCommand("AUTH", .many(words.map { ByteBuffer(string: $0) }), decode: RedisReplies.ok)
        return connection.send(auth, deadline: deadline).flatMapErrorThrowing { throw Self.refused($0) }
    }

    /// All sent at once. Only the database matters.
    private func prepare(_ connection: RedisConnection, loop: any EventLoop, deadline: NIODeadline) -> EventLoopFuture<Void> {
        func client(_ words: String...) -> RedisCommand<RESPFrame> {
            RedisCommand("CLIENT", .many(words.map { ByteBuffer(string: $0) }), decode: RedisReplies.frame)
        }
        if let name = self.configuration.clientName { _ = connection.send(client("SETNAME", name), deadline: deadline) }
        // Since Redis 7.2; others refuse it, and nothing comes of that.
        _ = connection.send(client("SETINFO", "LIB-NAME", "weir"), deadline: deadline)
        let select = RedisCommand("SELECT", .one(ByteBuffer(string: String(self.url.database))), decode: RedisReplies.ok)
        // Also for the database that it has already: by the reply to it all the others are in.
        return connection.send(select, deadline: deadline).flatMapErrorThrowing { throw Self.refused($0) }
    }

    private static func refused(_ error: any Error) -> RedisError {
        guard let error = error as? RedisError, error.code == .serverError else {
            return RedisError(.connectFailed, "the connection was lost during the login", cause: error)
        }
        switch error.serverErrorKind {
        case .loading?, .masterDown?, .busy?:
            return RedisError(.connectFailed, "the server does not serve yet", cause: error)
        default:
            return RedisError(.authenticationFailed, "the server refused the login or the database", cause: error)
        }
    }
}
