public import NIOCore
import WeirRESP

/// Lists.
extension RedisCommand {
    /// `LPUSH key element…`: the length of the list then. The last of the elements is its head then.
    public static func lpush(_ key: some RedisArgument, _ elements: [some RedisArgument]) -> RedisCommand where Reply == Int {
        self.push("LPUSH", key, elements)
    }

    /// `RPUSH key element…`: the length of the list then.
    public static func rpush(_ key: some RedisArgument, _ elements: [some RedisArgument]) -> RedisCommand where Reply == Int {
        self.push("RPUSH", key, elements)
    }

    /// `LPUSHX key element…`: as ``lpush(_:_:)`` if there is such a list; otherwise 0.
    public static func lpushx(_ key: some RedisArgument, _ elements: [some RedisArgument]) -> RedisCommand where Reply == Int {
        self.push("LPUSHX", key, elements)
    }

    /// `RPUSHX key element…`: as ``rpush(_:_:)`` if there is such a list; otherwise 0.
    public static func rpushx(_ key: some RedisArgument, _ elements: [some RedisArgument]) -> RedisCommand where Reply == Int {
        self.push("RPUSHX", key, elements)
    }

    private static func push(_ name: StaticString, _ key: some RedisArgument, _ elements: [some RedisArgument]) -> RedisCommand
    where Reply == Int {
        RedisCommand(name, keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.all(elements)
        }
    }

    /// `LPOP key`: the head, which is removed; nil without it.
    public static func lpop(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("LPOP", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `RPOP key`: the tail, which is removed; nil without it.
    public static func rpop(_ key: some RedisArgument) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("RPOP", .one(key.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `LPOP key count`: up to so many elements from the head on, which are removed; nil without the list. Redis 6.2.
    public static func lpop(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [ByteBuffer]? {
        RedisCommand("LPOP", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.optionalElements)
    }

    /// `RPOP key count`: up to so many elements from the tail on, which are removed; nil without the list. Redis 6.2.
    public static func rpop(_ key: some RedisArgument, count: Int) -> RedisCommand where Reply == [ByteBuffer]? {
        RedisCommand("RPOP", .two(key.redisArgument, count.redisArgument), keys: .first, decode: RedisReplies.optionalElements)
    }

    /// `LRANGE key first last`: the elements from one index to the other, both included; negative ones count from the end.
    public static func lrange(_ key: some RedisArgument, from first: Int = 0, to last: Int = -1) -> RedisCommand
    where Reply == [ByteBuffer] {
        RedisCommand("LRANGE", keys: .first, decode: RedisReplies.bytesList) { $0.add(key, first, last) }
    }

    /// `LTRIM key first last`: keeps the elements from one index to the other, both included; negative ones count from the end.
    public static func ltrim(_ key: some RedisArgument, from first: Int, to last: Int) -> RedisCommand where Reply == Void {
        RedisCommand("LTRIM", keys: .first, decode: RedisReplies.ok) { $0.add(key, first, last) }
    }

    /// `LLEN key`: how many elements there are.
    public static func llen(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("LLEN", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `LINDEX key index`: the element there, nil without it; a negative index counts from the end.
    public static func lindex(_ key: some RedisArgument, _ index: Int) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("LINDEX", .two(key.redisArgument, index.redisArgument), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `LSET key index element`; fails without the list, and without such an index.
    public static func lset(_ key: some RedisArgument, _ index: Int, to element: some RedisArgument) -> RedisCommand where Reply == Void {
        RedisCommand("LSET", keys: .first, decode: RedisReplies.ok) { $0.add(key, index, element) }
    }

    /// `LINSERT key BEFORE pivot element`: the length of the list then; -1 without the pivot, 0 without the list.
    public static func linsert(_ key: some RedisArgument, _ element: some RedisArgument, before pivot: some RedisArgument) -> RedisCommand
    where Reply == Int {
        RedisCommand("LINSERT", keys: .first, decode: RedisReplies.integer) { $0.add(key, "BEFORE", pivot, element) }
    }

    /// `LINSERT key AFTER pivot element`: the length of the list then; -1 without the pivot, 0 without the list.
    public static func linsert(_ key: some RedisArgument, _ element: some RedisArgument, after pivot: some RedisArgument) -> RedisCommand
    where Reply == Int {
        RedisCommand("LINSERT", keys: .first, decode: RedisReplies.integer) { $0.add(key, "AFTER", pivot, element) }
    }

    /// `LREM key count element`: how many were removed.
    ///
    /// - Parameter count: at most so many from the head on; from the tail on if it is negative; all if it is 0.
    public static func lrem(_ key: some RedisArgument, _ element: some RedisArgument, count: Int = 0) -> RedisCommand where Reply == Int {
        RedisCommand("LREM", keys: .first, decode: RedisReplies.integer) { $0.add(key, count, element) }
    }

    /// `LPOS key element`: the index of the first such element, nil without one. Redis 6.0.6.
    ///
    /// - Parameters:
    ///   - rank: which one: 1 is the first, 2 the second, -1 the last.
    ///   - maximumLength: looks at so many elements only.
    public static func lpos(
        _ key: some RedisArgument, _ element: some RedisArgument, rank: Int? = nil, maximumLength: Int? = nil
    ) -> RedisCommand where Reply == Int? {
        RedisCommand("LPOS", keys: .first, decode: RedisReplies.optionalInteger) {
            $0.add(key, element)
            $0.option("RANK", rank)
            $0.option("MAXLEN", maximumLength)
        }
    }

    /// `LPOS key element COUNT count`: the indices of such elements; for the others see ``lpos(_:_:rank:maximumLength:)``. Redis 6.0.6.
    ///
    /// - Parameter count: at most so many; all if it is 0.
    public static func lpos(
        _ key: some RedisArgument, _ element: some RedisArgument, count: Int, rank: Int? = nil, maximumLength: Int? = nil
    ) -> RedisCommand where Reply == [Int] {
        RedisCommand("LPOS", keys: .first, decode: RedisReplies.integerList) {
            $0.add(key, element)
            $0.option("RANK", rank)
            $0.option("COUNT", count)
            $0.option("MAXLEN", maximumLength)
        }
    }

    /// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`: the element that was moved, nil without one. Redis 6.2.
    public static func lmove(
        from source: some RedisArgument, _ end: RedisEnd, to destination: some RedisArgument, _ destinationEnd: RedisEnd
    ) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("LMOVE", keys: .firstTwo, decode: RedisReplies.optionalBytes) {
            $0.add(source, destination)
            $0.word(end.word)
            $0.word(destinationEnd.word)
        }
    }

    /// `RPOPLPUSH source destination`: the tail that was moved to the other's head, nil without one.
    public static func rpoplpush(from source: some RedisArgument, to destination: some RedisArgument) -> RedisCommand
    where Reply == ByteBuffer? {
        RedisCommand(
            "RPOPLPUSH", .two(source.redisArgument, destination.redisArgument), keys: .firstTwo, decode: RedisReplies.optionalBytes)
    }

    /// `LMPOP numkeys key… LEFT|RIGHT`: elements of the first of the lists that has any, nil if none has. Redis 7.0.
    ///
    /// - Parameter count: at most so many; one unless set.
    public static func lmpop(_ keys: [some RedisArgument], _ end: RedisEnd, count: Int? = nil) -> RedisCommand
    where Reply == RedisPopped<ByteBuffer>? {
        RedisCommand("LMPOP", keys: .counted(keys.count, at: 1), decode: RedisReplies.poppedElements) {
            $0.counted(keys)
            $0.word(end.word)
            $0.option("COUNT", count)
        }
    }
}

extension RedisReplies {
    @Sendable static func optionalElements(_ frame: RESPFrame) throws -> [ByteBuffer]? {
        try self.optionalList(frame, of: self.bytes)
    }

    @Sendable static func poppedElements(_ frame: RESPFrame) throws -> RedisPopped<ByteBuffer>? {
        try self.keyed(frame, self.bytesList).map { RedisPopped(key: $0.key, elements: $0.value) }
    }

    /// A key and its one element.
    @Sendable static func poppedElement(_ frame: RESPFrame) throws -> RedisPopped<ByteBuffer>? {
        try self.keyed(frame, self.bytes).map { RedisPopped(key: $0.key, elements: [$0.value]) }
    }
}
