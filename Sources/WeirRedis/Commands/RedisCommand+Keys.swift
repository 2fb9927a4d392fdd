public import NIOCore
import WeirRESP

/// Keys of any type.
extension RedisCommand {
    /// `DEL key`: whether it was there.
    public static func delete(_ key: ByteBuffer) -> RedisCommand where Reply == Bool {
        RedisCommand("DEL", .one(key), keys: .first, decode: RedisReplies.flag)
    }
}
