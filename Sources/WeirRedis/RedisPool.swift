import Logging
import NIOCore
import WeirCore
import WeirPool
import WeirRESP

/// How a ``RedisPool`` behaves beside its pool's own configuration.
public struct RedisConfiguration: Sendable {
    /// From the call to the reply, the wait for a connection included. Five seconds unless set.
    public var commandTimeout: TimeAmount = .seconds(5)
    /// Commands that may wait for replies on one connection. 1024 unless set.
    public var maximumPending = 1024
    /// What a reply may be at most.
    public var replyLimits = RESPDecoderLimits()

    public init() {}
}

/// Redis for all loops of a group. Make one, keep it, and ask `pool[loop]` on each loop.
///
/// A `Pool` of ``RedisConnection``s underneath: no command leaves the loop it was given on.
public final class RedisPool: Sendable {
    /// The pool underneath: its statistics, its drain, and `run()` for a service group.
    public let connections: Pool<RedisConnection>
    /// Where the server is.
    public let url: RedisURL
    private let locals: LoopLocal<LocalRedis>

    /// - Parameters:
    ///   - url: where the server is and how to log in.
    ///   - name: names the pool in reports and metrics.
    ///   - group: whose loops may ask.
    ///   - configuration: of commands.
    ///   - pool: of the pool of connections.
    ///   - metrics: where the pool counts, if anywhere.
    ///   - logger: where the pool reports leaks, if anywhere.
    public init(
        url: RedisURL, name: String = "redis", group: any EventLoopGroup, configuration: RedisConfiguration = RedisConfiguration(),
        pool: PoolConfiguration, metrics: MetricRegistry? = nil, logger: Logger? = nil
    ) {
        self.url = url
        let connections = Pool<RedisConnection>(
            name: name, group: group, configuration: pool, metrics: metrics, logger: logger
        ) { loop in RedisConnectionFactory(url: url, configuration: configuration, loop: loop) }
        self.connections = connections
        self.locals = LoopLocal(group) { loop in
            LocalRedis(pool: connections[loop], loopContext: LoopContext.of(loop), timeout: configuration.commandTimeout)
        }
    }

    /// The part of this loop; on the loop only. Look it up once per connection.
    public subscript(loop: any EventLoop) -> LocalRedis { self.locals[loop] }

    /// Drains and closes. See `Pool.shutdown(deadline:)`.
    public func shutdown(deadline: NIODeadline) -> EventLoopFuture<Void> { self.connections.shutdown(deadline: deadline) }
}

/// Redis on one loop: touch it on that loop only. Each command leases a connection for its one reply.
public final class LocalRedis {
    /// The loop that it belongs to.
    public var loop: any EventLoop { self.loopContext.loop }
    private let pool: LocalPool<RedisConnection>
    private let loopContext: LoopContext
    private let timeout: TimeAmount

    init(pool: LocalPool<RedisConnection>, loopContext: LoopContext, timeout: TimeAmount) {
        self.pool = pool
        self.loopContext = loopContext
        self.timeout = timeout
    }

    /// Sends a command; its reply or error goes to the receiver, which may be called before this returns if nothing can be sent.
    ///
    /// - Parameters:
    ///   - command: what to send.
    ///   - deadline: for connection and reply together; by default the configuration's time from now.
    ///   - owner: who holds the connection meanwhile.
    ///   - tag: handed to the receiver.
    ///   - receiver: held until it is called.
    public func send(
        _ command: RedisCommand, deadline: NIODeadline? = nil, owner: Owner = .none, tag: UInt64 = 0, to receiver: any RedisReplyReceiver,
        file: StaticString = #fileID, line: UInt32 = #line
    ) {
        let deadline = deadline ?? self.loopContext.passTime + self.timeout
        let operation = LeasedCommand(command, deadline: deadline, tag: tag, receiver: receiver)
        self.pool.lease(owner: owner, deadline: deadline, to: operation, file: file, line: line)
    }

    /// Sends a command. The future is of this loop; it fails with a ``RedisError``, also when the reply is an error.
    public func send(
        _ command: RedisCommand, deadline: NIODeadline? = nil, owner: Owner = .none, file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<RESPValue> {
        let answer = PromisedReply(self.loop.makePromise())
        self.send(command, deadline: deadline, owner: owner, to: answer, file: file, line: line)
        return answer.promise.futureResult
    }

    /// The value of the key, nil without it.
    public func get(
        _ key: ByteBuffer, deadline: NIODeadline? = nil, owner: Owner = .none, file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<ByteBuffer?> {
        self.send(.get(key), deadline: deadline, owner: owner, file: file, line: line).flatMapThrowing { reply in
            switch reply {
            case .bulkString(let value): return value
            case .null: return nil
            default: throw RedisError(.unexpectedReply, "GET was answered with neither a string nor null", mayHaveRun: true)
            }
        }
    }

    /// Sets the key, for that time if there is one.
    public func set(
        _ key: ByteBuffer, to value: ByteBuffer, expiry: TimeAmount? = nil, deadline: NIODeadline? = nil, owner: Owner = .none,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<Void> {
        self.send(.set(key, to: value, expiry: expiry), deadline: deadline, owner: owner, file: file, line: line)
            .flatMapThrowing { reply in
                guard case .simpleString = reply else {
                    throw RedisError(.unexpectedReply, "SET was not answered with OK", mayHaveRun: true)
                }
            }
    }

    /// Deletes the key; true if it was there.
    public func delete(
        _ key: ByteBuffer, deadline: NIODeadline? = nil, owner: Owner = .none, file: StaticString = #fileID, line: UInt32 = #line
    ) -> EventLoopFuture<Bool> {
        self.send(.delete(key), deadline: deadline, owner: owner, file: file, line: line).flatMapThrowing { reply in
            guard case .integer(let count) = reply else {
                throw RedisError(.unexpectedReply, "DEL was not answered with a number", mayHaveRun: true)
            }
            return count > 0
        }
    }
}

/// One command from its request for a connection to its reply.
private final class LeasedCommand: LeaseReceiver, RedisReplyReceiver {
    private let command: RedisCommand
    private let deadline: NIODeadline
    private let tag: UInt64
    private let receiver: any RedisReplyReceiver
    private var lease: Lease<RedisConnection>?

    init(_ command: RedisCommand, deadline: NIODeadline, tag: UInt64, receiver: any RedisReplyReceiver) {
        self.command = command
        self.deadline = deadline
        self.tag = tag
        self.receiver = receiver
    }

    func leaseGranted(_ lease: consuming Lease<RedisConnection>, tag: UInt64) {
        let connection = lease.resource
        self.lease = consume lease
        connection.send(self.command, deadline: self.deadline, to: self)
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.receiver.redisFailed(RedisError(.noConnection, "the pool gave no connection", cause: error), tag: self.tag)
    }

    // The lease goes back first: what the receiver asks for next finds the connection free.

    func redisReplied(_ reply: RESPValue, tag: UInt64) {
        self.lease.take()?.release()
        self.receiver.redisReplied(reply, tag: self.tag)
    }

    func redisFailed(_ error: RedisError, tag: UInt64) {
        self.lease.take()?.discard()
        self.receiver.redisFailed(error, tag: self.tag)
    }
}

/// A future's side of a reply.
private final class PromisedReply: RedisReplyReceiver {
    let promise: EventLoopPromise<RESPValue>

    init(_ promise: EventLoopPromise<RESPValue>) { self.promise = promise }

    func redisReplied(_ reply: RESPValue, tag: UInt64) {
        if let error = reply.errorBytes { self.promise.fail(RedisError.serverError(error)) } else { self.promise.succeed(reply) }
    }

    func redisFailed(_ error: RedisError, tag: UInt64) { self.promise.fail(error) }
}
