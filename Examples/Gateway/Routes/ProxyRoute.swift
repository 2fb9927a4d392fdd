import NIOCore
import NIOHTTP1
import WeirHTTP
import WeirPool

/// `/proxy/…`: the request goes to the upstream and its response comes back, both streamed: what one side does not take the
/// other is not asked for.
final class ProxyRoute: Route, HTTPExchangeDelegate {
    private unowned let client: GatewayHandler
    private let request: Request
    private let head: HTTPRequestHead
    private let upstream: LocalHTTPPool
    private var exchange: HTTPExchange?
    private var isOver = false
    private var hasResponseBegun = false

    private init(_ request: Request, _ client: GatewayHandler, _ upstream: LocalHTTPPool, head: HTTPRequestHead) {
        self.request = request
        self.client = client
        self.upstream = upstream
        self.head = head
    }

    static func route(_ request: Request, _ client: GatewayHandler, _ backends: LocalBackends) -> any Route {
        var path = request.path.dropFirst("/proxy".count)
        if path.isEmpty { path = "/" }
        // The upstream would resolve dots, and leave the path that the gateway stands for.
        let hasDots = path.split(separator: "/").contains { segment in
            let plain = segment.lowercased().replacing("%2e", with: ".")
            return plain == "." || plain == ".."
        }
        guard !hasDots, request.method != .CONNECT, request.method != .TRACE else {
            return hasDots
                ? AnswerRoute(request, client, .badRequest, text: "dot segments are not forwarded")
                : AnswerRoute(request, client, .notImplemented, text: "CONNECT and TRACE are not forwarded")
        }
        let target = backends.all.upstream.path + path + (request.query.map { "?\($0)" } ?? "")
        let headers = ForwardedHeaders.request(request.head, clientIP: client.clientIP, authority: backends.http.origin.authority)
        let head = HTTPRequestHead(version: .http1_1, method: request.method, uri: target, headers: headers)
        return ProxyRoute(request, client, backends.http, head: head)
    }

    // MARK: From the client

    func begin() {
        let body: HTTPRequestBody
        switch self.request.body {
        case .none: body = .none
        case .length(let length): body = .length(length)
        case .chunked: body = .chunked
        }
        // Until a connection is there the body stays with the client.
        if body != .none { self.client.isReadingPaused = true }
        do {
            let exchange = try self.upstream.exchange(self.head, body: body, owner: Owner("proxy"), delegate: self)
            if !self.isOver { self.exchange = exchange }
        } catch {
            self.fail(error)
        }
    }

    func received(_ bytes: ByteBuffer) {
        guard let exchange = self.exchange else { return }
        exchange.write(bytes)
        if !exchange.isWritable { self.client.isReadingPaused = true }
    }

    func readComplete() { self.exchange?.flush() }

    func requestEnded() { self.exchange?.end() }

    func writabilityChanged(_ isWritable: Bool) { self.exchange?.isReadingPaused = !isWritable }

    func cancelled() {
        self.isOver = true
        self.exchange?.cancel()
        self.exchange = nil
    }

    // MARK: From the upstream

    func exchangeStarted(_ exchange: HTTPExchange) {
        self.client.writeContinue()
        if exchange.isWritable { self.client.isReadingPaused = false }
    }

    func exchange(_ exchange: HTTPExchange, writabilityChanged isWritable: Bool) { self.client.isReadingPaused = !isWritable }

    func exchange(_ exchange: HTTPExchange, received head: HTTPResponseHead) {
        guard !self.isOver else { return }
        self.hasResponseBegun = true
        var headers = ForwardedHeaders.response(head)
        let length = head.headers.first(name: "content-length").flatMap { Int($0) }
        let body: ResponseBody
        if !head.status.mayHaveResponseBody {
            body = .none
        } else if let length {
            body = .length(length)
        } else {
            body = .unknown
        }
        headers.remove(name: "content-length")
        self.client.beginResponse(head.status, headers, body: body)
    }

    func exchange(_ exchange: HTTPExchange, received bytes: ByteBuffer) {
        guard !self.isOver else { return }
        self.client.write(bytes)
        if !self.client.isWritable { exchange.isReadingPaused = true }
    }

    func exchangeReadComplete(_ exchange: HTTPExchange) {
        if !self.isOver, self.hasResponseBegun { self.client.flush() }
    }

    func exchangeEnded(_ exchange: HTTPExchange, trailers: HTTPHeaders?) {
        self.exchange = nil
        guard !self.isOver else { return }
        self.isOver = true
        self.client.endResponse()
    }

    func exchangeFailed(_ exchange: HTTPExchange, _ error: HTTPError) { self.fail(error) }

    private func fail(_ error: HTTPError) {
        self.exchange = nil
        guard !self.isOver else { return }
        self.isOver = true
        if self.hasResponseBegun {
            self.client.abortResponse()
        } else {
            let failure = BackendFailure(error)
            self.client.isReadingPaused = false
            self.client.respond(failure.status, failure.headers, text: failure.text)
        }
    }
}
