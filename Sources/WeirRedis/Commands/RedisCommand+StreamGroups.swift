public import NIOCore
import WeirRESP

/// How `XCLAIM` claims.
public struct RedisStreamClaim: Sendable, Hashable {
    /// For how long the entries count as not asked for; not at all if nil.
    public var idle: TimeAmount?
    /// When they were asked for last: a Unix time in milliseconds. In place of ``idle``.
    public var timeMilliseconds: Int64?
    /// How often they count as handed out; once more than before if nil.
    public var deliveries: Int?
    /// Entries of the stream that are not pending yet are so then.
    public var forces: Bool

    /// Claims like this.
    public init(idle: TimeAmount? = nil, timeMilliseconds: Int64? = nil, deliveries: Int? = nil, forces: Bool = false) {
        self.idle = idle
        self.timeMilliseconds = timeMilliseconds
        self.deliveries = deliveries
        self.forces = forces
    }

    func add(to list: inout RedisArgumentList) {
        list.option("IDLE", self.idle?.redisMilliseconds)
        list.option("TIME", self.timeMilliseconds)
        list.option("RETRYCOUNT", self.deliveries)
        list.word("FORCE", if: self.forces)
    }
}

/// Groups of consumers, each of which gets a part of a stream.
extension RedisCommand {
    /// `XGROUP CREATE key group position`; fails with `BUSYGROUP` if there is one of this name.
    ///
    /// - Parameters:
    ///   - position: from where on it reads.
    ///   - createsStream: makes an empty stream if there is none; otherwise it fails then.
    public static func xgroupCreate(
        _ key: some RedisArgument, _ group: some RedisArgument, from position: RedisStreamPosition = .end, createsStream: Bool = false
    ) -> RedisCommand where Reply == Void {
        RedisCommand("XGROUP", keys: .second, decode: RedisReplies.ok) {
            $0.add("CREATE", key, group, position.text)
            $0.word("MKSTREAM", if: createsStream)
        }
    }

    /// `XGROUP SETID key group position`: it reads from there on now.
    public static func xgroupSetID(
        _ key: some RedisArgument, _ group: some RedisArgument, to position: RedisStreamPosition
    ) -> RedisCommand where Reply == Void {
        RedisCommand("XGROUP", keys: .second, decode: RedisReplies.ok) { $0.add("SETID", key, group, position.text) }
    }

    /// `XGROUP DESTROY key group`: whether it was there.
    public static func xgroupDestroy(_ key: some RedisArgument, _ group: some RedisArgument) -> RedisCommand where Reply == Bool {
        RedisCommand("XGROUP", keys: .second, decode: RedisReplies.flag) { $0.add("DESTROY", key, group) }
    }

    /// `XGROUP CREATECONSUMER key group consumer`: whether it is new. Redis 6.2; any command that names a consumer makes it.
    public static func xgroupCreateConsumer(
        _ key: some RedisArgument, _ group: some RedisArgument, _ consumer: some RedisArgument
    ) -> RedisCommand where Reply == Bool {
        RedisCommand("XGROUP", keys: .second, decode: RedisReplies.flag) { $0.add("CREATECONSUMER", key, group, consumer) }
    }

    /// `XGROUP DELCONSUMER key group consumer`: how many entries it had not acknowledged, which nobody can claim any more.
    public static func xgroupDelConsumer(
        _ key: some RedisArgument, _ group: some RedisArgument, _ consumer: some RedisArgument
    ) -> RedisCommand where Reply == Int {
        RedisCommand("XGROUP", keys: .second, decode: RedisReplies.integer) { $0.add("DELCONSUMER", key, group, consumer) }
    }

    /// `XACK key group id…`: how many were pending.
    public static func xack(_ key: some RedisArgument, _ group: some RedisArgument, _ ids: [RedisStreamID]) -> RedisCommand
    where Reply == Int {
        RedisCommand("XACK", keys: .first, decode: RedisReplies.integer) {
            $0.add(key, group)
            $0.all(ids.map(\.description))
        }
    }

    // MARK: What is pending

    /// `XPENDING key group`: what the group has handed out and heard nothing of, in short.
    public static func xpending(_ key: some RedisArgument, _ group: some RedisArgument) -> RedisCommand
    where Reply == RedisPendingSummary {
        RedisCommand("XPENDING", .two(key.redisArgument, group.redisArgument), keys: .first, decode: RedisPendingSummary.init)
    }

    /// `XPENDING key group lower upper count`: what is pending, entry by entry.
    ///
    /// - Parameters:
    ///   - lower: the oldest.
    ///   - upper: the newest.
    ///   - count: at most so many.
    ///   - consumer: only what this one has.
    ///   - idle: only what was handed out so long ago. Redis 6.2.
    public static func xpending(
        _ key: some RedisArgument, _ group: some RedisArgument, from lower: RedisStreamBound = .minimum,
        to upper: RedisStreamBound = .maximum, count: Int, consumer: ByteBuffer? = nil, idle: TimeAmount? = nil
    ) -> RedisCommand where Reply == [RedisPendingEntry] {
        RedisCommand("XPENDING", keys: .first, decode: { try RedisReplies.list($0, of: RedisPendingEntry.init) }) {
            $0.add(key, group)
            $0.option("IDLE", idle?.redisMilliseconds)
            $0.add(lower.text, upper.text, count)
            if let consumer { $0.add(consumer) }
        }
    }

    /// `XCLAIM key group consumer idle id…`: hands pending entries to this consumer, and replies with those.
    ///
    /// - Parameter idle: only what was handed out so long ago: so two consumers do not claim the same.
    public static func xclaim(
        _ key: some RedisArgument, _ group: some RedisArgument, _ consumer: some RedisArgument, idle: TimeAmount, _ ids: [RedisStreamID],
        _ claim: RedisStreamClaim = RedisStreamClaim()
    ) -> RedisCommand where Reply == [RedisStreamEntry] {
        RedisCommand("XCLAIM", keys: .first, decode: RedisReplies.streamEntries) {
            $0.add(key, group, consumer, idle.redisIdleMilliseconds)
            $0.all(ids.map(\.description))
            claim.add(to: &$0)
        }
    }

    /// `XCLAIM key group consumer idle id… JUSTID`: as ``xclaim(_:_:_:idle:_:_:)``, replying with names only; it does not count as handing
    /// them out.
    public static func xclaimIDs(
        _ key: some RedisArgument, _ group: some RedisArgument, _ consumer: some RedisArgument, idle: TimeAmount, _ ids: [RedisStreamID],
        _ claim: RedisStreamClaim = RedisStreamClaim()
    ) -> RedisCommand where Reply == [RedisStreamID] {
        RedisCommand("XCLAIM", keys: .first, decode: RedisReplies.streamIDs) {
            $0.add(key, group, consumer, idle.redisIdleMilliseconds)
            $0.all(ids.map(\.description))
            claim.add(to: &$0)
            $0.word("JUSTID")
        }
    }

    /// `XAUTOCLAIM key group consumer idle start`: looks for pending entries to hand to this consumer. Redis 6.2.
    ///
    /// - Parameters:
    ///   - idle: only what was handed out so long ago.
    ///   - start: where to begin: at ``RedisStreamID/zero``, then where the reply before says.
    ///   - count: looks at most for so many; 100 unless set.
    public static func xautoclaim(
        _ key: some RedisArgument, _ group: some RedisArgument, _ consumer: some RedisArgument, idle: TimeAmount,
        from start: RedisStreamID = .zero, count: Int? = nil
    ) -> RedisCommand where Reply == RedisAutoClaim<RedisStreamEntry> {
        RedisCommand("XAUTOCLAIM", keys: .first, decode: { try RedisAutoClaim($0, RedisReplies.streamEntries) }) {
            $0.add(key, group, consumer, idle.redisIdleMilliseconds, start.description)
            $0.option("COUNT", count)
        }
    }

    /// `XAUTOCLAIM key group consumer idle start JUSTID`: as ``xautoclaim(_:_:_:idle:from:count:)``, replying with names only; it does not
    /// count as handing them out. Redis 6.2.
    public static func xautoclaimIDs(
        _ key: some RedisArgument, _ group: some RedisArgument, _ consumer: some RedisArgument, idle: TimeAmount,
        from start: RedisStreamID = .zero, count: Int? = nil
    ) -> RedisCommand where Reply == RedisAutoClaim<RedisStreamID> {
        RedisCommand("XAUTOCLAIM", keys: .first, decode: { try RedisAutoClaim($0, RedisReplies.streamIDs) }) {
            $0.add(key, group, consumer, idle.redisIdleMilliseconds, start.description)
            $0.option("COUNT", count)
            $0.word("JUSTID")
        }
    }
}

extension TimeAmount {
    /// In whole milliseconds, rounded up; 0 for none at all.
    fileprivate var redisIdleMilliseconds: Int64 { self <= .zero ? 0 : self.redisMilliseconds }
}
