import Measuring
import NIOCore
import NIOPosix
import WeirCore
import WeirPool
import WeirRESP
import WeirRedis

let getRows: [Row] = [
    (
        "get-in-handler",
        { sampler in
            try withRedis { redis, loop in
                let chains = try loop.submit { NIOLoopBound(GetChains(redis[loop]), eventLoop: loop) }.wait()
                try sampler.measureProcess { operations in
                    try loop.flatSubmit { chains.value.run(operations) }.wait()
                }
            }
        }
    ),
    (
        "get-async",
        { sampler in
            try withRedis { redis, loop in
                try sampler.measureProcess { operations in
                    try onTasks(GetChains.count, loop, loop.weirExecutor) { task in
                        let local = redis[loop]
                        let key = GetChains.key(task)
                        for _ in 0..<(operations / GetChains.count + 1) {
                            guard try await local.send(.get(key))?.readableBytes == GetChains.value.utf8.count else {
                                fatalError("another's value")
                            }
                        }
                    }
                }
            }
        }
    ),
    (
        "get-one-at-a-time",
        { sampler in
            try withRedis { redis, loop in
                let single = try loop.submit { NIOLoopBound(SingleGets(redis[loop]), eventLoop: loop) }.wait()
                for sample in 0...Sampler.samples {
                    let median = try loop.flatSubmit { single.value.run(for: .milliseconds(500)) }.wait()
                    if sample > 0 { sampler.report(median / 1000, unit: "us") }
                }
            }
        }
    ),
]

/// Gives the body a client of one loop, connected, with the keys set that the peers ask for.
func withRedis(_ body: (RedisPool, any EventLoop) throws -> Void) throws {
    guard let text = environment("WEIR_REDIS_URL") else { usage("bench-redis: WEIR_REDIS_URL names no Redis") }
    try withLoops(1) { group in
        let redis = RedisPool(url: try RedisURL(text), group: group, pool: PoolConfiguration(maximum: 4, size: 4))
        defer { try? redis.shutdown(deadline: .now() + .seconds(1)).wait() }
        let loop = group.any()
        try loop.flatSubmit {
            let sets = (0..<GetChains.count).map { redis[loop].send(.set(GetChains.key($0), to: ByteBuffer(string: GetChains.value))) }
            return EventLoopFuture.andAllSucceed(sets, on: loop)
        }.wait()
        try body(redis, loop)
    }
}

/// Chains of requests, each asked from the reply to the one before it.
final class GetChains: RedisReplyReceiver {
    static let count = 50
    static let value = "abcdefghijklmnopqrstuvwxyz012345"

    private let redis: LocalRedis
    private let keys = (0..<GetChains.count).map(GetChains.key)
    private var toAsk = 0
    private var toCome = 0
    private var sum: UInt64 = 0
    private var promise: EventLoopPromise<Void>?

    init(_ redis: LocalRedis) { self.redis = redis }

    static func key(_ index: Int) -> ByteBuffer {
        let digits = String(index)
        return ByteBuffer(string: "weir:bench:key:" + String(repeating: "0", count: 5 - digits.count) + digits)
    }

    func run(_ operations: Int) -> EventLoopFuture<Void> {
        let promise = self.redis.loop.makePromise(of: Void.self)
        self.promise = promise
        self.toAsk = max(operations, Self.count)
        self.toCome = self.toAsk
        for chain in 0..<Self.count { self.ask(chain) }
        return promise.futureResult
    }

    private func ask(_ chain: Int) {
        self.toAsk -= 1
        self.redis.send(.get(self.keys[chain]), tag: UInt64(chain), to: self)
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        let length = reply.withStringBytes { bytes in
            self.sum &+= UInt64(bytes[0])
            return bytes.count
        }
        guard length == Self.value.utf8.count else { fatalError("another's value") }
        self.toCome -= 1
        if self.toAsk > 0 { self.ask(Int(tag)) } else if self.toCome == 0 { self.promise.take()?.succeed() }
    }

    func redisFailed(_ error: RedisError, tag: UInt64) { self.promise.take()?.fail(error) }
}

/// One request after the other.
final class SingleGets: RedisReplyReceiver {
    private let redis: LocalRedis
    private let key = GetChains.key(0)
    private var begun = NIODeadline.now()
    private var end = NIODeadline.now()
    private var times: [Int64] = []
    private var promise: EventLoopPromise<Double>?

    init(_ redis: LocalRedis) { self.redis = redis }

    /// The median in nanoseconds.
    func run(for time: TimeAmount) -> EventLoopFuture<Double> {
        let promise = self.redis.loop.makePromise(of: Double.self)
        self.promise = promise
        self.times.removeAll(keepingCapacity: true)
        self.end = .now() + time
        self.ask()
        return promise.futureResult
    }

    private func ask() {
        self.begun = .now()
        self.redis.send(.get(self.key), to: self)
    }

    func redisReplied(_ reply: RESPFrame, tag: UInt64) {
        let now = NIODeadline.now()
        self.times.append((now - self.begun).nanoseconds)
        guard now >= self.end else { return self.ask() }
        self.times.sort()
        self.promise.take()?.succeed(Double(self.times[self.times.count / 2]))
    }

    func redisFailed(_ error: RedisError, tag: UInt64) { self.promise.take()?.fail(error) }
}
