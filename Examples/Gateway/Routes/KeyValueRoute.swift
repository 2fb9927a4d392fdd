import NIOCore
import NIOHTTP1
import WeirRESP
import WeirRedis

/// `PUT`, `GET`, `HEAD` and `DELETE /kv/{key}`: a value in Redis. The key is percent-decoded and, like the value, may be any bytes.
final class KeyValueRoute: Route, RedisReplyReceiver {
    private static let maximumKeyLength = 1024
    static let maximumValueLength = 1024 * 1024

    private unowned let client: GatewayHandler
    private let request: Request
    private let redis: LocalRedis
    private let key: ByteBuffer
    private var value = ByteBuffer()
    private var receivedBytes = 0
    private var isOver = false

    private init(_ request: Request, _ client: GatewayHandler, _ redis: LocalRedis, key: ByteBuffer) {
        self.request = request
        self.client = client
        self.redis = redis
        self.key = key
    }

    static func route(_ request: Request, _ client: GatewayHandler, _ redis: LocalRedis) -> any Route {
        guard [.GET, .HEAD, .PUT, .DELETE].contains(request.method) else {
            return AnswerRoute.notAllowed(request, client, allowed: "GET, HEAD, PUT, DELETE")
        }
        let segment = request.path.dropFirst("/kv/".count)
        guard !segment.contains("/") else { return AnswerRoute(request, client, .notFound, text: "a key is one segment; / in it is %2F") }
        guard let key = percentDecoded(segment), (1...Self.maximumKeyLength).contains(key.readableBytes) else {
            return AnswerRoute(request, client, .badRequest, text: "a key is 1 to \(Self.maximumKeyLength) bytes, rightly percent-encoded")
        }
        return KeyValueRoute(request, client, redis, key: key)
    }

    func begin() {
        if case .length(let length) = self.request.body, length > Self.maximumValueLength {
            self.refuseValue()
        } else {
            self.client.writeContinue()
        }
    }

    /// Also where the body says nothing, it has an end.
    func received(_ bytes: ByteBuffer) {
        guard !self.isOver else { return }
        self.receivedBytes += bytes.readableBytes
        guard self.receivedBytes <= Self.maximumValueLength else {
            self.refuseValue()
            return
        }
        guard self.request.method == .PUT else { return }
        if self.value.readableBytes == 0 { self.value = bytes } else { self.value.writeImmutableBuffer(bytes) }
    }

    private func refuseValue() {
        guard !self.isOver else { return }
        self.isOver = true
        self.client.respond(.payloadTooLarge, text: "a value is at most \(Self.maximumValueLength) bytes")
    }

    func requestEnded() {
        guard !self.isOver else { return }
        switch self.request.method {
        case .PUT: self.redis.send(.set(self.key, to: self.value), to: self)
        case .DELETE: self.redis.send(.delete(self.key), to: self)
        default: self.redis.send(.get(self.key).repeatable(), to: self)
        }
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        guard !self.isOver else { return }
        self.isOver = true
        switch (self.request.method, reply.kind) {
        case (.PUT, .simpleString): self.client.respond(.noContent)
        case (.DELETE, .integer) where reply.integer != 0: self.client.respond(.noContent)
        case (.DELETE, .integer), (.GET, .null), (.HEAD, .null): self.client.respond(.notFound, text: "no such key")
        case (.GET, .bulkString), (.HEAD, .bulkString):
            self.client.respond(.ok, ["content-type": "application/octet-stream"], body: reply.string ?? ByteBuffer())
        default:
            self.client.respond(.badGateway, text: "the back end failed")
        }
    }

    func redisFailed(_ error: RedisError, tag: UInt64) {
        guard !self.isOver else { return }
        self.isOver = true
        let failure = BackendFailure(error)
        self.client.respond(failure.status, failure.headers, text: failure.text)
    }

    func cancelled() { self.isOver = true }
}
