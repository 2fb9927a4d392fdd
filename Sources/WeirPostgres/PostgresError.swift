public import WeirCore

/// Why a statement has no result.
///
/// Nothing that it prints, in whatever way, gives away a value or a password: of what the server said only the SQLSTATE and the severity
/// are shown. The rest is in ``server``, for who asks for it.
public struct PostgresError: WeirError {
    /// What happened, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The pool gave no connection; ``PostgresError/cause`` is its `PoolError`. Nothing was sent.
        public static let noConnection = Code(description: "noConnection")
        /// The server could not be connected to, or does not serve. Nothing but the login was sent.
        public static let connectFailed = Code(description: "connectFailed")
        /// TLS could not be agreed on: the server speaks none, its certificate is not trusted or names another server, it wants one from
        /// this side, or the own configuration cannot be used. Nothing was sent.
        public static let tlsFailed = Code(description: "tlsFailed")
        /// The server refused the user or the password, wanted a login that is not allowed here, or did not prove who it is.
        public static let authenticationFailed = Code(description: "authenticationFailed")
        /// No server of the list is of the kind that was asked for (``PostgresSessionAttributes``).
        public static let noSuitableServer = Code(description: "noSuitableServer")
        /// The connection ended before the result. ``PostgresError/mayHaveRun`` says whether the statement had been sent.
        public static let connectionLost = Code(description: "connectionLost")
        /// No result came by the deadline. The statement is being cancelled on the server if it had been sent.
        public static let timeout = Code(description: "timeout")
        /// The caller's task was cancelled. The statement is being cancelled on the server if it had been sent.
        public static let cancelled = Code(description: "cancelled")
        /// The server sent something that is not the protocol, or that nobody asked for; the connection was closed.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// As many statements wait as are allowed. Nothing was sent.
        public static let tooManyPending = Code(description: "tooManyPending")
        /// The server answered with an error: ``PostgresError/server`` has it.
        public static let serverError = Code(description: "serverError")
        /// The statement changes its connection (`BEGIN`, `SET`, `LISTEN`, `COPY` and the like): it needs one of its own. Nothing was sent.
        public static let needsLease = Code(description: "needsLease")
        /// A parameter cannot be sent, or the statement is too large. Nothing was sent.
        public static let notEncodable = Code(description: "notEncodable")
        /// More rows or bytes than a result that is collected may have.
        public static let resultTooLarge = Code(description: "resultTooLarge")
        /// The result is of another kind than was asked for: no row, more than one, a copy.
        public static let unexpectedResult = Code(description: "unexpectedResult")
        /// The connection is in use for something that does not share it, such as a copy.
        public static let busy = Code(description: "busy")
        /// The transaction has ended, or had failed and was rolled back instead of being committed.
        public static let transactionOver = Code(description: "transactionOver")
        /// The client is shut down.
        public static let shutdown = Code(description: "shutdown")
    }

    // One reference, so that results stay small.
    private final class Storage: Sendable {
        let code: Code
        let message: StaticString
        let cause: (any Error)?
        let mayHaveRun: Bool
        let server: PostgresServerError?
        let file: StaticString?
        let line: UInt32

        init(
            _ code: Code, _ message: StaticString, _ cause: (any Error)?, _ mayHaveRun: Bool, _ server: PostgresServerError?,
            _ file: StaticString?, _ line: UInt32
        ) {
            self.code = code
            self.message = message
            self.cause = cause
            self.mayHaveRun = mayHaveRun
            self.server = server
            self.file = file
            self.line = line
        }
    }

    private let storage: Storage

    @inline(never)
    @usableFromInline
    init(
        _ code: Code, _ message: StaticString, cause: (any Error)? = nil, mayHaveRun: Bool = false, server: PostgresServerError? = nil
    ) {
        self.storage = Storage(code, message, cause, mayHaveRun, server, nil, 0)
    }

    private init(_ storage: Storage) { self.storage = storage }

    /// The same error, of a statement that was written here.
    func at(_ file: StaticString, _ line: UInt32) -> PostgresError {
        let old = self.storage
        return PostgresError(Storage(old.code, old.message, old.cause, old.mayHaveRun, old.server, file, line))
    }

    public var code: Code { self.storage.code }
    public var message: String {
        guard let server = self.storage.server else { return "\(self.storage.message)" }
        return "\(self.storage.message) (\(server))"
    }
    public var cause: (any Error)? { self.storage.cause }
    /// False if the statement surely had no effect: only then may one that is not idempotent be sent again. An error of the server rolls back
    /// what the statement has done, but for those that run outside of transactions.
    public var mayHaveRun: Bool { self.storage.mayHaveRun }
    /// What the server said, if it did.
    public var server: PostgresServerError? { self.storage.server }
    /// The SQLSTATE, if the server answered with an error that has one.
    public var sqlState: PostgresSQLState? { self.storage.server?.sqlState }
    /// Where the statement stands in the source, if that is known: `Module/File.swift`.
    public var file: StaticString? { self.storage.file }
    /// The line in ``file``.
    public var line: UInt32 { self.storage.line }

    public var description: String {
        let place = self.storage.file.map { " at \($0):\(self.storage.line)" } ?? ""
        return "PostgresError.\(self.code): \(self.message)\(place)"
    }
}

extension PostgresError: CustomReflectable {
    /// As little as ``description``.
    public var customMirror: Mirror { Mirror(self, children: ["description": self.description]) }
}
