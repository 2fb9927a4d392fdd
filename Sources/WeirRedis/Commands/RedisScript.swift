import Crypto
public import NIOCore
public import WeirRESP

/// A Lua script with the name that the server has for it. Make one, and keep it: its name is computed once.
public struct RedisScript: Sendable, Hashable {
    /// Its text.
    public let text: ByteBuffer
    /// The SHA-1 of its text as 40 hexadecimal digits: what `EVALSHA` takes. A name, nothing that anyone should rely on for safety.
    public let digest: ByteBuffer

    /// A script of this text.
    public init(_ text: some RedisArgument) {
        let text = text.redisArgument
        let digits = Array("0123456789abcdef".utf8)
        let digest = text.withUnsafeReadableBytes { Insecure.SHA1.hash(data: $0) }
        self.text = text
        self.digest = ByteBuffer(bytes: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

extension LocalRedis {
    /// Runs a script: by `EVALSHA`, and once more by `EVAL` if the server answers `NOSCRIPT`, after which the server has it.
    ///
    /// The future is of this loop; it fails with a ``RedisError``, also when the reply is an error. A script that itself fails with
    /// `NOSCRIPT` runs twice.
    /// - Parameters:
    ///   - script: what to run.
    ///   - keys: all keys that it touches: `KEYS`, from 1.
    ///   - arguments: `ARGV`, from 1.
    ///   - readOnly: by `EVALSHA_RO` and `EVAL_RO`, which refuse to write and run on replicas too. Redis 7.0.
    ///   - deadline: for both together; by default ``RedisConfiguration/commandTimeout`` from now.
    /// - Returns: what the script returns.
    public func run<Key: RedisArgument, Argument: RedisArgument>(
        _ script: RedisScript, keys: [Key] = [ByteBuffer](), arguments: [Argument] = [ByteBuffer](), readOnly: Bool = false,
        deadline: NIODeadline? = nil
    ) -> EventLoopFuture<RESPFrame> {
        let deadline = deadline ?? self.loop.now + self.configuration.commandTimeout
        let call = RedisScriptCall(script, keys: keys, arguments: arguments, readOnly: readOnly)
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        return self.send(call.byDigest, deadline: deadline).flatMapError { error in
            guard call.isUnknown(error), bound.value.loop.now < deadline else { return bound.eventLoop.makeFailedFuture(error) }
            return bound.value.send(call.byText(), deadline: deadline)
        }
    }

    /// Runs a script as the other `run` does, and waits for what it returns. Call it in a task that runs on this loop.
    ///
    /// - Throws: ``RedisError``, also when the reply is an error.
    public func run<Key: RedisArgument, Argument: RedisArgument>(
        _ script: RedisScript, keys: [Key] = [ByteBuffer](), arguments: [Argument] = [ByteBuffer](), readOnly: Bool = false,
        deadline: NIODeadline? = nil
    ) async throws(RedisError) -> RESPFrame {
        let deadline = deadline ?? self.loop.now + self.configuration.commandTimeout
        let call = RedisScriptCall(script, keys: keys, arguments: arguments, readOnly: readOnly)
        do {
            return try await self.send(call.byDigest, deadline: deadline)
        } catch {
            guard call.isUnknown(error) else { throw error }
        }
        return try await self.send(call.byText(), deadline: deadline)
    }
}

/// One run of a script, by its name and by its text.
private struct RedisScriptCall: Sendable {
    let byDigest: RedisCommand<RESPFrame>
    private let script: RedisScript
    private let readOnly: Bool

    init(_ script: RedisScript, keys: [some RedisArgument], arguments: [some RedisArgument], readOnly: Bool) {
        self.script = script
        self.readOnly = readOnly
        self.byDigest =
            readOnly
            ? .evalshaRO(script.digest, keys: keys, arguments: arguments) : .evalsha(script.digest, keys: keys, arguments: arguments)
    }

    /// The same with the text in place of the name.
    func byText() -> RedisCommand<RESPFrame> {
        let request = self.byDigest.request
        var arguments = (0..<request.count).map { request[$0] }
        arguments[0] = self.script.text
        return RedisCommand(self.readOnly ? "EVAL_RO" : "EVAL", .many(arguments), keys: request.keys, decode: RedisReplies.frame)
    }

    func isUnknown(_ error: any Error) -> Bool { (error as? RedisError)?.serverErrorKind == .noScript }
}
