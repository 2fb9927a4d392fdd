public import NIOCore
import WeirRESP

/// Lists that are waited for. These need a connection of their own, and a deadline behind their timeout.
///
/// A timeout is in milliseconds, rounded up, at least one; nil waits for ever. Before Redis 6.0 it must be whole seconds.
extension RedisCommand {
    /// `BLPOP key… timeout`: the head of the first list that has one; nil when the time is up.
    public static func blpop(_ keys: [some RedisArgument], timeout: TimeAmount?) -> RedisCommand
    where Reply == RedisPopped<ByteBuffer>? {
        RedisCommand("BLPOP", keys: .allButLast, traits: .blocking, decode: RedisReplies.poppedElement) {
            $0.all(keys)
            $0.add(timeout.redisTimeout)
        }
    }

    /// `BRPOP key… timeout`: the tail of the first list that has one; nil when the time is up.
    public static func brpop(_ keys: [some RedisArgument], timeout: TimeAmount?) -> RedisCommand
    where Reply == RedisPopped<ByteBuffer>? {
        RedisCommand("BRPOP", keys: .allButLast, traits: .blocking, decode: RedisReplies.poppedElement) {
            $0.all(keys)
            $0.add(timeout.redisTimeout)
        }
    }

    /// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`: the element that was moved; nil when the time is up. Redis 6.2.
    public static func blmove(
        from source: some RedisArgument, _ end: RedisEnd, to destination: some RedisArgument, _ destinationEnd: RedisEnd,
        timeout: TimeAmount?
    ) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("BLMOVE", keys: .firstTwo, traits: .blocking, decode: RedisReplies.optionalBytes) {
            $0.add(source, destination)
            $0.word(end.word)
            $0.word(destinationEnd.word)
            $0.add(timeout.redisTimeout)
        }
    }

    /// `BRPOPLPUSH source destination timeout`: the tail that was moved to the other's head; nil when the time is up.
    public static func brpoplpush(from source: some RedisArgument, to destination: some RedisArgument, timeout: TimeAmount?) -> RedisCommand
    where Reply == ByteBuffer? {
        RedisCommand("BRPOPLPUSH", keys: .firstTwo, traits: .blocking, decode: RedisReplies.optionalBytes) {
            $0.add(source, destination, timeout.redisTimeout)
        }
    }

    /// `BLMPOP timeout numkeys key… LEFT|RIGHT`: elements of the first list that has any; nil when the time is up. Redis 7.0.
    ///
    /// - Parameter count: at most so many; one unless set.
    public static func blmpop(_ keys: [some RedisArgument], _ end: RedisEnd, count: Int? = nil, timeout: TimeAmount?) -> RedisCommand
    where Reply == RedisPopped<ByteBuffer>? {
        RedisCommand("BLMPOP", keys: .counted(keys.count, at: 2), traits: .blocking, decode: RedisReplies.poppedElements) {
            $0.add(timeout.redisTimeout)
            $0.counted(keys)
            $0.word(end.word)
            $0.option("COUNT", count)
        }
    }
}
