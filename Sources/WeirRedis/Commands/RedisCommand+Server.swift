import WeirRESP

/// The connection and the server.
extension RedisCommand<Void> {
    /// `PING`.
    public static var ping: RedisCommand { RedisCommand("PING", decode: RedisReplies.ok) }
}
