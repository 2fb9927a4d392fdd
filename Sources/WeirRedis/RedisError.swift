import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// Why a command has no reply, or why its reply is an error.
public struct RedisError: WeirError {
    /// What happened, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The pool gave no connection; ``RedisError/cause`` is its `PoolError`. Nothing was sent.
        public static let noConnection = Code(description: "noConnection")
        /// The server could not be connected to, or does not serve. Nothing but the login was sent.
        public static let connectFailed = Code(description: "connectFailed")
        /// TLS could not be agreed on: the certificate is not trusted, has expired or names another server, the server wants one from
        /// this side or speaks no TLS, or the own configuration cannot be used. Nothing was sent.
        public static let tlsFailed = Code(description: "tlsFailed")
        /// The server refused the user or password of the URL, or the database: ``RedisError/serverErrorKind`` is its reason. Nothing
        /// else was sent.
        public static let authenticationFailed = Code(description: "authenticationFailed")
        /// The connection ended before the reply. ``RedisError/mayHaveRun`` says whether the command had been sent.
        public static let connectionLost = Code(description: "connectionLost")
        /// No reply came by the deadline. ``RedisError/mayHaveRun`` says whether the command had been sent; its late reply is nobody's.
        public static let timeout = Code(description: "timeout")
        /// The peer sent something that is not the protocol, or a reply that nobody asked for; the connection was closed.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// As many commands wait for replies on this connection as are allowed. Nothing was sent.
        public static let tooManyPending = Code(description: "tooManyPending")
        /// The server answered with an error: ``RedisError/serverErrorKind`` names it.
        public static let serverError = Code(description: "serverError")
        /// The command changes its connection, or blocks it: it needs a lease (``LocalRedis/withConnection(owner:deadline:_:)``).
        public static let needsLease = Code(description: "needsLease")
        /// The command is answered by no reply or by several, which no connection here can match. Nothing was sent.
        public static let notSupported = Code(description: "notSupported")
        /// The caller's task was cancelled.
        public static let cancelled = Code(description: "cancelled")
        /// The client is shut down.
        public static let shutdown = Code(description: "shutdown")
        /// The server has ended the subscription to a topic without being asked to; it is subscribed to again.
        public static let unsubscribed = Code(description: "unsubscribed")
        /// The reply is of another type than the command has.
        public static let unexpectedReply = Code(description: "unexpectedReply")
    }

    public let code: Code
    public let message: String
    public let cause: (any Error)?
    /// False if the server surely never saw the command: only then may one that is not idempotent be sent again.
    public let mayHaveRun: Bool
    /// The first word of an error that the server sent.
    public let serverErrorKind: RedisServerErrorKind?

    @inline(never)
    init(_ code: Code, _ message: String, cause: (any Error)? = nil, mayHaveRun: Bool = false, serverErrorKind: RedisServerErrorKind? = nil)
    {
        self.code = code
        self.message = message
        self.cause = cause
        self.mayHaveRun = mayHaveRun
        self.serverErrorKind = serverErrorKind
    }

    var mayPass: Bool { self.serverErrorKind?.mayPass ?? false }

    /// An error reply as an error. Of the text only the kind is kept: the rest may repeat arguments, and those are secret.
    ///
    /// - Parameter ofScript: it may be the error of one of a script's commands, after others have run.
    @inline(never)
    static func serverError(_ reply: RESPFrame, ofScript: Bool = false) -> RedisError {
        let kind = reply.withStringBytes { bytes in
            let word = bytes.prefix(32).prefix { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
            }
            return word.isEmpty ? nil : RedisServerErrorKind(String(decoding: word, as: UTF8.self))
        }
        let known = (kind ?? nil) ?? .error
        let mayHaveRun = !known.meansNotRun || ofScript && known != .noScript
        return RedisError(
            .serverError, "the server answered with the error \(known)", mayHaveRun: mayHaveRun, serverErrorKind: known)
    }
}

/// The first word of an error that the server sent.
public struct RedisServerErrorKind: Hashable, Sendable, CustomStringConvertible {
    /// The word, such as `WRONGTYPE`: upper case letters and `_`.
    public let description: String

    public init(_ word: String) { self.description = word }

    /// Any error that has no word of its own.
    public static let error = RedisServerErrorKind("ERR")
    /// The key holds a value of another type.
    public static let wrongType = RedisServerErrorKind("WRONGTYPE")
    /// The user or password is wrong.
    public static let wrongPassword = RedisServerErrorKind("WRONGPASS")
    /// The connection is not logged in.
    public static let notAuthenticated = RedisServerErrorKind("NOAUTH")
    /// The user may not do that.
    public static let noPermission = RedisServerErrorKind("NOPERM")
    /// The server does not speak the version that `HELLO` asked for.
    public static let noProtocol = RedisServerErrorKind("NOPROTO")
    /// The script is not in the server's cache.
    public static let noScript = RedisServerErrorKind("NOSCRIPT")
    /// The server is loading its data.
    public static let loading = RedisServerErrorKind("LOADING")
    /// A script runs for too long.
    public static let busy = RedisServerErrorKind("BUSY")
    /// The server has no memory left for a write.
    public static let outOfMemory = RedisServerErrorKind("OOM")
    /// A replica refuses a write.
    public static let readOnly = RedisServerErrorKind("READONLY")
    /// The replica has no link to its master.
    public static let masterDown = RedisServerErrorKind("MASTERDOWN")
    /// Writes are refused, as they could not be saved.
    public static let misconfigured = RedisServerErrorKind("MISCONF")
    /// A transaction was given up, as one of its commands was refused.
    public static let execAborted = RedisServerErrorKind("EXECABORT")
    /// The cluster does not serve.
    public static let clusterDown = RedisServerErrorKind("CLUSTERDOWN")
    /// Keys of one command are on the move.
    public static let tryAgain = RedisServerErrorKind("TRYAGAIN")
    /// The slot is served elsewhere.
    public static let moved = RedisServerErrorKind("MOVED")
    /// The slot is on the move.
    public static let ask = RedisServerErrorKind("ASK")
    /// The keys of one command belong to several slots.
    public static let crossSlot = RedisServerErrorKind("CROSSSLOT")

    /// Whether the server may soon be in a state in which it does not refuse.
    var mayPass: Bool { [.loading, .busy, .masterDown, .clusterDown, .tryAgain].contains(self) }

    /// Whether the server refused the command before it ran, so that it may be sent again without running twice.
    public var meansNotRun: Bool {
        [
            .wrongPassword, .notAuthenticated, .noPermission, .noProtocol, .noScript, .loading, .busy, .outOfMemory, .readOnly, .masterDown,
            .misconfigured, .execAborted, .clusterDown, .tryAgain, .moved, .ask, .crossSlot,
        ].contains(self)
    }
}

extension EventLoopPromise where Value: Sendable {
    func complete(_ result: Result<Value, RedisError>) {
        switch result {
        case .success(let value): self.succeed(value)
        case .failure(let error): self.fail(error)
        }
    }
}
