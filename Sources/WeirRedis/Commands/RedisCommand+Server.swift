public import NIOCore
import WeirRESP

extension RedisCommand<Void> {
    /// `PING`.
    public static var ping: RedisCommand { RedisCommand("PING", decode: RedisReplies.ok) }
}

/// The server.
extension RedisCommand {
    /// `ECHO message`: the message.
    public static func echo(_ message: some RedisArgument) -> RedisCommand where Reply == ByteBuffer {
        RedisCommand("ECHO", .one(message.redisArgument), decode: RedisReplies.bytes)
    }

    /// `TIME`: the server's time.
    public static func time() -> RedisCommand where Reply == RedisTime { RedisCommand("TIME", decode: RedisTime.init) }

    /// `INFO section…`: what the server says of itself.
    ///
    /// - Parameter sections: only these, as `memory`; those of a default choice if there is none. More than one since Redis 7.0.
    public static func info(_ sections: String...) -> RedisCommand where Reply == RedisInfo {
        RedisCommand("INFO", decode: RedisInfo.init) { $0.all(sections) }
    }

    /// `ROLE`: whether it copies others or others copy it.
    public static func role() -> RedisCommand where Reply == RedisRole { RedisCommand("ROLE", decode: RedisRole.init) }

    /// `WAIT count timeout`: how many replicas have all that this connection has written, when so many have or the time is up. Needs a
    /// connection of its own, the one that wrote.
    ///
    /// - Parameter timeout: in milliseconds, rounded up, at least one; nil waits for ever.
    public static func wait(replicas: Int, timeout: TimeAmount?) -> RedisCommand where Reply == Int {
        let arguments = RedisRequest.Arguments.two(replicas.redisArgument, (timeout?.redisMilliseconds ?? 0).redisArgument)
        return RedisCommand("WAIT", arguments, traits: .blocking, decode: RedisReplies.integer)
    }

    // MARK: Databases

    /// `SELECT database`. Needs a connection of its own; `RedisURL` names the database of all others.
    public static func select(_ database: Int) -> RedisCommand where Reply == Void {
        RedisCommand("SELECT", .one(database.redisArgument), traits: .changesConnection, decode: RedisReplies.ok)
    }

    /// `DBSIZE`: how many keys the database has.
    public static func dbsize() -> RedisCommand where Reply == Int { RedisCommand("DBSIZE", decode: RedisReplies.integer) }

    /// `FLUSHDB`: deletes all keys of the database.
    ///
    /// - Parameter inBackground: replies before their memory is free (`ASYNC`).
    public static func flushdb(inBackground: Bool = false) -> RedisCommand where Reply == Void {
        RedisCommand("FLUSHDB", decode: RedisReplies.ok) { $0.word("ASYNC", if: inBackground) }
    }

    /// `FLUSHALL`: deletes all keys of all databases.
    ///
    /// - Parameter inBackground: replies before their memory is free (`ASYNC`).
    public static func flushall(inBackground: Bool = false) -> RedisCommand where Reply == Void {
        RedisCommand("FLUSHALL", decode: RedisReplies.ok) { $0.word("ASYNC", if: inBackground) }
    }

    /// `SWAPDB database database`: each has the keys of the other then.
    public static func swapdb(_ first: Int, _ second: Int) -> RedisCommand where Reply == Void {
        RedisCommand("SWAPDB", .two(first.redisArgument, second.redisArgument), decode: RedisReplies.ok)
    }

    // MARK: Persistence

    /// `SAVE`: writes everything to disk, and serves nobody meanwhile. Give it time.
    public static func save() -> RedisCommand where Reply == Void { RedisCommand("SAVE", decode: RedisReplies.ok) }

    /// `BGSAVE`: begins to write everything to disk.
    ///
    /// - Parameter scheduled: begins when the log has been rewritten, if that is under way; otherwise it fails then.
    public static func bgsave(scheduled: Bool = false) -> RedisCommand where Reply == Void {
        RedisCommand("BGSAVE", decode: RedisReplies.ok) { $0.word("SCHEDULE", if: scheduled) }
    }

    /// `BGREWRITEAOF`: begins to rewrite the log.
    public static func bgrewriteaof() -> RedisCommand where Reply == Void { RedisCommand("BGREWRITEAOF", decode: RedisReplies.ok) }

    /// `LASTSAVE`: when everything was written to disk last: a Unix time in seconds.
    public static func lastsave() -> RedisCommand where Reply == Int { RedisCommand("LASTSAVE", decode: RedisReplies.integer) }

    // MARK: Configuration

    /// `CONFIG GET pattern…`: the settings whose names match. More than one pattern since Redis 7.0.
    public static func configGet(_ patterns: String...) -> RedisCommand where Reply == [String: String] {
        RedisCommand("CONFIG", decode: RedisReplies.stringMap) {
            $0.word("GET")
            $0.all(patterns)
        }
    }

    /// `CONFIG SET name value…`. More than one setting since Redis 7.0.
    public static func configSet<Value: RedisArgument>(_ settings: some Sequence<(key: String, value: Value)>) -> RedisCommand
    where Reply == Void {
        RedisCommand("CONFIG", decode: RedisReplies.ok) {
            $0.word("SET")
            $0.pairs(settings)
        }
    }

    /// `CONFIG RESETSTAT`: counts from 0 again.
    public static func configResetStat() -> RedisCommand where Reply == Void {
        RedisCommand("CONFIG", .one(ByteBuffer(staticString: "RESETSTAT")), decode: RedisReplies.ok)
    }

    /// `CONFIG REWRITE`: writes the settings to the server's file; fails without one.
    public static func configRewrite() -> RedisCommand where Reply == Void {
        RedisCommand("CONFIG", .one(ByteBuffer(staticString: "REWRITE")), decode: RedisReplies.ok)
    }

    // MARK: Commands

    /// `COMMAND COUNT`: how many commands the server knows.
    public static func commandCount() -> RedisCommand where Reply == Int {
        RedisCommand("COMMAND", .one(ByteBuffer(staticString: "COUNT")), decode: RedisReplies.integer)
    }

    /// `COMMAND LIST`: the names of the commands that the server knows. Redis 7.0.
    public static func commandList() -> RedisCommand where Reply == [String] {
        RedisCommand("COMMAND", .one(ByteBuffer(staticString: "LIST")), decode: RedisReplies.stringList)
    }

    /// `COMMAND GETKEYS command argument…`: the keys of a command; fails if it has none.
    public static func commandGetKeys(_ parts: [some RedisArgument]) -> RedisCommand where Reply == [ByteBuffer] {
        RedisCommand("COMMAND", decode: RedisReplies.bytesList) {
            $0.word("GETKEYS")
            $0.all(parts)
        }
    }
}
