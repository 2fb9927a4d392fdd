public import NIOCore
import WeirRESP

/// Hashes.
extension RedisCommand {
    /// `HSET key field value…`: how many fields are new.
    public static func hset<Field: RedisArgument, Value: RedisArgument>(
        _ key: some RedisArgument, _ fields: some Sequence<(key: Field, value: Value)>
    ) -> RedisCommand where Reply == Int {
        RedisCommand("HSET", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.pairs(fields)
        }
    }

    /// `HSET key field value`: whether the field is new.
    public static func hset(_ key: some RedisArgument, _ field: some RedisArgument, to value: some RedisArgument) -> RedisCommand
    where Reply == Bool {
        RedisCommand("HSET", keys: .first, decode: RedisReplies.flag) { $0.add(key, field, value) }
    }

    /// `HSETNX key field value`: whether it was set, as it was not there.
    public static func hsetnx(_ key: some RedisArgument, _ field: some RedisArgument, to value: some RedisArgument) -> RedisCommand
    where Reply == Bool {
        RedisCommand("HSETNX", keys: .first, decode: RedisReplies.flag) { $0.add(key, field, value) }
    }

    /// `HGET key field`: the value, nil without it.
    @inlinable
    public static func hget(_ key: some RedisArgument, _ field: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("HGET", .two(key.redisArgument, field.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `HMGET key field…`: the values in the order of the fields, nil for those that are not there.
    public static func hmget(_ key: some RedisArgument, _ fields: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer?] {
        RedisCommand("HMGET", keys: .first, decode: RedisReplies.optionalBytesList) {
            $0.add(key)
            $0.all(fields)
        }
    }

    /// `HGETALL key`: all fields; none without the key.
    public static func hgetall(_ key: some RedisArgument) -> RedisCommand where Reply == [ByteBuffer: ByteBuffer] {
        RedisCommand("HGETALL", .one(key.redisArgument), keys: .first, decode: RedisReplies.bytesMap)
    }

    /// `HKEYS key`: the names of all fields.
    public static func hkeys(_ key: some RedisArgument) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("HKEYS", .one(key.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    /// `HVALS key`: the values of all fields.
    public static func hvals(_ key: some RedisArgument) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("HVALS", .one(key.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    /// `HDEL key field…`: how many were there.
    public static func hdel(_ key: some RedisArgument, _ fields: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("HDEL", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.all(fields)
        }
    }

    /// `HEXISTS key field`: whether it is there.
    public static func hexists(_ key: some RedisArgument, _ field: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("HEXISTS", .two(key.redisArgument, field.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `HLEN key`: how many fields there are.
    public static func hlen(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("HLEN", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `HSTRLEN key field`: the length of its value in bytes, 0 without it.
    public static func hstrlen(_ key: some RedisArgument, _ field: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("HSTRLEN", .two(key.redisArgument, field.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `HINCRBY key field by`: what it is then.
    public static func hincrby(_ key: some RedisArgument, _ field: some RedisArgument, _ by: Int) -> RedisCommand where Reply == Int {
        RedisCommand("HINCRBY", keys: .first, decode: RedisReplies.integer) { $0.add(key, field, by) }
    }

    /// `HINCRBYFLOAT key field by`: what it is then.
    public static func hincrbyfloat(_ key: some RedisArgument, _ field: some RedisArgument, _ by: Double) -> RedisCommand
    where Reply == Double {
        RedisCommand("HINCRBYFLOAT", keys: .first, decode: RedisReplies.double) { $0.add(key, field, by) }
    }

    /// `HRANDFIELD key`: the name of one field at random, nil without the key. Redis 6.2.
    public static func hrandfield(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("HRANDFIELD", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `HRANDFIELD key count`: the names of fields at random. Redis 6.2.
    ///
    /// - Parameter count: at most so many different ones; if it is negative, exactly as many as it says without the minus, some of them
    ///   perhaps more than once.
    public static func hrandfield(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("HRANDFIELD", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    /// `HRANDFIELD key count WITHVALUES`: fields at random; for `count` see ``hrandfield(_:count:)``. Redis 6.2.
    public static func hrandfieldWithValues(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [RedisField] {
        RedisCommand("HRANDFIELD", keys: .first, decode: RedisReplies.fields) {
            $0.add(key, count)
            $0.word("WITHVALUES")
        }
    }

    /// `HSCAN key cursor`: one page of its fields. ``LocalRedis/hscan(_:match:count:deadline:)`` walks over all pages.
    ///
    /// - Parameters:
    ///   - cursor: 0 for the first page, then what the page before it says.
    ///   - match: a pattern of names: `*`, `?`, `[a-c]`, `\`.
    ///   - count: about how many fields to look at for the page; 10 unless set.
    public static func hscan(
        _ key: some RedisArgument, cursor: UInt64, match: String? = nil, count: Int? = nil
    ) -> RedisCommand where Reply == RedisScanPage<RedisField> {
        RedisCommand("HSCAN", keys: .first, decode: { try RedisReplies.page($0, RedisReplies.fields) }) {
            $0.add(key, cursor)
            $0.option("MATCH", match)
            $0.option("COUNT", count)
        }
    }
}
