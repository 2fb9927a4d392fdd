import NIOCore
public import WeirRESP

/// Users. Redis 6.0.
extension RedisCommand {
    /// `ACL WHOAMI`: the user of the connection that asks.
    public static func aclWhoami() -> RedisCommand where Reply == String {
        RedisCommand("ACL", .one(ByteBuffer(staticString: "WHOAMI")), decode: RedisReplies.string)
    }

    /// `ACL USERS`: the names of all users.
    public static func aclUsers() -> RedisCommand where Reply == [String] {
        RedisCommand("ACL", .one(ByteBuffer(staticString: "USERS")), decode: RedisReplies.stringList)
    }

    /// `ACL LIST`: all users with their rules, as the server's file has them.
    public static func aclList() -> RedisCommand where Reply == [String] {
        RedisCommand("ACL", .one(ByteBuffer(staticString: "LIST")), decode: RedisReplies.stringList)
    }

    /// `ACL CAT`: the categories of commands.
    ///
    /// - Parameter category: the commands of this one.
    public static func aclCat(_ category: String? = nil) -> RedisCommand where Reply == [String] {
        RedisCommand("ACL", decode: RedisReplies.stringList) {
            $0.word("CAT")
            if let category { $0.add(category) }
        }
    }

    /// `ACL SETUSER user rule…`: makes a user, or changes one.
    public static func aclSetUser(_ user: String, _ rules: [some RedisArgument]) -> RedisCommand where Reply == Void {
        RedisCommand("ACL", decode: RedisReplies.ok) {
            $0.add("SETUSER", user)
            $0.all(rules)
        }
    }

    /// `ACL DELUSER user…`: how many were there. Their connections are closed.
    public static func aclDelUser(_ users: [String]) -> RedisCommand where Reply == Int {
        RedisCommand("ACL", decode: RedisReplies.integer) {
            $0.word("DELUSER")
            $0.all(users)
        }
    }

    /// `ACL DRYRUN user command argument…`: why the user may not do that, nil if it may. Redis 7.0.
    public static func aclDryrun(_ user: String, _ parts: [some RedisArgument]) -> RedisCommand where Reply == String? {
        let decode: @Sendable (RESPFrame) throws -> String? = {
            guard $0.kind == .simpleString else { return try RedisReplies.string($0) }
            try RedisReplies.ok($0)
            return nil
        }
        return RedisCommand("ACL", decode: decode) {
            $0.add("DRYRUN", user)
            $0.all(parts)
        }
    }

    /// `ACL GETUSER user`: its rules by name, as `flags`, `passwords` and `commands`; nil without it.
    public static func aclGetUser(_ user: String) -> RedisCommand where Reply == [String: RESPFrame]? {
        RedisCommand(
            "ACL", .two(ByteBuffer(staticString: "GETUSER"), user.redisArgument),
            decode: { $0.isNull ? nil : try RedisReplies.frameMap($0) })
    }

    /// `ACL LOG`: what users were refused, the latest first, each a map.
    ///
    /// - Parameter count: at most so many; 10 unless set.
    public static func aclLog(_ count: Int? = nil) -> RedisCommand where Reply == [[String: RESPFrame]] {
        RedisCommand("ACL", decode: { try RedisReplies.list($0, of: RedisReplies.frameMap) }) {
            $0.word("LOG")
            if let count { $0.add(count) }
        }
    }

    /// `ACL LOG RESET`: forgets what users were refused.
    public static func aclLogReset() -> RedisCommand where Reply == Void {
        RedisCommand("ACL", .two(ByteBuffer(staticString: "LOG"), ByteBuffer(staticString: "RESET")), decode: RedisReplies.ok)
    }

    /// `ACL GENPASS bits`: a password at random, in hexadecimal digits.
    public static func aclGenpass(bits: Int = 256) -> RedisCommand where Reply == String {
        RedisCommand("ACL", .two(ByteBuffer(staticString: "GENPASS"), bits.redisArgument), decode: RedisReplies.string)
    }
}
