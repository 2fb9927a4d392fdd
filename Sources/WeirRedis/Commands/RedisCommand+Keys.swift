public import NIOCore
import WeirRESP

/// Keys of any type.
extension RedisCommand {
    /// `DEL key`: whether it was there.
    @inlinable
    public static func delete(_ key: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("DEL", .one(key.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `DEL key…`: how many were there.
    public static func delete(_ keys: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("DEL", keys: .all, decode: RedisReplies.integer) { $0.all(keys) }
    }

    /// `UNLINK key…`: how many were there. Their memory is freed in the background.
    public static func unlink(_ keys: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("UNLINK", keys: .all, decode: RedisReplies.integer) { $0.all(keys) }
    }

    /// `EXISTS key`: whether it is there.
    public static func exists(_ key: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("EXISTS", .one(key.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `EXISTS key…`: how many are there; a key that is named twice counts twice.
    public static func exists(_ keys: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("EXISTS", keys: .all, decode: RedisReplies.integer) { $0.all(keys) }
    }

    /// `TOUCH key…`: how many are there. They count as used now.
    public static func touch(_ keys: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("TOUCH", keys: .all, decode: RedisReplies.integer) { $0.all(keys) }
    }

    /// `TYPE key`: of which type its value is.
    public static func type(_ key: some RedisArgument) -> RedisCommand where Reply == RedisType {
        RedisCommand("TYPE", .one(key.redisArgument), keys: .first, decode: { RedisType(try RedisReplies.string($0)) })
    }

    /// `RENAME key name`; fails without the key. What has the new name already is replaced.
    public static func rename(_ key: some RedisArgument, to name: some RedisArgument) -> RedisCommand where Reply == Void {
        RedisCommand("RENAME", .two(key.redisArgument, name.redisArgument), keys: .firstTwo, decode: RedisReplies.ok)
    }

    /// `RENAMENX key name`: whether it was renamed, as nothing had the new name. Fails without the key.
    public static func renamenx(_ key: some RedisArgument, to name: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("RENAMENX", .two(key.redisArgument, name.redisArgument), keys: .firstTwo, decode: RedisReplies.flag)
    }

    /// `COPY source destination`: whether it was copied. Redis 6.2.
    ///
    /// - Parameters:
    ///   - database: into which database, if not the same.
    ///   - replace: whether the destination may be there already.
    public static func copy(
        _ source: some RedisArgument, to destination: some RedisArgument, database: Int? = nil, replace: Bool = false
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("COPY", keys: .firstTwo, decode: RedisReplies.flag) {
            $0.add(source, destination)
            $0.option("DB", database)
            $0.word("REPLACE", if: replace)
        }
    }

    /// `MOVE key database`: whether it was moved.
    public static func move(_ key: some RedisArgument, toDatabase database: Int) -> RedisCommand where Reply == Bool {
        RedisCommand("MOVE", .two(key.redisArgument, database.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `DUMP key`: its value as ``restore(_:from:timeToLive:replace:)`` takes it, nil without it.
    public static func dump(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("DUMP", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `RESTORE key ttl value`; fails with `BUSYKEY` if the key is there and may not be replaced.
    ///
    /// - Parameters:
    ///   - value: what `DUMP` replied.
    ///   - timeToLive: when the key expires; never if nil.
    ///   - replace: whether the key may be there already.
    public static func restore(
        _ key: some RedisArgument, from value: some RedisArgument, timeToLive: TimeAmount? = nil, replace: Bool = false
    ) -> RedisCommand where Reply == Void {
        RedisCommand("RESTORE", keys: .first, decode: RedisReplies.ok) {
            $0.add(key, timeToLive?.redisMilliseconds ?? 0, value)
            $0.word("REPLACE", if: replace)
        }
    }

    // MARK: The keys there are

    /// `KEYS pattern`: all keys that match. Blocks the server for as long as it takes: ``LocalRedis/scan(match:count:type:deadline:)``
    /// does not.
    public static func keys(_ pattern: String) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("KEYS", .one(pattern.redisArgument), decode: RedisReplies.bytesList)
    }

    /// `RANDOMKEY`: any key, nil if there is none.
    public static func randomkey() -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("RANDOMKEY", decode: RedisReplies.optionalBytes)
    }

    /// `SCAN cursor`: one page of the keys of the database. ``LocalRedis/scan(match:count:type:deadline:)`` walks over all pages.
    ///
    /// - Parameters:
    ///   - cursor: 0 for the first page, then what the page before it says.
    ///   - match: a pattern: `*`, `?`, `[a-c]`, `\`.
    ///   - count: about how many keys to look at for the page; 10 unless set.
    ///   - type: only keys of this type. Redis 6.0.
    public static func scan(
        cursor: UInt64, match: String? = nil, count: Int? = nil, type: RedisType? = nil
    ) -> RedisCommand where Reply == RedisScanPage<ByteBuffer> {
        RedisCommand("SCAN", decode: { try RedisReplies.page($0, RedisReplies.bytesList) }) {
            $0.add(cursor)
            $0.option("MATCH", match)
            $0.option("COUNT", count)
            $0.option("TYPE", type?.description)
        }
    }

    // MARK: How the value is held

    /// `OBJECT ENCODING key`: in which way its value is held, as `listpack`; nil without it.
    public static func objectEncoding(_ key: some RedisArgument) -> RedisCommand where Reply == String? {
        self.object("ENCODING", key, RedisReplies.optionalString)
    }

    /// `OBJECT REFCOUNT key`: how often its value is shared, nil without it.
    public static func objectRefcount(_ key: some RedisArgument) -> RedisCommand where Reply == Int? {
        self.object("REFCOUNT", key, RedisReplies.optionalInteger)
    }

    /// `OBJECT IDLETIME key`: for how many seconds it was not used, nil without it. Fails under an `LFU` policy.
    public static func objectIdletime(_ key: some RedisArgument) -> RedisCommand where Reply == Int? {
        self.object("IDLETIME", key, RedisReplies.optionalInteger)
    }

    /// `OBJECT FREQ key`: the logarithm of how often it is used, nil without it. Fails without an `LFU` policy.
    public static func objectFreq(_ key: some RedisArgument) -> RedisCommand where Reply == Int? {
        self.object("FREQ", key, RedisReplies.optionalInteger)
    }

    private static func object(
        _ word: StaticString, _ key: some RedisArgument, _ decode: @escaping @Sendable (RESPFrame) throws -> Reply
    ) -> RedisCommand {
        RedisCommand("OBJECT", .two(ByteBuffer(staticString: word), key.redisArgument), keys: .second, decode: decode)
    }
}

/// The type of a key's value.
public struct RedisType: Sendable, Hashable, CustomStringConvertible {
    /// The word that the server has for it.
    public let description: String

    /// A type by the server's word, as modules bring their own.
    public init(_ word: String) { self.description = word }

    /// There is no such key.
    public static let none = RedisType("none")
    /// A string, also one that holds bits or a HyperLogLog.
    public static let string = RedisType("string")
    /// A hash.
    public static let hash = RedisType("hash")
    /// A list.
    public static let list = RedisType("list")
    /// A set.
    public static let set = RedisType("set")
    /// A sorted set, also one that holds positions.
    public static let sortedSet = RedisType("zset")
    /// A stream.
    public static let stream = RedisType("stream")
}
