/// What a proxy whose clients share connections does with each command that is not simply passed on: the one place where that is said.
///
/// What is not named here is forwarded over a shared connection: it depends on nothing but its arguments and the server. Names are of
/// Redis 7.4; what a module adds is forwarded.
public enum RedisProxyTable {
    /// What is done with a command.
    public enum Treatment: String, Hashable, Sendable, CaseIterable {
        /// Goes over the shared connection.
        case forwarded
        /// Answered by the proxy.
        case answered
        /// Moves the client to the shared connection of those who have the same user, database and version.
        case moved
        /// Has a connection of its own for as long as it runs.
        case leased
        /// Gives the client a connection of its own, until what it began has ended.
        case held
        /// Gives the client a connection of its own until it leaves.
        case kept
        /// Answered with an error.
        case refused
    }

    /// A row of the table.
    public struct Row: Sendable {
        /// In upper case.
        public let command: StaticString
        /// In upper case; nil for all that have no row of their own.
        public let subcommand: StaticString?
        public let treatment: Treatment
        public let reason: StaticString
        let action: RedisProxyAction
    }

    private static func row(
        _ command: StaticString, _ treatment: Treatment, _ action: RedisProxyAction, _ reason: StaticString
    ) -> Row {
        Row(command: command, subcommand: nil, treatment: treatment, reason: reason, action: action)
    }

    private static func row(
        _ command: StaticString, _ subcommand: StaticString, _ treatment: Treatment, _ action: RedisProxyAction, _ reason: StaticString
    ) -> Row {
        Row(command: command, subcommand: subcommand, treatment: treatment, reason: reason, action: action)
    }

    public static let rows: [Row] = [
        row("SELECT", .moved, .select, "clients of one database share connections"),
        row("AUTH", .moved, .auth, "clients of one user share connections; with a list of users the proxy answers"),
        row("HELLO", .moved, .hello, "clients of one version of RESP share connections; the name stays with the client"),
        row("RESET", .answered, .reset, "the client is as new; what it had leased is closed"),
        row("QUIT", .answered, .quit, "the shared connection must not be closed"),

        row("MULTI", .held, .multi, "until EXEC or DISCARD"),
        row("EXEC", .held, .exec, "ends MULTI and WATCH"),
        row("DISCARD", .held, .exec, "ends MULTI and WATCH"),
        row("WATCH", .held, .watch, "until EXEC, DISCARD or UNWATCH"),
        row("UNWATCH", .held, .unwatch, "ends WATCH"),
        row("SUBSCRIBE", .held, .subscribe, "until the last subscription ends"),
        row("PSUBSCRIBE", .held, .subscribe, "until the last subscription ends"),
        row("SSUBSCRIBE", .held, .subscribe, "until the last subscription ends"),
        row("UNSUBSCRIBE", .held, .subscribe, "ends subscriptions, and answers as often as there were"),
        row("PUNSUBSCRIBE", .held, .subscribe, "ends subscriptions, and answers as often as there were"),
        row("SUNSUBSCRIBE", .held, .subscribe, "ends subscriptions, and answers as often as there were"),

        row("BLPOP", .leased, .lease, "blocks its connection"),
        row("BRPOP", .leased, .lease, "blocks its connection"),
        row("BRPOPLPUSH", .leased, .lease, "blocks its connection"),
        row("BLMOVE", .leased, .lease, "blocks its connection"),
        row("BLMPOP", .leased, .lease, "blocks its connection"),
        row("BZPOPMIN", .leased, .lease, "blocks its connection"),
        row("BZPOPMAX", .leased, .lease, "blocks its connection"),
        row("BZMPOP", .leased, .lease, "blocks its connection"),
        row("XREAD", .leased, .leaseToBlock, "with BLOCK; forwarded without"),
        row("XREADGROUP", .leased, .leaseToBlock, "with BLOCK; forwarded without"),
        row("WAIT", .leased, .wait, "blocks its connection, which first learns how far the replicas must be"),
        row("WAITAOF", .leased, .wait, "blocks its connection, which first learns how far the log must be"),
        row("SCRIPT", "KILL", .leased, .lease, "the shared connection may wait for the very script"),
        row("FUNCTION", "KILL", .leased, .lease, "the shared connection may wait for the very function"),

        row("MONITOR", .kept, .monitor, "its answer never ends"),
        row("CLIENT", "ID", .kept, .keep, "who asks for a number gets a connection to which it belongs"),
        row("CLIENT", "INFO", .kept, .keep, "as CLIENT ID"),
        row("CLIENT", "TRACKING", .kept, .keep, "invalidations must reach the client that asked for them"),
        row("CLIENT", "TRACKINGINFO", .kept, .keep, "as CLIENT TRACKING"),
        row("CLIENT", "GETREDIR", .kept, .keep, "as CLIENT TRACKING"),
        row("CLIENT", "CACHING", .kept, .keep, "is about the next command of its connection"),
        row("CLIENT", "NO-EVICT", .kept, .keep, "is a mark of its connection"),
        row("CLIENT", "NO-TOUCH", .kept, .keep, "is a mark of its connection"),
        row("CLIENT", "SETNAME", .answered, .setName, "the name is kept by the proxy, and given to connections of one's own"),
        row("CLIENT", "GETNAME", .answered, .getName, "as CLIENT SETNAME"),
        row("CLIENT", "SETINFO", .answered, .setInfo, "what library a client uses is no matter of a shared connection"),
        row("CLIENT", "REPLY", .answered, .reply, "replies are dropped by the proxy"),
        row("CLIENT", "KILL", .refused, .refuse, "the server's connections are shared by clients of the proxy"),
        row("CLIENT", .forwarded, .forward, "LIST, PAUSE, UNPAUSE, UNBLOCK and HELP are about the server"),
        row("READONLY", .kept, .keep, "is a mark of its connection"),
        row("READWRITE", .kept, .keep, "is a mark of its connection"),
        row("ASKING", .kept, .keep, "is about the next command of its connection"),

        row("SCRIPT", "DEBUG", .refused, .refuse, "stops the server for all clients"),
        row("SCRIPT", .forwarded, .forward, "scripts belong to the server"),
        row("FUNCTION", .forwarded, .forward, "functions belong to the server"),
        row("CONFIG", .forwarded, .forward, "belongs to the server, whose access list decides"),
        row("DEBUG", .refused, .refuse, "stops or ends the server for all clients"),
        row("SHUTDOWN", .refused, .refuse, "ends the server for all clients"),
        row("FAILOVER", .refused, .refuse, "takes the server from under its clients"),
        row("REPLICAOF", .refused, .refuse, "takes the server from under its clients"),
        row("SLAVEOF", .refused, .refuse, "takes the server from under its clients"),
        row("SYNC", .refused, .refuse, "replicas connect to the server itself"),
        row("PSYNC", .refused, .refuse, "replicas connect to the server itself"),
        row("REPLCONF", .refused, .refuse, "replicas connect to the server itself"),
        row("POST", .refused, .close, "a browser was made to send this; the connection is closed, as Redis does it"),
        row("HOST:", .refused, .close, "a browser was made to send this; the connection is closed, as Redis does it"),
    ]
}

/// What the code does for a row.
enum RedisProxyAction: UInt8 {
    case forward
    case select, auth, hello, reset, quit
    case multi, exec, watch, unwatch, subscribe
    case lease, leaseToBlock, wait
    case monitor, keep
    case setName, getName, setInfo, reply
    case refuse, close
    /// The subcommand decides.
    case bySubcommand
}

/// The table, ready to be asked for each command.
final class RedisProxyLookup {
    private struct Place {
        var name = RedisCommandName()
        var action = RedisProxyAction.forward
    }

    private static var capacity: Int { 256 }
    private let places: UnsafeMutablePointer<Place>
    private var subcommands: [[RedisCommandName]: RedisProxyTable.Row] = [:]
    private var commands: [RedisCommandName: RedisProxyTable.Row] = [:]

    init() {
        self.places = .allocate(capacity: Self.capacity)
        self.places.initialize(repeating: Place(), count: Self.capacity)
        for row in RedisProxyTable.rows {
            let name = RedisCommandName(row.command).folded
            if let subcommand = row.subcommand {
                self.subcommands[[name, RedisCommandName(subcommand).folded]] = row
            } else {
                self.commands[name] = row
            }
            self.insert(name, row.subcommand == nil && self.action(of: name) == .forward ? row.action : .bySubcommand)
        }
    }

    deinit { self.places.deallocate() }

    private func insert(_ name: RedisCommandName, _ action: RedisProxyAction) {
        guard action != .forward else { return }
        var index = Int(truncatingIfNeeded: name.hash >> 56)
        while self.places[index].action != .forward, self.places[index].name != name { index = (index + 1) % Self.capacity }
        self.places[index] = Place(name: name, action: action)
    }

    /// What is done with a command of this name.
    @inline(__always)
    func action(of name: RedisCommandName) -> RedisProxyAction {
        let name = name.folded
        var index = Int(truncatingIfNeeded: name.hash >> 56)
        while self.places[index].action != .forward {
            if self.places[index].name == name { return self.places[index].action }
            index = (index + 1) & (Self.capacity - 1)
        }
        return .forward
    }

    /// The row of a command, if it has one.
    func row(of name: RedisCommandName, _ subcommand: RedisCommandName?) -> RedisProxyTable.Row? {
        subcommand.flatMap { self.subcommands[[name.folded, $0.folded]] } ?? self.commands[name.folded]
    }
}
