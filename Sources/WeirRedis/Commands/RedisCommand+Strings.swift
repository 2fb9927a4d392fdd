public import NIOCore
import WeirRESP

/// Strings.
extension RedisCommand {
    /// `GET key`: the value, nil without it.
    @inlinable
    public static func get(_ key: ByteBuffer) -> RedisCommand where Reply == ByteBuffer? {
        RedisCommand("GET", .one(key), keys: .first, decode: RedisReplies.optionalBytes)
    }

    /// `SET key value`, with `PX` if it is to expire.
    ///
    /// - Parameter expiry: rounded up to milliseconds, at least one.
    public static func set(_ key: ByteBuffer, to value: ByteBuffer, expiry: TimeAmount? = nil) -> RedisCommand where Reply == Void {
        guard let expiry else { return RedisCommand("SET", .two(key, value), keys: .first, decode: RedisReplies.ok) }
        let milliseconds = max(1, (expiry.nanoseconds / 1_000_000) + (expiry.nanoseconds % 1_000_000 > 0 ? 1 : 0))
        let arguments = [key, value, ByteBuffer(string: "PX"), ByteBuffer(string: String(milliseconds))]
        return RedisCommand("SET", .many(arguments), keys: .first, decode: RedisReplies.ok)
    }
}
