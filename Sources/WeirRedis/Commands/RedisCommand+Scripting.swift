public import NIOCore
public import WeirRESP

/// Lua scripts. A ``RedisScript`` is sent only where the server does not have it: ``LocalRedis`` runs one.
extension RedisCommand {
    /// `EVAL script numkeys key… argument…`: what the script returns.
    ///
    /// - Parameters:
    ///   - keys: all keys that it touches: `KEYS`, from 1.
    ///   - arguments: `ARGV`, from 1.
    public static func eval(
        _ script: some RedisArgument, keys: [some RedisArgument] = [ByteBuffer](), arguments: [some RedisArgument] = [ByteBuffer]()
    ) -> RedisCommand where Reply == RESPFrame {
        self.call("EVAL", script, keys, arguments)
    }

    /// `EVAL_RO script numkeys key… argument…`: as ``eval(_:keys:arguments:)`` for a script that only reads, also from a replica. Redis 7.0.
    public static func evalRO(
        _ script: some RedisArgument, keys: [some RedisArgument] = [ByteBuffer](), arguments: [some RedisArgument] = [ByteBuffer]()
    ) -> RedisCommand where Reply == RESPFrame {
        self.call("EVAL_RO", script, keys, arguments)
    }

    /// `EVALSHA digest numkeys key… argument…`: as ``eval(_:keys:arguments:)``; fails with `NOSCRIPT` if the server does not have it.
    ///
    /// - Parameter digest: the SHA-1 of the script's text as 40 hexadecimal digits: ``RedisScript/digest``.
    public static func evalsha(
        _ digest: some RedisArgument, keys: [some RedisArgument] = [ByteBuffer](), arguments: [some RedisArgument] = [ByteBuffer]()
    ) -> RedisCommand where Reply == RESPFrame {
        self.call("EVALSHA", digest, keys, arguments)
    }

    /// `EVALSHA_RO digest numkeys key… argument…`: as ``evalsha(_:keys:arguments:)`` for a script that only reads, also from a replica.
    /// Redis 7.0.
    public static func evalshaRO(
        _ digest: some RedisArgument, keys: [some RedisArgument] = [ByteBuffer](), arguments: [some RedisArgument] = [ByteBuffer]()
    ) -> RedisCommand where Reply == RESPFrame {
        self.call("EVALSHA_RO", digest, keys, arguments)
    }

    /// `FCALL function numkeys key… argument…`: what the function returns. Redis 7.0.
    public static func fcall(
        _ function: some RedisArgument, keys: [some RedisArgument] = [ByteBuffer](), arguments: [some RedisArgument] = [ByteBuffer]()
    ) -> RedisCommand where Reply == RESPFrame {
        self.call("FCALL", function, keys, arguments)
    }

    /// `FCALL_RO function numkeys key… argument…`: as ``fcall(_:keys:arguments:)`` for a function that only reads, also from a replica.
    /// Redis 7.0.
    public static func fcallRO(
        _ function: some RedisArgument, keys: [some RedisArgument] = [ByteBuffer](), arguments: [some RedisArgument] = [ByteBuffer]()
    ) -> RedisCommand where Reply == RESPFrame {
        self.call("FCALL_RO", function, keys, arguments)
    }

    private static func call(
        _ name: StaticString, _ script: some RedisArgument, _ keys: [some RedisArgument], _ arguments: [some RedisArgument]
    ) -> RedisCommand where Reply == RESPFrame {
        RedisCommand(name, keys: .counted(keys.count, at: 2), decode: RedisReplies.frame) {
            $0.add(script)
            $0.counted(keys)
            $0.all(arguments)
        }
    }

    // MARK: The server's scripts

    /// `SCRIPT LOAD script`: its digest; the server has it from now on, until it restarts or `SCRIPT FLUSH`.
    public static func scriptLoad(_ script: some RedisArgument) -> RedisCommand where Reply == String {
        RedisCommand("SCRIPT", .two(ByteBuffer(staticString: "LOAD"), script.redisArgument), decode: RedisReplies.string)
    }

    /// `SCRIPT EXISTS digest…`: whether the server has each, in their order.
    public static func scriptExists(_ digests: [some RedisArgument]) -> RedisCommand where Reply == [Bool] {
        RedisCommand("SCRIPT", decode: RedisReplies.flagList) {
            $0.word("EXISTS")
            $0.all(digests)
        }
    }

    /// `SCRIPT FLUSH`: forgets all scripts.
    public static func scriptFlush() -> RedisCommand where Reply == Void {
        RedisCommand("SCRIPT", .one(ByteBuffer(staticString: "FLUSH")), decode: RedisReplies.ok)
    }

    /// `SCRIPT KILL`: ends the script that runs; fails with `NOTBUSY` if none does, and with `UNKILLABLE` if it has written.
    public static func scriptKill() -> RedisCommand where Reply == Void {
        RedisCommand("SCRIPT", .one(ByteBuffer(staticString: "KILL")), decode: RedisReplies.ok)
    }
}
