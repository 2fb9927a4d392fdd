public import NIOCore
import WeirRESP

/// Sets.
extension RedisCommand {
    /// `SADD key member…`: how many are new.
    public static func sadd(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("SADD", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `SREM key member…`: how many were there.
    public static func srem(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("SREM", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `SMEMBERS key`: all members, in no order.
    public static func smembers(_ key: some RedisArgument) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("SMEMBERS", .one(key.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    /// `SISMEMBER key member`: whether it is there.
    public static func sismember(_ key: some RedisArgument, _ member: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("SISMEMBER", .two(key.redisArgument, member.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `SMISMEMBER key member…`: whether each is there, in their order. Redis 6.2.
    public static func smismember(_ key: some RedisArgument, _ members: [some RedisArgument]) -> RedisCommand where Reply == [Bool] {
        RedisCommand("SMISMEMBER", keys: .first, decode: RedisReplies.flagList) {
            $0.add(key)
            $0.all(members)
        }
    }

    /// `SCARD key`: how many members there are.
    public static func scard(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("SCARD", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `SMOVE source destination member`: whether it was there to be moved.
    public static func smove(
        from source: some RedisArgument, to destination: some RedisArgument, _ member: some RedisArgument
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("SMOVE", keys: .firstTwo, decode: RedisReplies.flag) { $0.add(source, destination, member) }
    }

    /// `SPOP key`: one member at random, which is removed; nil without any.
    public static func spop(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("SPOP", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `SPOP key count`: up to so many members at random, which are removed.
    public static func spop(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("SPOP", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    /// `SRANDMEMBER key`: one member at random, nil without any.
    public static func srandmember(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("SRANDMEMBER", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `SRANDMEMBER key count`: members at random.
    ///
    /// - Parameter count: at most so many different ones; if it is negative, exactly as many as it says without the minus, some of them
    ///   perhaps more than once.
    public static func srandmember(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("SRANDMEMBER", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.bytesList)
    }

    // MARK: Several sets

    /// `SUNION key…`: what is in any of them.
    public static func sunion(_ keys: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("SUNION", keys: .all, decode: RedisReplies.bytesList) { $0.all(keys) }
    }

    /// `SINTER key…`: what is in all of them.
    public static func sinter(_ keys: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("SINTER", keys: .all, decode: RedisReplies.bytesList) { $0.all(keys) }
    }

    /// `SDIFF key…`: what is in the first and in none of the others.
    public static func sdiff(_ keys: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("SDIFF", keys: .all, decode: RedisReplies.bytesList) { $0.all(keys) }
    }

    /// `SUNIONSTORE destination key…`: how many members the destination has then.
    public static func sunionstore(_ keys: [some RedisArgument], in destination: some RedisArgument) -> RedisCommand where Reply == Int {
        self.store("SUNIONSTORE", keys, destination)
    }

    /// `SINTERSTORE destination key…`: how many members the destination has then.
    public static func sinterstore(_ keys: [some RedisArgument], in destination: some RedisArgument) -> RedisCommand where Reply == Int {
        self.store("SINTERSTORE", keys, destination)
    }

    /// `SDIFFSTORE destination key…`: how many members the destination has then.
    public static func sdiffstore(_ keys: [some RedisArgument], in destination: some RedisArgument) -> RedisCommand where Reply == Int {
        self.store("SDIFFSTORE", keys, destination)
    }

    private static func store(_ name: StaticString, _ keys: [some RedisArgument], _ destination: some RedisArgument) -> RedisCommand
    where Reply == Int {
        RedisCommand(name, keys: .all, decode: RedisReplies.integer) {
            $0.add(destination)
            $0.all(keys)
        }
    }

    /// `SINTERCARD numkeys key…`: how many members are in all of them. Redis 7.0.
    ///
    /// - Parameter limit: counts no further than that.
    public static func sintercard(_ keys: [some RedisArgument], limit: Int? = nil) -> RedisCommand where Reply == Int {
        RedisCommand("SINTERCARD", keys: .counted(keys.count, at: 1), decode: RedisReplies.integer) {
            $0.counted(keys)
            $0.option("LIMIT", limit)
        }
    }

    /// `SSCAN key cursor`: one page of its members; for the parameters see ``hscan(_:cursor:match:count:)``.
    /// ``LocalRedis/sscan(_:match:count:deadline:)`` walks over all pages.
    public static func sscan(
        _ key: some RedisArgument, cursor: UInt64, match: String? = nil, count: Int? = nil
    ) -> RedisCommand where Reply == RedisScanPage<ByteBuffer> {
        RedisCommand("SSCAN", keys: .first, decode: { try RedisReplies.page($0, RedisReplies.bytesList) }) {
            $0.add(key, cursor)
            $0.option("MATCH", match)
            $0.option("COUNT", count)
        }
    }
}
