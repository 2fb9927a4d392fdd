import NIOHTTP1
import WeirCore
import WeirHTTP
import WeirPool
import WeirRedis

/// What a client is told of a back end's failure. Nothing of the error's text: that is for the log.
struct BackendFailure {
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    let text: String

    /// The pool shed the request or kept it waiting too long: trying again later is right.
    private static let busy = BackendFailure(
        status: .serviceUnavailable, headers: ["retry-after": "1"], text: "the back end is busy; try again")
    private static let unreachable = BackendFailure(status: .badGateway, headers: [:], text: "the back end cannot be reached")
    private static let failed = BackendFailure(status: .badGateway, headers: [:], text: "the back end failed")
    private static let slow = BackendFailure(status: .gatewayTimeout, headers: [:], text: "the back end did not answer in time")

    init(_ error: any Error) {
        switch error {
        case let error as RedisError where error.code == .noConnection: self = Self.ofPool(error.cause)
        case let error as RedisError where error.code == .timeout: self = .slow
        case let error as RedisError where error.code == .tooManyPending: self = .busy
        case let error as HTTPError where error.code == .noConnection: self = Self.ofPool(error.cause)
        case let error as HTTPError where error.code == .firstByteTimeout || error.code == .idleTimeout: self = .slow
        case let error as HTTPError where error.code == .invalidRequest:
            self.init(status: .badRequest, headers: [:], text: "the request cannot be forwarded")
        default: self = .failed
        }
    }

    private init(status: HTTPResponseStatus, headers: HTTPHeaders, text: String) {
        self.status = status
        self.headers = headers
        self.text = text
    }

    private static func ofPool(_ cause: (any Error)?) -> BackendFailure {
        // With a cause of its own, connecting fails: the back end is down, not busy.
        guard let error = cause as? PoolError, error.code != .circuitOpen, error.cause == nil else { return .unreachable }
        return .busy
    }
}
