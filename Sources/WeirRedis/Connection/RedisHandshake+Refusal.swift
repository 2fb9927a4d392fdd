import WeirRESP

extension RedisHandshake {
    /// An error that the server answered during the handshake. Of its text nothing is kept: old servers repeat in it what they were sent,
    /// the password included.
    struct Refusal {
        let kind: RedisServerErrorKind
        private let reply: RedisError
        /// The server has as many clients as it allows, which has no word of its own.
        let isFull: Bool

        /// - Precondition: it is an error.
        init(_ reply: RESPFrame) {
            self.reply = RedisError.serverError(reply)
            self.kind = self.reply.serverErrorKind ?? .error
            self.isFull = reply.withStringBytes { $0.starts(with: "ERR max number of clients".utf8) } ?? false
        }

        /// Whether the server serves nobody, or not without a login.
        var meansOut: Bool { self.meansLater || self.kind == .notAuthenticated || self.kind == .wrongPassword }

        /// Whether it may be otherwise in a while.
        private var meansLater: Bool { [.loading, .masterDown, .busy, .clusterDown, .tryAgain].contains(self.kind) }

        func error(_ command: StaticString, hasLogin: Bool) -> RedisError {
            let what = "it answered \(command) with \(self.kind)"
            if self.isFull { return self.error(.connectFailed, "the server has as many clients as it allows") }
            if self.meansLater { return self.error(.connectFailed, "the server does not serve yet: \(what)") }
            switch self.kind {
            case .wrongPassword: return self.error(.authenticationFailed, "the server refused the user or the password: \(what)")
            case .notAuthenticated:
                let login = hasLogin ? "another login" : "a login, and the URL has none"
                return self.error(.authenticationFailed, "the server wants \(login): \(what)")
            default: break
            }
            switch "\(command)" {
            case "SELECT": return self.error(.authenticationFailed, "the server refused the database: \(what)")
            case "AUTH", "HELLO": return self.error(.authenticationFailed, "the server refused the login: \(what)")
            default: return self.error(.connectFailed, "the server refused the connection: \(what)")
            }
        }

        private func error(_ code: RedisError.Code, _ message: String) -> RedisError {
            RedisError(code, message, cause: self.reply, serverErrorKind: self.kind)
        }
    }
}
