import WeirCore

/// Why an HTTP exchange did not come to its end.
public struct HTTPError: WeirError {
    /// What happened, to switch over. New codes may appear.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The pool gave no connection; ``HTTPError/cause`` is its `PoolError`. Nothing was sent.
        public static let noConnection = Code(description: "noConnection")
        /// The server could not be connected to. Nothing was sent.
        public static let connectFailed = Code(description: "connectFailed")
        /// The request cannot be sent as it is: control characters, a framing header of its own, a bad target. Nothing was sent.
        public static let invalidRequest = Code(description: "invalidRequest")
        /// The request's body is longer or shorter than announced, or more of it was given than may wait.
        public static let requestBody = Code(description: "requestBody")
        /// The connection ended before the response began.
        public static let connectionLost = Code(description: "connectionLost")
        /// The connection ended in the middle of the response.
        public static let prematureClose = Code(description: "prematureClose")
        /// The response is not HTTP/1.
        public static let malformedResponse = Code(description: "malformedResponse")
        /// The response says two things about its length, or one that is no length. It was refused before anything of it was passed on.
        public static let ambiguousLength = Code(description: "ambiguousLength")
        /// Informational responses without end, or one that switches protocols.
        public static let informationalResponse = Code(description: "informationalResponse")
        /// The request was sent and no response began in time.
        public static let firstByteTimeout = Code(description: "firstByteTimeout")
        /// The server neither took nor sent anything for too long.
        public static let idleTimeout = Code(description: "idleTimeout")
        /// The one who asked gave it up.
        public static let cancelled = Code(description: "cancelled")
    }

    public let code: Code
    public let message: String
    public let cause: (any Error)?
    /// False if the server surely saw nothing of the request.
    public let mayHaveRun: Bool

    @inline(never)
    init(_ code: Code, _ message: StaticString, cause: (any Error)? = nil, mayHaveRun: Bool = true) {
        self.code = code
        self.message = "\(message)"
        self.cause = cause
        self.mayHaveRun = mayHaveRun
    }
}
