public import NIOCore
import WeirRESP

/// Strings.
extension RedisCommand {
    /// `GET key`: the value, nil without it.
    @inlinable
    public static func get(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("GET", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `SET key value`, with `PX` if it is to expire.
    ///
    /// - Parameter expiry: rounded up to milliseconds, at least one.
    @inlinable
    public static func set(_ key: some RedisArgument, to value: some RedisArgument, expiry: TimeAmount? = nil) -> RedisCommand
    where Reply == Void {
        guard let expiry else {
            return RedisCommand("SET", .two(key.redisArgument, value.redisArgument), keys: .first, decode: RedisReplies.ok)
        }
        return self.set(key.redisArgument, value.redisArgument, .after(expiry))
    }

    /// `SET key value` with any kind of expiry.
    public static func set(_ key: some RedisArgument, to value: some RedisArgument, expiry: RedisExpiry) -> RedisCommand
    where Reply == Void {
        self.set(key.redisArgument, value.redisArgument, expiry)
    }

    @usableFromInline
    static func set(_ key: ByteBuffer, _ value: ByteBuffer, _ expiry: RedisExpiry) -> RedisCommand where Reply == Void {
        RedisCommand("SET", keys: .first, decode: RedisReplies.ok) {
            $0.add(key, value)
            expiry.addToSet(&$0)
        }
    }

    /// `SET key value NX` or `XX`: whether it was set.
    public static func set(
        _ key: some RedisArgument, to value: some RedisArgument, _ condition: RedisCondition, expiry: RedisExpiry = .never
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("SET", keys: .first, decode: RedisReplies.done) {
            $0.add(key, value)
            $0.word(condition.word)
            expiry.addToSet(&$0)
        }
    }

    /// `SET key value GET`: the value it had, nil without one. Redis 6.2; with a condition, `ifAbsent` since 7.0.
    public static func setReturningOld(
        _ key: some RedisArgument, to value: some RedisArgument, _ condition: RedisCondition? = nil, expiry: RedisExpiry = .never
    ) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("SET", keys: .first, decode: RedisReplies.optionalBytes) {
            $0.add(key, value)
            if let condition { $0.word(condition.word) }
            $0.word("GET")
            expiry.addToSet(&$0)
        }
    }

    /// `SETNX key value`: whether it was set, as it was not there.
    public static func setnx(_ key: some RedisArgument, to value: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("SETNX", .two(key.redisArgument, value.redisArgument), keys: .first, decode: RedisReplies.flag)
    }

    /// `GETSET key value`: the value it had, nil without one. ``setReturningOld(_:to:_:expiry:)`` takes its place since Redis 6.2.
    public static func getset(_ key: some RedisArgument, to value: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("GETSET", .two(key.redisArgument, value.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `GETDEL key`: the value, which is deleted; nil without it. Redis 6.2.
    public static func getdel(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("GETDEL", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `GETEX key`: the value, nil without it; the key expires as told from now on. Redis 6.2.
    public static func getex(_ key: some RedisArgument, expiry: RedisExpiry) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("GETEX", keys: .first, decode: RedisReplies.optionalBytes) {
            $0.add(key)
            expiry.addToGetex(&$0)
        }
    }

    /// `MGET key…`: the values in the order of the keys, nil for those that are not there or no strings.
    public static func mget(_ keys: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer?] {
        RedisCommand("MGET", keys: .all, decode: RedisReplies.optionalBytesList) { $0.all(keys) }
    }

    /// `MSET key value…`: sets all of them at once.
    public static func mset<Key: RedisArgument, Value: RedisArgument>(_ values: some Sequence<(key: Key, value: Value)>) -> RedisCommand
    where Reply == Void {
        RedisCommand("MSET", keys: RedisKeyPositions(first: 0, last: -2, step: 2), decode: RedisReplies.ok) { $0.pairs(values) }
    }

    /// `MSETNX key value…`: whether all of them were set, as none was there; otherwise none is.
    public static func msetnx<Key: RedisArgument, Value: RedisArgument>(_ values: some Sequence<(key: Key, value: Value)>) -> RedisCommand
    where Reply == Bool {
        RedisCommand("MSETNX", keys: RedisKeyPositions(first: 0, last: -2, step: 2), decode: RedisReplies.flag) { $0.pairs(values) }
    }

    // MARK: Parts

    /// `APPEND key value`: the length it has then, in bytes.
    public static func append(_ key: some RedisArgument, _ value: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("APPEND", .two(key.redisArgument, value.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `STRLEN key`: its length in bytes, 0 without it.
    public static func strlen(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("STRLEN", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `GETRANGE key first last`: the bytes from one to the other, both included; negative ones count from the end.
    public static func getrange(_ key: some RedisArgument, from first: Int, to last: Int) -> RedisCommand where Reply == ByteBuffer {
        RedisCommand("GETRANGE", keys: .first, decode: RedisReplies.bytes) { $0.add(key, first, last) }
    }

    /// `SETRANGE key offset value`: the length it has then, in bytes. Zero bytes fill a gap.
    public static func setrange(_ key: some RedisArgument, at offset: Int, to value: some RedisArgument) -> RedisCommand
    where Reply == Int {
        RedisCommand("SETRANGE", keys: .first, decode: RedisReplies.integer) { $0.add(key, offset, value) }
    }

    // MARK: Numbers

    /// `INCR key`: what it is then. The server refuses what would overflow a signed integer of 64 bits, as of all that count.
    public static func incr(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("INCR", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `INCRBY key by`: what it is then.
    public static func incrby(_ key: some RedisArgument, _ by: Int) -> RedisCommand where Reply == Int {
        RedisCommand("INCRBY", .two(key.redisArgument, by.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `INCRBYFLOAT key by`: what it is then.
    public static func incrbyfloat(_ key: some RedisArgument, _ by: Double) -> RedisCommand where Reply == Double {
        RedisCommand("INCRBYFLOAT", .two(key.redisArgument, by.redisArgument), keys: .first, decode: RedisReplies.double)
    }

    /// `DECR key`: what it is then.
    public static func decr(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("DECR", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `DECRBY key by`: what it is then.
    public static func decrby(_ key: some RedisArgument, _ by: Int) -> RedisCommand where Reply == Int {
        RedisCommand("DECRBY", .two(key.redisArgument, by.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    // MARK: Longest common subsequence

    /// `LCS key key`: the longest bytes that both have in this order, with gaps. Redis 7.0.
    public static func lcs(_ first: some RedisArgument, _ second: some RedisArgument) -> RedisCommand where Reply == ByteBuffer {
        RedisCommand("LCS", .two(first.redisArgument, second.redisArgument), keys: .firstTwo, decode: RedisReplies.bytes)
    }

    /// `LCS key key LEN`: how many bytes it has. Redis 7.0.
    public static func lcsLength(_ first: some RedisArgument, _ second: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("LCS", keys: .firstTwo, decode: RedisReplies.integer) {
            $0.add(first, second)
            $0.word("LEN")
        }
    }

    /// `LCS key key IDX WITHMATCHLEN`: where its pieces are, the last of them first. Redis 7.0.
    ///
    /// - Parameter minimumLength: shorter pieces are left out.
    public static func lcsMatches(
        _ first: some RedisArgument, _ second: some RedisArgument, minimumLength: Int? = nil
    ) -> RedisCommand where Reply == RedisCommonSubsequence {
        RedisCommand("LCS", keys: .firstTwo, decode: RedisCommonSubsequence.init) {
            $0.add(first, second)
            $0.word("IDX")
            $0.option("MINMATCHLEN", minimumLength)
            $0.word("WITHMATCHLEN")
        }
    }
}

/// What two strings have in common.
public struct RedisCommonSubsequence: Sendable, Hashable {
    /// A piece that both have: indices of bytes, first and last included.
    public struct Match: Sendable, Hashable {
        /// Where the first string has it begin.
        public var first: Int
        /// Where the second string has it begin.
        public var second: Int
        /// How many bytes it has.
        public var length: Int
    }

    /// The pieces, the last of them first.
    public var matches: [Match]
    /// How many bytes they have in common in all.
    public var length: Int

    @Sendable init(_ frame: RESPFrame) throws {
        let record = try RedisRecord(frame)
        self.length = try record.value("len", RedisReplies.integer)
        self.matches = try record.value("matches") { matches in
            try RedisReplies.list(matches) { match in
                let parts = try RedisReplies.tuple(match, atLeast: 3)
                let first = try RedisReplies.tuple(parts[0], atLeast: 2)
                let second = try RedisReplies.tuple(parts[1], atLeast: 2)
                return Match(
                    first: try RedisReplies.integer(first[0]), second: try RedisReplies.integer(second[0]),
                    length: try RedisReplies.integer(parts[2]))
            }
        }
    }
}
