import NIOCore
import NIOHTTP1

/// How the body of a response ends.
enum ResponseBody {
    /// There is none.
    case none
    case length(Int)
    /// Chunked for HTTP/1.1, by closing for HTTP/1.0.
    case unknown
}

/// What answers one request. Called on the loop of its client's connection, from ``begin()`` to the end of its response or
/// ``cancelled()``, after which it must touch the client no more.
protocol Route: AnyObject {
    /// The head is there.
    func begin()
    /// A piece of the request's body.
    func received(_ bytes: ByteBuffer)
    /// All that one read brought was given to it.
    func readComplete()
    /// The request's body is whole.
    func requestEnded()
    /// The client takes more of the response, or no more for now.
    func writabilityChanged(_ isWritable: Bool)
    /// The client is gone, or its request is given up.
    func cancelled()
}

extension Route {
    func readComplete() {}
    func writabilityChanged(_ isWritable: Bool) {}
}

/// Finds the route of a request.
struct Routes {
    let backends: LocalBackends
    let status: StatusSource

    func route(_ request: Request, _ client: GatewayHandler) -> any Route {
        let path = request.path
        if path.hasPrefix("/kv/") { return KeyValueRoute.route(request, client, self.backends.redis) }
        if path == "/proxy" || path.hasPrefix("/proxy/") { return ProxyRoute.route(request, client, self.backends) }
        switch path {
        case "/status":
            guard request.method == .GET || request.method == .HEAD else {
                return AnswerRoute.notAllowed(request, client, allowed: "GET, HEAD")
            }
            return StatusRoute(client, self.status)
        case "/":
            guard request.method == .GET || request.method == .HEAD else {
                return AnswerRoute.notAllowed(request, client, allowed: "GET, HEAD")
            }
            return AnswerRoute(request, client, .ok, text: "PUT, GET, DELETE /kv/{key}\nany method /proxy/...\nGET /status")
        default:
            return AnswerRoute(request, client, .notFound, text: "no such path")
        }
    }
}

/// Answers without asking anybody, after it has read the request's body, if that is small: the connection then serves on.
final class AnswerRoute: Route {
    private static let maximumDiscarded = 64 * 1024

    private unowned let client: GatewayHandler
    private let request: Request
    private let status: HTTPResponseStatus
    private let headers: HTTPHeaders
    private let text: String
    private var discarded = 0
    private var hasAnswered = false

    init(_ request: Request, _ client: GatewayHandler, _ status: HTTPResponseStatus, _ headers: HTTPHeaders = [:], text: String) {
        self.request = request
        self.client = client
        self.status = status
        self.headers = headers
        self.text = text
    }

    static func notAllowed(_ request: Request, _ client: GatewayHandler, allowed: String) -> AnswerRoute {
        AnswerRoute(request, client, .methodNotAllowed, ["allow": allowed], text: "the method must be one of \(allowed)")
    }

    func begin() {
        // Who waits for leave to send a body gets the answer instead.
        var isTooLong = self.request.expectsContinue
        if case .length(let length) = self.request.body, length > Self.maximumDiscarded { isTooLong = true }
        if isTooLong { self.answer() }
    }

    func received(_ bytes: ByteBuffer) {
        self.discarded += bytes.readableBytes
        if self.discarded > Self.maximumDiscarded { self.answer() }
    }

    func requestEnded() { self.answer() }

    private func answer() {
        guard !self.hasAnswered else { return }
        self.hasAnswered = true
        self.client.respond(self.status, self.headers, text: self.text)
    }

    func cancelled() { self.hasAnswered = true }
}
