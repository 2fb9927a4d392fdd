public import NIOCore
import WeirCore
import WeirRESP

/// `MULTI`, commands, `EXEC`: sent together, run together or not at all.
///
/// What each command replies is a result of its own: one that fails while the transaction runs does not undo the others, as Redis has
/// it. A command that the server refuses to queue, as an unknown one, makes the whole fail with ``RedisServerErrorKind/execAborted``, the
/// refusal as its cause.
struct RedisTransaction {
    let requests: [RedisRequest]
    /// What its commands do to their connection, `MULTI` and `EXEC` aside.
    let traits: RedisTraits

    init(_ commands: [RedisRequest]) {
        self.traits = commands.reduce(into: []) { $0.formUnion($1.traits) }
        self.requests = [RedisRequest("MULTI", traits: .changesConnection)] + commands + [RedisRequest("EXEC", traits: .changesConnection)]
    }

    /// Takes the replies one by one and hands over those of the commands at the end; nil if a watched key had changed.
    static func collecting(
        count: Int, _ done: @escaping (Result<[RESPFrame]?, RedisError>) -> Void
    ) -> RedisAnswer {
        var missing = count
        var refusal: RedisError?
        var hasRunAlone = false
        return .closure { result in
            switch result {
            case .failure(let error):
                done(.failure(error))
            case .success(let frame):
                missing -= 1
                guard missing == 0 else {
                    if frame.isError {
                        if refusal == nil { refusal = .serverError(frame) }
                        // Without MULTI the others are run one by one.
                        if missing == count - 1 { hasRunAlone = true }
                    }
                    return
                }
                done(Self.outcome(frame, commands: count - 2, refusal: refusal, hasRunAlone: hasRunAlone))
            }
        }
    }

    private static func outcome(
        _ exec: RESPFrame, commands: Int, refusal: RedisError?, hasRunAlone: Bool
    ) -> Result<[RESPFrame]?, RedisError> {
        if exec.isError {
            let error = RedisError.serverError(exec)
            return .failure(
                RedisError(
                    .serverError, error.message, cause: refusal, mayHaveRun: hasRunAlone || error.mayHaveRun,
                    serverErrorKind: error.serverErrorKind))
        }
        if exec.isNull { return .success(nil) }
        guard let elements = exec.elements, elements.count == commands else {
            return .failure(RedisError(.unexpectedReply, "EXEC was not answered with a reply for each command", mayHaveRun: true))
        }
        return .success(Array(elements))
    }
}

extension LocalRedis {
    /// Runs commands as a transaction over a shared connection: they go out together, so none of its own is needed.
    ///
    /// - Returns: the reply of each, errors included; on this loop. Fails with a ``RedisError``.
    public func transaction(_ commands: [RedisRequest], deadline: NIODeadline? = nil) -> EventLoopFuture<[RESPFrame]> {
        let promise = self.loop.makePromise(of: [RESPFrame].self)
        let transaction = RedisTransaction(commands)
        let answer = RedisTransaction.collecting(count: transaction.requests.count) { result in
            // Nothing is watched here, so that it is never given up.
            promise.complete(
                result.flatMap { replies in
                    replies.map { .success($0) } ?? .failure(RedisError(.unexpectedReply, "EXEC gave up what watches nothing"))
                })
        }
        self.send(transaction, deadline: deadline, answer)
        return promise.futureResult
    }

    /// Runs commands as a transaction. As ``transaction(_:deadline:)``, with the meaning of each reply.
    ///
    /// - Returns: what each command replied, on this loop.
    public func transaction<each Reply: Sendable>(
        _ commands: repeat RedisCommand<each Reply>, deadline: NIODeadline? = nil
    ) -> EventLoopFuture<(repeat Result<each Reply, RedisError>)> {
        let decoder = RedisTransactionReplies(repeat each commands)
        return self.transaction(decoder.requests, deadline: deadline).map { decoder.decode($0) }
    }
}

extension RedisConnection {
    /// Runs commands as a transaction, after `WATCH` perhaps.
    ///
    /// - Returns: the reply of each, errors included; nil if a watched key had changed and nothing was run. On this loop.
    public func transaction(_ commands: [RedisRequest], deadline: NIODeadline) -> EventLoopFuture<[RESPFrame]?> {
        let promise = self.loopContext.loop.makePromise(of: [RESPFrame]?.self)
        let transaction = RedisTransaction(commands)
        let watched = self.watches
        let answer = RedisTransaction.collecting(count: transaction.requests.count) { result in
            if case .success = result { self.transactionEnded(afterWatches: watched) }
            promise.complete(result)
        }
        self.send(transaction, deadline: deadline, answer)
        return promise.futureResult
    }

    /// Runs commands as a transaction. As ``transaction(_:deadline:)-([RedisRequest],_)``, with the meaning of each reply.
    public func transaction<each Reply: Sendable>(
        _ commands: repeat RedisCommand<each Reply>, deadline: NIODeadline
    ) -> EventLoopFuture<(repeat Result<each Reply, RedisError>)?> {
        let decoder = RedisTransactionReplies(repeat each commands)
        return self.transaction(decoder.requests, deadline: deadline).map { $0.map { decoder.decode($0) } }
    }
}

/// Reads the replies of a transaction's commands.
struct RedisTransactionReplies<each Reply: Sendable>: Sendable {
    private let commands: (repeat RedisCommand<each Reply>)

    init(_ commands: repeat RedisCommand<each Reply>) {
        self.commands = (repeat each commands)
    }

    var requests: [RedisRequest] {
        var requests: [RedisRequest] = []
        for command in repeat each self.commands { requests.append(command.request) }
        return requests
    }

    /// - Parameter frames: one for each command.
    func decode(_ frames: [RESPFrame]) -> (repeat Result<each Reply, RedisError>) {
        var next = frames.makeIterator()
        return (repeat Self.decode(next.next(), each self.commands))
    }

    private static func decode<One: Sendable>(_ frame: RESPFrame?, _ command: RedisCommand<One>) -> Result<One, RedisError> {
        guard let frame else { return .failure(RedisError(.unexpectedReply, "a command of a transaction has no reply", mayHaveRun: true)) }
        return command.read(frame)
    }
}
