public import NIOCore
public import WeirRESP

/// Streams.
extension RedisCommand {
    /// `XADD key * field value…`: the name of the new entry.
    ///
    /// - Parameters:
    ///   - fields: at least one, in their order. A dictionary has none: `KeyValuePairs` or an array of pairs keeps it.
    ///   - id: what name it gets.
    ///   - trim: what else becomes of the stream.
    public static func xadd<Field: RedisArgument, Value: RedisArgument>(
        _ key: some RedisArgument, _ fields: some Sequence<(key: Field, value: Value)>, id: RedisStreamNewID = .next,
        trim: RedisStreamTrim? = nil
    ) -> RedisCommand where Reply == RedisStreamID {
        RedisCommand("XADD", keys: .first, decode: RedisReplies.streamID) {
            $0.add(key)
            trim?.add(to: &$0)
            $0.add(id.text)
            $0.pairs(fields)
        }
    }

    /// `XADD key NOMKSTREAM * field value…`: as ``xadd(_:_:id:trim:)``; nil without the stream, and nothing is added. Redis 6.2.
    public static func xaddIfPresent<Field: RedisArgument, Value: RedisArgument>(
        _ key: some RedisArgument, _ fields: some Sequence<(key: Field, value: Value)>, id: RedisStreamNewID = .next,
        trim: RedisStreamTrim? = nil
    ) -> RedisCommand where Reply == RedisStreamID? {
        RedisCommand("XADD", keys: .first, decode: RedisReplies.optionalStreamID) {
            $0.add(key, "NOMKSTREAM")
            trim?.add(to: &$0)
            $0.add(id.text)
            $0.pairs(fields)
        }
    }

    /// `XLEN key`: how many entries there are.
    public static func xlen(_ key: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("XLEN", .one(key.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `XRANGE key lower upper`: the entries between them, oldest first.
    ///
    /// - Parameter count: at most so many.
    public static func xrange(
        _ key: some RedisArgument, from lower: RedisStreamBound = .minimum, to upper: RedisStreamBound = .maximum, count: Int? = nil
    ) -> RedisCommand where Reply == [RedisStreamEntry] {
        RedisCommand("XRANGE", keys: .first, decode: RedisReplies.streamEntries) {
            $0.add(key, lower.text, upper.text)
            $0.option("COUNT", count)
        }
    }

    /// `XREVRANGE key upper lower`: the entries between them, newest first.
    ///
    /// - Parameter count: at most so many.
    public static func xrevrange(
        _ key: some RedisArgument, from lower: RedisStreamBound = .minimum, to upper: RedisStreamBound = .maximum, count: Int? = nil
    ) -> RedisCommand where Reply == [RedisStreamEntry] {
        RedisCommand("XREVRANGE", keys: .first, decode: RedisReplies.streamEntries) {
            $0.add(key, upper.text, lower.text)
            $0.option("COUNT", count)
        }
    }

    /// `XDEL key id…`: how many were there.
    public static func xdel(_ key: some RedisArgument, _ ids: [RedisStreamID]) -> RedisCommand where Reply == Int {
        RedisCommand("XDEL", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            $0.all(ids.map(\.description))
        }
    }

    /// `XTRIM key`: how many entries were removed.
    public static func xtrim(_ key: some RedisArgument, _ trim: RedisStreamTrim) -> RedisCommand where Reply == Int {
        RedisCommand("XTRIM", keys: .first, decode: RedisReplies.integer) {
            $0.add(key)
            trim.add(to: &$0)
        }
    }

    /// `XSETID key id`: the highest name that the stream counts as given.
    public static func xsetid(_ key: some RedisArgument, _ id: RedisStreamID) -> RedisCommand where Reply == Void {
        RedisCommand("XSETID", .two(key.redisArgument, id.description.redisArgument), keys: .first, decode: RedisReplies.ok)
    }

    // MARK: Reading

    /// `XREAD STREAMS key… position…`: what the streams have from there on; none of those without anything.
    ///
    /// - Parameter count: at most so many of each.
    public static func xread<Key: RedisArgument>(
        _ streams: some Sequence<(key: Key, value: RedisStreamPosition)>, count: Int? = nil
    ) -> RedisCommand where Reply == [RedisStreamEntries] {
        self.read("XREAD", nil, Array(streams), count, block: nil, acknowledge: false)
    }

    /// `XREAD BLOCK milliseconds STREAMS key… position…`: as ``xread(_:count:)``, and waits for something; nothing when the time is up.
    /// Needs a connection of its own.
    ///
    /// - Parameter timeout: in milliseconds, rounded up, at least one; nil waits for ever.
    public static func xreadBlocking<Key: RedisArgument>(
        _ streams: some Sequence<(key: Key, value: RedisStreamPosition)>, count: Int? = nil, timeout: TimeAmount?
    ) -> RedisCommand where Reply == [RedisStreamEntries] {
        self.read("XREAD", nil, Array(streams), count, block: timeout?.redisMilliseconds ?? 0, acknowledge: false)
    }

    /// `XREADGROUP GROUP group consumer STREAMS key… position…`: what is handed to this consumer, who has to acknowledge it.
    ///
    /// - Parameters:
    ///   - streams: with ``RedisStreamPosition/new``, what no consumer has had yet; otherwise what this one has not acknowledged yet.
    ///   - count: at most so many of each.
    ///   - acknowledged: counts as acknowledged at once (`NOACK`).
    public static func xreadgroup<Key: RedisArgument>(
        _ group: some RedisArgument, _ consumer: some RedisArgument, _ streams: some Sequence<(key: Key, value: RedisStreamPosition)>,
        count: Int? = nil, acknowledged: Bool = false
    ) -> RedisCommand where Reply == [RedisStreamEntries] {
        let member = (group.redisArgument, consumer.redisArgument)
        return self.read("XREADGROUP", member, Array(streams), count, block: nil, acknowledge: acknowledged)
    }

    /// `XREADGROUP GROUP group consumer BLOCK milliseconds STREAMS key… position…`: as ``xreadgroup(_:_:_:count:acknowledged:)``, and
    /// waits for something new; nothing when the time is up. Needs a connection of its own.
    ///
    /// - Parameter timeout: in milliseconds, rounded up, at least one; nil waits for ever.
    public static func xreadgroupBlocking<Key: RedisArgument>(
        _ group: some RedisArgument, _ consumer: some RedisArgument, _ streams: some Sequence<(key: Key, value: RedisStreamPosition)>,
        count: Int? = nil, acknowledged: Bool = false, timeout: TimeAmount?
    ) -> RedisCommand where Reply == [RedisStreamEntries] {
        let member = (group.redisArgument, consumer.redisArgument)
        let block = timeout?.redisMilliseconds ?? 0
        return self.read("XREADGROUP", member, Array(streams), count, block: block, acknowledge: acknowledged)
    }

    private static func read<Key: RedisArgument>(
        _ name: StaticString, _ member: (group: ByteBuffer, consumer: ByteBuffer)?, _ streams: [(key: Key, value: RedisStreamPosition)],
        _ count: Int?, block: Int64?, acknowledge: Bool
    ) -> RedisCommand where Reply == [RedisStreamEntries] {
        var firstKey = 0
        let arguments = RedisRequest.Arguments.list {
            if let member {
                $0.word("GROUP")
                $0.add(member.group, member.consumer)
            }
            $0.option("COUNT", count)
            $0.option("BLOCK", block)
            $0.word("NOACK", if: acknowledge)
            $0.word("STREAMS")
            firstKey = $0.buffers.count
            for (key, _) in streams { $0.add(key) }
            for (_, position) in streams { $0.add(position.text) }
        }
        return RedisCommand(
            name, arguments, keys: .counted(streams.count, at: firstKey), traits: block == nil ? [] : .blocking,
            decode: RedisReplies.streams)
    }

    // MARK: What the server knows

    /// `XINFO STREAM key`: fails without the stream.
    public static func xinfoStream(_ key: some RedisArgument) -> RedisCommand where Reply == RedisStreamInfo {
        RedisCommand("XINFO", .two(ByteBuffer(staticString: "STREAM"), key.redisArgument), keys: .second, decode: RedisStreamInfo.init)
    }

    /// `XINFO GROUPS key`: the groups that read it; fails without the stream.
    public static func xinfoGroups(_ key: some RedisArgument) -> RedisCommand where Reply == [RedisStreamGroupInfo] {
        RedisCommand(
            "XINFO", .two(ByteBuffer(staticString: "GROUPS"), key.redisArgument), keys: .second,
            decode: { try RedisReplies.list($0, of: RedisStreamGroupInfo.init) })
    }

    /// `XINFO CONSUMERS key group`: the group's consumers; fails without the group.
    public static func xinfoConsumers(_ key: some RedisArgument, _ group: some RedisArgument) -> RedisCommand
    where Reply == [RedisStreamConsumerInfo] {
        RedisCommand("XINFO", keys: .second, decode: { try RedisReplies.list($0, of: RedisStreamConsumerInfo.init) }) {
            $0.add("CONSUMERS", key, group)
        }
    }

    /// `XINFO STREAM key FULL`: all that the server knows of a stream, with its groups, their consumers and what those have: by name.
    /// Fails without the stream. Redis 6.0.
    ///
    /// - Parameter count: at most so many entries of each kind; 10 unless set, all if it is 0.
    public static func xinfoStreamFull(_ key: some RedisArgument, count: Int? = nil) -> RedisCommand where Reply == [String: RESPFrame] {
        RedisCommand("XINFO", keys: .second, decode: RedisReplies.frameMap) {
            $0.add("STREAM", key, "FULL")
            $0.option("COUNT", count)
        }
    }
}
