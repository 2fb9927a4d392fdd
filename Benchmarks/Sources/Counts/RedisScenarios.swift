import Measuring
import NIOCore
import WeirPool
import WeirRESP
import WeirRedis

let redisScenarios: [Scenario] = [
    // Many chains of requests over a loop's shared connection, each asked from the reply to the one before it.
    (
        "redis-get",
        { operations, marks in
            guard let text = environment("WEIR_REDIS_URL") else { fatalError("WEIR_REDIS_URL names no Redis") }
            try withLoops(1) { group in
                let redis = RedisPool(url: try RedisURL(text), group: group, pool: PoolConfiguration(maximum: 4, size: 4))
                defer { try? redis.shutdown(deadline: .now() + .seconds(1)).wait() }
                let loop = group.any()
                try loop.flatSubmit { redis[loop].send(.set(Gets.key, to: ByteBuffer(string: Gets.value))) }.wait()
                let gets = try loop.submit { NIOLoopBound(Gets(redis[loop]), eventLoop: loop) }.wait()
                // Buffers of the socket find their size within some passes.
                try loop.flatSubmit { gets.value.run(warmUp * 10, Marks(begin: {}, end: {})) }.wait()
                try loop.flatSubmit { gets.value.run(operations, marks) }.wait()
            }
        }
    )
]

private final class Gets: RedisReplyReceiver {
    static let key = ByteBuffer(string: "weir:counts:key")
    static let value = "abcdefghijklmnopqrstuvwxyz012345"
    private static let chains = 50

    private let redis: LocalRedis
    private var toAsk = 0
    private var toCome = 0
    private var marks: Marks?
    private var promise: EventLoopPromise<Void>?

    init(_ redis: LocalRedis) { self.redis = redis }

    func run(_ operations: Int, _ marks: Marks) -> EventLoopFuture<Void> {
        let promise = self.redis.loop.makePromise(of: Void.self)
        self.promise = promise
        self.marks = marks
        self.toAsk = operations
        self.toCome = operations
        marks.begin()
        for _ in 0..<min(Self.chains, operations) { self.ask() }
        return promise.futureResult
    }

    private func ask() {
        self.toAsk -= 1
        self.redis.send(.get(Self.key), to: self)
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        let length = reply.withStringBytes { $0.count }
        guard length == Self.value.utf8.count else { fatalError("another's value") }
        self.toCome -= 1
        if self.toAsk > 0 { return self.ask() }
        guard self.toCome == 0 else { return }
        self.marks.take()?.end()
        self.promise.take()?.succeed()
    }

    func redisFailed(_ error: RedisError, tag: UInt64) { self.promise.take()?.fail(error) }
}
