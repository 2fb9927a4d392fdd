public import NIOCore
import WeirRESP

/// Publishing. Subscriptions need a connection of their own.
extension RedisCommand {
    /// `PUBLISH channel message`: how many subscribers of this server got it.
    public static func publish(_ channel: some RedisArgument, _ message: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("PUBLISH", .two(channel.redisArgument, message.redisArgument), decode: RedisReplies.integer)
    }

    /// `SPUBLISH channel message`: how many subscribers of the shard's channel got it. Redis 7.0.
    ///
    /// The channel counts as a key: in a cluster it decides where the message goes.
    public static func spublish(_ channel: some RedisArgument, _ message: some RedisArgument) -> RedisCommand where Reply == Int {
        RedisCommand("SPUBLISH", .two(channel.redisArgument, message.redisArgument), keys: .first, decode: RedisReplies.integer)
    }

    /// `PUBSUB CHANNELS`: the channels that have subscribers, not by a pattern.
    ///
    /// - Parameter pattern: only those that match.
    public static func pubsubChannels(_ pattern: String? = nil) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("PUBSUB", decode: RedisReplies.bytesList) {
            $0.word("CHANNELS")
            if let pattern { $0.add(pattern) }
        }
    }

    /// `PUBSUB NUMSUB channel…`: how many subscribers each has, not by a pattern.
    public static func pubsubNumsub(_ channels: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer: Int] {
        RedisCommand("PUBSUB", decode: RedisReplies.counts) {
            $0.word("NUMSUB")
            $0.all(channels)
        }
    }

    /// `PUBSUB NUMPAT`: how many different patterns are subscribed to.
    public static func pubsubNumpat() -> RedisCommand where Reply == Int {
        RedisCommand("PUBSUB", .one(ByteBuffer(staticString: "NUMPAT")), decode: RedisReplies.integer)
    }

    /// `PUBSUB SHARDCHANNELS`: the shard's channels that have subscribers. Redis 7.0.
    ///
    /// - Parameter pattern: only those that match.
    public static func pubsubShardChannels(_ pattern: String? = nil) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("PUBSUB", decode: RedisReplies.bytesList) {
            $0.word("SHARDCHANNELS")
            if let pattern { $0.add(pattern) }
        }
    }

    /// `PUBSUB SHARDNUMSUB channel…`: how many subscribers each of the shard's channels has. Redis 7.0.
    public static func pubsubShardNumsub(_ channels: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer: Int] {
        RedisCommand("PUBSUB", decode: RedisReplies.counts) {
            $0.word("SHARDNUMSUB")
            $0.all(channels)
        }
    }
}

extension RedisReplies {
    @Sendable static func counts(_ frame: RESPFrame) throws -> [ByteBuffer: Int] {
        Dictionary(try self.pairs(frame, key: self.bytes, value: self.integer).map { ($0.key, $0.value) }) { $1 }
    }
}
