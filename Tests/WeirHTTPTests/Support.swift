import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import WeirCore
import WeirHTTP
import WeirPool
import WeirTestKit

/// Everything here lives on loops that no test shuts down: pools are shut down, loops stay.
let testGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

/// What came of an exchange.
struct Outcome: Sendable {
    var status: HTTPResponseStatus?
    var headers = HTTPHeaders()
    var body = ByteBuffer()
    var error: HTTPError?
    var starts = 0
}

/// Runs one exchange and collects its response. On the loop.
final class Collector: HTTPExchangeDelegate {
    private let promise: EventLoopPromise<Outcome>
    private var outcome = Outcome()
    private var requestBody: [ByteBuffer]
    private var keptAlive: Collector?

    private init(_ promise: EventLoopPromise<Outcome>, _ requestBody: [ByteBuffer]) {
        self.promise = promise
        self.requestBody = requestBody
    }

    static func run(
        _ pool: LocalHTTPPool, _ head: HTTPRequestHead, body: [ByteBuffer] = [], framing: HTTPRequestBody? = nil,
        deadlines: HTTPDeadlines? = nil, on loop: any EventLoop
    ) -> EventLoopFuture<Outcome> {
        let promise = loop.makePromise(of: Outcome.self)
        let collector = Collector(promise, body)
        // The exchange holds its delegate weakly.
        collector.keptAlive = collector
        let framing = framing ?? (body.isEmpty ? .none : .length(body.reduce(0) { $0 + $1.readableBytes }))
        do {
            _ = try pool.exchange(head, body: framing, deadlines: deadlines, delegate: collector)
        } catch {
            collector.finish(error)
        }
        return promise.futureResult
    }

    func exchangeStarted(_ exchange: HTTPExchange) {
        self.outcome.starts += 1
        self.pump(exchange)
    }

    private func pump(_ exchange: HTTPExchange) {
        while exchange.isWritable, !self.requestBody.isEmpty {
            exchange.write(self.requestBody.removeFirst())
            exchange.flush()
        }
        if self.requestBody.isEmpty { exchange.end() }
    }

    func exchange(_ exchange: HTTPExchange, writabilityChanged isWritable: Bool) { self.pump(exchange) }

    func exchange(_ exchange: HTTPExchange, received head: HTTPResponseHead) {
        self.outcome.status = head.status
        self.outcome.headers = head.headers
    }

    func exchange(_ exchange: HTTPExchange, received bytes: ByteBuffer) { self.outcome.body.writeImmutableBuffer(bytes) }
    func exchangeReadComplete(_ exchange: HTTPExchange) {}
    func exchangeEnded(_ exchange: HTTPExchange, trailers: HTTPHeaders?) { self.finish(nil) }
    func exchangeFailed(_ exchange: HTTPExchange, _ error: HTTPError) { self.finish(error) }

    private func finish(_ error: HTTPError?) {
        self.outcome.error = error
        self.promise.succeed(self.outcome)
        self.keptAlive = nil
    }
}

/// A pool for one test.
func withHTTP(
    port: Int, connections: Int = 8, deadlines: HTTPDeadlines = .patient, _ body: (HTTPPool) async throws -> Void
) async throws {
    var configuration = PoolConfiguration(maximum: max(connections, Array(testGroup.makeIterator()).count))
    configuration.overload = nil
    (configuration.connectTimeout, configuration.acquireTimeout) = (.seconds(60), .seconds(120))
    let pool = HTTPPool(origin: HTTPOrigin(host: "127.0.0.1", port: port), group: testGroup, deadlines: deadlines, pool: configuration)
    do {
        try await body(pool)
        try await pool.shutdown(deadline: .now() + .seconds(30)).get()
    } catch {
        try await pool.shutdown(deadline: .now()).get()
        throw error
    }
}

extension HTTPPool {
    func send(
        _ method: HTTPMethod, _ uri: String, headers: HTTPHeaders = [:], body: [ByteBuffer] = [], framing: HTTPRequestBody? = nil,
        deadlines: HTTPDeadlines? = nil, on loop: any EventLoop
    ) async throws -> Outcome {
        try await loop.flatSubmit {
            let head = HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
            return Collector.run(self[loop], head, body: body, framing: framing, deadlines: deadlines, on: loop)
        }.get()
    }
}

extension HTTPDeadlines {
    /// Deadlines that only a hang reaches.
    static var patient: HTTPDeadlines {
        var deadlines = HTTPDeadlines()
        deadlines.connect = .seconds(30)
        return deadlines
    }
}
