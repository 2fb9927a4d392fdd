public import NIOCore
public import WeirRESP

/// Which connections `CLIENT KILL` closes: those that all of these fit, which are all others if nothing is set.
public struct RedisClientFilter: Sendable, Hashable {
    /// The one of this number.
    public var id: Int?
    /// The one from this address, with its port.
    public var address: String?
    /// Those to this address of the server, with its port. Redis 6.2.
    public var localAddress: String?
    /// Those of this user. Redis 6.0.
    public var user: String?
    /// Those of this kind: `normal`, `master`, `replica`, `pubsub`.
    public var type: String?
    /// Not the connection that asks, as is usual.
    public var skipsItself: Bool

    /// Those that all of these fit.
    public init(
        id: Int? = nil, address: String? = nil, localAddress: String? = nil, user: String? = nil, type: String? = nil,
        skipsItself: Bool = true
    ) {
        self.id = id
        self.address = address
        self.localAddress = localAddress
        self.user = user
        self.type = type
        self.skipsItself = skipsItself
    }
}

/// Connections.
extension RedisCommand {
    /// `CLIENT ID`: the number of the connection that asks.
    public static func clientID() -> RedisCommand where Reply == Int {
        RedisCommand("CLIENT", .one(ByteBuffer(staticString: "ID")), decode: RedisReplies.integer)
    }

    /// `CLIENT INFO`: the connection that asks. Redis 6.2.
    public static func clientInfo() -> RedisCommand where Reply == RedisClientInfo {
        RedisCommand("CLIENT", .one(ByteBuffer(staticString: "INFO")), decode: RedisClientInfo.init)
    }

    /// `CLIENT LIST`: all connections.
    ///
    /// - Parameters:
    ///   - type: only those of this kind: `normal`, `master`, `replica`, `pubsub`.
    ///   - ids: only those of these numbers, if there are any. Redis 6.2.
    public static func clientList(type: String? = nil, ids: [Int] = []) -> RedisCommand where Reply == [RedisClientInfo] {
        RedisCommand("CLIENT", decode: RedisClientInfo.list) {
            $0.word("LIST")
            $0.option("TYPE", type)
            $0.word("ID", if: !ids.isEmpty)
            $0.all(ids)
        }
    }

    /// `CLIENT KILL`: how many connections were closed.
    public static func clientKill(_ filter: RedisClientFilter) -> RedisCommand where Reply == Int {
        RedisCommand("CLIENT", decode: RedisReplies.integer) {
            $0.word("KILL")
            $0.option("ID", filter.id)
            $0.option("ADDR", filter.address)
            $0.option("LADDR", filter.localAddress)
            $0.option("USER", filter.user)
            $0.option("TYPE", filter.type)
            $0.option("SKIPME", filter.skipsItself ? "yes" : "no")
        }
    }

    /// `CLIENT GETNAME`: the name of the connection that asks, nil without one.
    public static func clientGetName() -> RedisCommand where Reply == String? {
        RedisCommand("CLIENT", .one(ByteBuffer(staticString: "GETNAME")), decode: RedisReplies.optionalString)
    }

    /// `CLIENT SETNAME name`: letters without blanks. Needs a connection of its own; ``RedisConfiguration/clientName`` names all others.
    public static func clientSetName(_ name: String) -> RedisCommand where Reply == Void {
        RedisCommand(
            "CLIENT", .two(ByteBuffer(staticString: "SETNAME"), name.redisArgument), traits: .changesConnection, decode: RedisReplies.ok)
    }

    /// `CLIENT NO-EVICT`: whether the server spares the connection when it closes some for want of memory. Needs a connection of its own.
    /// Redis 7.0.
    public static func clientNoEvict(_ isSpared: Bool) -> RedisCommand where Reply == Void {
        RedisCommand(
            "CLIENT", .two(ByteBuffer(staticString: "NO-EVICT"), (isSpared ? "ON" : "OFF").redisArgument), traits: .changesConnection,
            decode: RedisReplies.ok)
    }

    /// `CLIENT UNBLOCK id`: whether the connection of this number waited in a blocking command, which ends as if its time was up.
    ///
    /// - Parameter withError: it ends with the error `UNBLOCKED`.
    public static func clientUnblock(_ id: Int, withError: Bool = false) -> RedisCommand where Reply == Bool {
        RedisCommand("CLIENT", keys: .none, decode: RedisReplies.flag) {
            $0.add("UNBLOCK", id)
            $0.word("ERROR", if: withError)
        }
    }

    /// `CLIENT PAUSE milliseconds`: the server lets everyone wait for so long, this client too.
    ///
    /// - Parameter writesOnly: only those who write. Redis 6.2.
    public static func clientPause(_ time: TimeAmount, writesOnly: Bool = false) -> RedisCommand where Reply == Void {
        RedisCommand("CLIENT", decode: RedisReplies.ok) {
            $0.add("PAUSE", time.redisMilliseconds)
            $0.word("WRITE", if: writesOnly)
        }
    }

    /// `CLIENT UNPAUSE`: ends ``clientPause(_:writesOnly:)``. Redis 6.2.
    public static func clientUnpause() -> RedisCommand where Reply == Void {
        RedisCommand("CLIENT", .one(ByteBuffer(staticString: "UNPAUSE")), decode: RedisReplies.ok)
    }

    /// `CLIENT GETREDIR`: to which connection invalidations go: -1 without tracking, 0 to the same. Redis 6.0.
    public static func clientGetRedir() -> RedisCommand where Reply == Int {
        RedisCommand("CLIENT", .one(ByteBuffer(staticString: "GETREDIR")), decode: RedisReplies.integer)
    }

    /// `CLIENT TRACKINGINFO`: what the connection that asks is told of keys that change: `flags`, `redirect`, `prefixes`. Redis 6.2.
    public static func clientTrackingInfo() -> RedisCommand where Reply == [String: RESPFrame] {
        RedisCommand("CLIENT", .one(ByteBuffer(staticString: "TRACKINGINFO")), decode: RedisReplies.frameMap)
    }
}
