public import NIOCore
import WeirRESP

/// When keys expire: all in milliseconds.
extension RedisCommand {
    /// `PEXPIRE key milliseconds`: whether it was set; not without the key, and not if the condition says so.
    ///
    /// - Parameters:
    ///   - time: rounded up to milliseconds, at least one.
    ///   - condition: when only. Redis 7.0.
    public static func expire(
        _ key: some RedisArgument, after time: TimeAmount, _ condition: RedisExpireCondition? = nil
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("PEXPIRE", keys: .first, decode: RedisReplies.flag) {
            $0.add(key, time.redisMilliseconds)
            if let condition { $0.word(condition.word) }
        }
    }

    /// `PEXPIREAT key milliseconds`: whether it was set, as ``expire(_:after:_:)``. A time in the past deletes the key.
    ///
    /// - Parameters:
    ///   - milliseconds: a Unix time.
    ///   - condition: when only. Redis 7.0.
    public static func expire(
        _ key: some RedisArgument, atMilliseconds milliseconds: Int64, _ condition: RedisExpireCondition? = nil
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("PEXPIREAT", keys: .first, decode: RedisReplies.flag) {
            $0.add(key, milliseconds)
            if let condition { $0.word(condition.word) }
        }
    }

    /// `EXPIRE key seconds`: whether it was set. ``expire(_:after:_:)`` is finer.
    public static func expire(_ key: some RedisArgument, seconds: Int) -> RedisCommand where Reply == Bool {
        RedisCommand("EXPIRE", .two(key.redisArgument, seconds.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `EXPIREAT key seconds`: whether it was set. ``expire(_:atMilliseconds:_:)`` is finer.
    public static func expire(_ key: some RedisArgument, atSeconds seconds: Int64) -> RedisCommand where Reply == Bool {
        RedisCommand("EXPIREAT", .two(key.redisArgument, seconds.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `PERSIST key`: whether it would have expired and does so no more.
    public static func persist(_ key: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("PERSIST", .one(key.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `PTTL key`: how long it has still to live, in milliseconds.
    public static func pttl(_ key: some RedisArgument) -> RedisCommand where Reply == RedisTimeToLive {
        RedisCommand("PTTL", .one(key.redisArgument), keys: .first, decode: { try RedisTimeToLive($0, unit: .milliseconds(1)) })
    }

    /// `TTL key`: how long it has still to live, in whole seconds.
    public static func ttl(_ key: some RedisArgument) -> RedisCommand where Reply == RedisTimeToLive {
        RedisCommand("TTL", .one(key.redisArgument), keys: .first, decode: { try RedisTimeToLive($0, unit: .seconds(1)) })
    }

    /// `PEXPIRETIME key`: when it expires, in milliseconds. Redis 7.0.
    public static func pexpiretime(_ key: some RedisArgument) -> RedisCommand where Reply == RedisExpiryTime {
        RedisCommand("PEXPIRETIME", .one(key.redisArgument), keys: .first, decode: { try RedisExpiryTime($0, milliseconds: 1) })
    }

    /// `EXPIRETIME key`: when it expires, in whole seconds. Redis 7.0.
    public static func expiretime(_ key: some RedisArgument) -> RedisCommand where Reply == RedisExpiryTime {
        RedisCommand("EXPIRETIME", .one(key.redisArgument), keys: .first, decode: { try RedisExpiryTime($0, milliseconds: 1000) })
    }
}

extension RedisTimeToLive {
    init(_ frame: RESPFrame, unit: TimeAmount) throws {
        switch try RedisReplies.integer(frame) {
        case -2: self = .noKey
        case -1: self = .unlimited
        case let time where time >= 0: self = .expires(unit == .seconds(1) ? .seconds(Int64(time)) : .milliseconds(Int64(time)))
        default: throw RedisReplies.unexpected(frame, "a time")
        }
    }
}

extension RedisExpiryTime {
    init(_ frame: RESPFrame, milliseconds unit: Int64) throws {
        switch try RedisReplies.integer(frame) {
        case -2: self = .noKey
        case -1: self = .never
        case let time where time >= 0:
            let (milliseconds, overflow) = Int64(time).multipliedReportingOverflow(by: unit)
            self = .at(milliseconds: overflow ? .max : milliseconds)
        default: throw RedisReplies.unexpected(frame, "a time")
        }
    }
}
