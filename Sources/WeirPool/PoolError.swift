import WeirCore

/// Why a pool gave no lease.
public struct PoolError: WeirError {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// No resource by the deadline of the request.
        public static let deadlineExceeded = Code(description: "deadlineExceeded")
        /// As many requests wait as may; this one was refused at once.
        public static let queueFull = Code(description: "queueFull")
        /// The request was shed: the queue is overloaded and this one has waited too long.
        public static let overloaded = Code(description: "overloaded")
        /// The backend is down: the last connects failed, nothing is open, and it is not yet time to try again.
        public static let circuitOpen = Code(description: "circuitOpen")
        /// The one who asked took the request back.
        public static let cancelled = Code(description: "cancelled")
        /// The pool drains or is closed.
        public static let shutdown = Code(description: "shutdown")
    }

    public let code: Code
    public let message: String
    /// For ``Code/circuitOpen``, and for ``Code/deadlineExceeded`` while connects fail: how the last connect failed.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    static func refusal(_ reason: PoolMachine.Refusal, cause: (any Error)?) -> PoolError {
        switch reason {
        case .deadlineExceeded:
            PoolError(.deadlineExceeded, "no resource became free before the deadline", cause: cause)
        case .queueFull:
            PoolError(.queueFull, "the pool's queue of waiting requests is full")
        case .overloaded:
            PoolError(.overloaded, "shed: the pool's queue has been standing for too long")
        case .circuitOpen:
            PoolError(.circuitOpen, "the backend is down: connects fail and none is open", cause: cause)
        case .shutdown:
            PoolError(.shutdown, "the pool is shutting down")
        case .cancelled:
            .cancelled
        }
    }

    static var cancelled: PoolError { PoolError(.cancelled, "the request was cancelled") }
}

/// How a connect failed that the pool gave up on: no word from it within ``PoolConfiguration/connectTimeout``.
struct ConnectAbandoned: Error, CustomStringConvertible {
    var description: String { "connecting took longer than the connect timeout" }
}
