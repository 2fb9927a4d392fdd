import NIOCore
import WeirCore
import WeirPool

/// Why a command has no reply, or why its reply is an error.
public struct RedisError: WeirError {
    /// What happened, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The pool gave no connection; ``RedisError/cause`` is its `PoolError`. Nothing was sent.
        public static let noConnection = Code(description: "noConnection")
        /// The server could not be connected to. Nothing was sent.
        public static let connectFailed = Code(description: "connectFailed")
        /// The server refused the user or password of the URL, or the database. Nothing else was sent.
        public static let authenticationFailed = Code(description: "authenticationFailed")
        /// The connection ended before the reply. ``RedisError/mayHaveRun`` says whether the command had been sent.
        public static let connectionLost = Code(description: "connectionLost")
        /// No reply came by the deadline. The connection was closed, so that the late reply is nobody's.
        public static let timeout = Code(description: "timeout")
        /// The peer sent something that is not the protocol, or a reply that nobody asked for; the connection was closed.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// As many commands wait for replies on this connection as are allowed. Nothing was sent.
        public static let tooManyPending = Code(description: "tooManyPending")
        /// The server answered with an error: ``RedisError/serverErrorKind`` names it.
        public static let serverError = Code(description: "serverError")
        /// The reply is of another type than the command has.
        public static let unexpectedReply = Code(description: "unexpectedReply")
    }

    public let code: Code
    public let message: String
    public let cause: (any Error)?
    /// False if the server surely never saw the command: only then may one that is not idempotent be sent again.
    public let mayHaveRun: Bool
    /// The first word of an error that the server sent: `ERR`, `WRONGTYPE`, `OOM`, `LOADING`, `READONLY`, ….
    public let serverErrorKind: String?

    @inline(never)
    init(_ code: Code, _ message: String, cause: (any Error)? = nil, mayHaveRun: Bool = false, serverErrorKind: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.mayHaveRun = mayHaveRun
        self.serverErrorKind = serverErrorKind
    }

    /// An error reply as an error. Of the text only the kind is kept: the rest may repeat arguments, and those are secret.
    @inline(never)
    static func serverError(_ reply: ByteBuffer) -> RedisError {
        let word = reply.readableBytesView.prefix(32).prefix { byte in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
        }
        let kind = word.isEmpty ? "ERR" : String(decoding: word, as: UTF8.self)
        return RedisError(.serverError, "the server answered with the error \(kind)", mayHaveRun: true, serverErrorKind: kind)
    }
}
