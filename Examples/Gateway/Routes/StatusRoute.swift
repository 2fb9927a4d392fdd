import Foundation
import NIOCore
import NIOHTTP1
import WeirCore
import WeirHTTP
import WeirPool
import WeirRedis
import WeirServer

/// What `/status` answers.
struct Status: Codable, Sendable {
    struct Backend: Codable, Sendable {
        let url: String
        let embedded: Bool
        let pool: PoolNumbers
    }

    /// A pool's numbers, all loops added up.
    struct PoolNumbers: Codable, Sendable {
        let name: String
        let maximum: Int
        let active: Int
        let idle: Int
        let connecting: Int
        let waiting: Int
        let leases: UInt64
        let connects: UInt64
        let connectFailures: UInt64
        let exhaustions: UInt64
        let timeouts: UInt64
        let queueFull: UInt64
        let shed: UInt64
        let circuitRejections: UInt64
        let closed: UInt64
        let leaks: UInt64
        let acquireMicrosecondsP50: UInt64
        let acquireMicrosecondsP99: UInt64
        let holdMicrosecondsP50: UInt64
        let holdMicrosecondsP99: UInt64
    }

    let uptimeSeconds: Int64
    let loops: Int
    let clientConnections: Int
    let redis: Backend
    let upstream: Backend
}

extension Status.PoolNumbers {
    init<Resource>(_ pool: Pool<Resource>, _ statistics: PoolStatistics) {
        self.init(
            name: pool.name, maximum: pool.configuration.maximum, active: statistics.active, idle: statistics.idle,
            connecting: statistics.connecting, waiting: statistics.waiting, leases: statistics.leases, connects: statistics.connects,
            connectFailures: statistics.connectFailures, exhaustions: statistics.exhaustions, timeouts: statistics.timeouts,
            queueFull: statistics.queueFull, shed: statistics.shed, circuitRejections: statistics.circuitRejections,
            closed: statistics.closed, leaks: statistics.leaks,
            acquireMicrosecondsP50: statistics.acquireTime.value(atQuantile: 0.5) / 1000,
            acquireMicrosecondsP99: statistics.acquireTime.value(atQuantile: 0.99) / 1000,
            holdMicrosecondsP50: statistics.holdTime.value(atQuantile: 0.5) / 1000,
            holdMicrosecondsP99: statistics.holdTime.value(atQuantile: 0.99) / 1000)
    }
}

/// Asks all loops. Off the request's path: nobody waits for it but who asked.
final class StatusSource: Sendable {
    private let backends: Backends
    private let clients: ClientRosters
    private let group: any EventLoopGroup
    private let started: NIODeadline

    init(backends: Backends, clients: ClientRosters, group: any EventLoopGroup, started: NIODeadline) {
        self.backends = backends
        self.clients = clients
        self.group = group
        self.started = started
    }

    /// The JSON, as a future of that loop.
    func json(on loop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        let redis = self.backends.redis.connections.statistics()
        let http = self.backends.http.connections.statistics()
        return self.clients.count().and(redis.and(http)).hop(to: loop).flatMapThrowing { clients, pools in
            let status = Status(
                uptimeSeconds: (NIODeadline.now() - self.started).nanoseconds / 1_000_000_000, loops: self.clients.loops.count,
                clientConnections: clients,
                redis: Status.Backend(
                    url: self.backends.redis.url.description, embedded: self.backends.isRedisEmbedded,
                    pool: Status.PoolNumbers(self.backends.redis.connections, pools.0)),
                upstream: Status.Backend(
                    url: self.backends.upstream.description, embedded: self.backends.isUpstreamEmbedded,
                    pool: Status.PoolNumbers(self.backends.http.connections, pools.1)))
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return ByteBuffer(bytes: try encoder.encode(status) + [UInt8(ascii: "\n")])
        }
    }
}

/// `GET /status`.
final class StatusRoute: Route {
    private static let maximumDiscarded = 64 * 1024

    private unowned let client: GatewayHandler
    private let source: StatusSource
    private var discarded = 0
    private var isOver = false

    init(_ client: GatewayHandler, _ source: StatusSource) {
        self.client = client
        self.source = source
    }

    func begin() { self.client.writeContinue() }

    func received(_ bytes: ByteBuffer) {
        guard !self.isOver else { return }
        self.discarded += bytes.readableBytes
        guard self.discarded > Self.maximumDiscarded else { return }
        self.isOver = true
        self.client.respond(.payloadTooLarge, text: "the status takes no body")
    }

    func requestEnded() {
        guard !self.isOver else { return }
        self.source.json(on: self.client.loop).assumeIsolated().whenComplete { result in
            guard !self.isOver else { return }
            self.isOver = true
            switch result {
            case .success(let json): self.client.respond(.ok, ["content-type": "application/json"], body: json)
            case .failure: self.client.respond(.internalServerError, text: "the status is not to be had")
            }
        }
    }

    func cancelled() { self.isOver = true }
}
