import WeirCore

/// Why a pool gave no lease, or could not do what was asked of all its loops.
public struct PoolError: WeirError {
    /// The reason, to switch over. There may be more in later versions.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name: one of a bounded set, fit for a metric's label.
        public let description: String

        /// No resource by the deadline of the request; of ``Pool/warmUp()``, a connect that took longer than the connect timeout.
        public static let deadlineExceeded = Code(description: "deadlineExceeded")
        /// As many requests wait as may; this one was refused at once.
        public static let queueFull = Code(description: "queueFull")
        /// The request was shed: the queue is overloaded and this one has waited too long.
        public static let overloaded = Code(description: "overloaded")
        /// The backend is down: the last connects failed, nothing is open, and it is not yet time to try again.
        public static let circuitOpen = Code(description: "circuitOpen")
        /// The one who asked took the request back, its task was cancelled, or its owner's leases were released.
        public static let cancelled = Code(description: "cancelled")
        /// The pool drains or is closed, or the event loop that was asked has ended.
        public static let shutdown = Code(description: "shutdown")
    }

    /// What happened, to switch over.
    public let code: Code
    /// What happened, in words. Says nothing of the resource or its address.
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
