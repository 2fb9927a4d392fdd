public import NIOCore
import WeirRESP

/// What `INFO` says.
public struct RedisInfo: Sendable, Hashable {
    /// Names and values of each section, by the section's name, as `Server`.
    public var sections: [String: [String: String]]

    /// The value of this name in whichever section has it; nil without it.
    public subscript(name: String) -> String? { self.sections.values.lazy.compactMap { $0[name] }.first }

    @Sendable init(_ frame: RESPFrame) throws {
        var sections: [String: [String: String]] = [:]
        var section = ""
        for line in try RedisReplies.string(frame).split(whereSeparator: \.isNewline) {
            if line.hasPrefix("#") {
                section = String(line.drop { $0 == "#" || $0 == " " })
                sections[section] = sections[section] ?? [:]
            } else {
                let name = line.prefix { $0 != ":" }
                if name.count < line.count { sections[section, default: [:]][String(name)] = String(line.dropFirst(name.count + 1)) }
            }
        }
        self.sections = sections
    }
}

/// What the server knows of a connection.
public struct RedisClientInfo: Sendable, Hashable {
    /// All it says, by its words: `addr`, `name`, `idle`, `cmd`, `flags`…
    public var values: [String: String]
    /// The connection's number.
    public var id: Int { self.values["id"].flatMap { Int($0) } ?? 0 }
    /// From where it comes.
    public var address: String { self.values["addr"] ?? "" }
    /// The name it was given.
    public var name: String { self.values["name"] ?? "" }

    init(line: Substring) {
        let pairs = line.split(separator: " ").compactMap { word -> (String, String)? in
            let name = word.prefix { $0 != "=" }
            return name.count < word.count ? (String(name), String(word.dropFirst(name.count + 1))) : nil
        }
        self.values = Dictionary(pairs) { first, _ in first }
    }

    @Sendable init(_ frame: RESPFrame) throws {
        let line = try RedisReplies.string(frame)
        self.init(line: line.prefix { !$0.isNewline })
    }

    @Sendable static func list(_ frame: RESPFrame) throws -> [RedisClientInfo] {
        try RedisReplies.string(frame).split(whereSeparator: \.isNewline).map(RedisClientInfo.init(line:))
    }
}

/// A command that took long.
public struct RedisSlowLogEntry: Sendable, Hashable {
    /// Its number.
    public var id: Int
    /// When it ran: a Unix time in seconds.
    public var seconds: Int
    /// For how long.
    public var duration: TimeAmount
    /// Its words, the longest cut by the server.
    public var arguments: [ByteBuffer]
    /// From where it came.
    public var clientAddress: String?
    /// The name of that connection.
    public var clientName: String?

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 4)
        self.id = try RedisReplies.integer(parts[0])
        self.seconds = try RedisReplies.integer(parts[1])
        self.duration = .microseconds(Int64(try RedisReplies.integer(parts[2])))
        self.arguments = try RedisReplies.bytesList(parts[3])
        self.clientAddress = parts.count > 4 ? try RedisReplies.optionalString(parts[4]) : nil
        self.clientName = parts.count > 5 ? try RedisReplies.optionalString(parts[5]) : nil
    }
}

/// The server's time.
public struct RedisTime: Sendable, Hashable {
    /// A Unix time in seconds.
    public var seconds: Int
    /// How much of the next second has passed.
    public var microseconds: Int

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 2)
        self.seconds = try RedisReplies.writtenInteger(parts[0])
        self.microseconds = try RedisReplies.writtenInteger(parts[1])
    }
}

/// When something last took long.
public struct RedisLatencyEvent: Sendable, Hashable {
    /// What, as `command`.
    public var event: String
    /// When: a Unix time in seconds.
    public var seconds: Int
    /// For how long then.
    public var latest: TimeAmount
    /// For how long at most.
    public var maximum: TimeAmount

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 4)
        self.event = try RedisReplies.string(parts[0])
        self.seconds = try RedisReplies.integer(parts[1])
        self.latest = try RedisReplies.milliseconds(parts[2])
        self.maximum = try RedisReplies.milliseconds(parts[3])
    }
}

/// When something took long, and for how long.
public struct RedisLatencySample: Sendable, Hashable {
    /// When: a Unix time in seconds.
    public var seconds: Int
    /// For how long.
    public var latency: TimeAmount

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 2)
        self.seconds = try RedisReplies.integer(parts[0])
        self.latency = try RedisReplies.milliseconds(parts[1])
    }
}

/// What a server is to others.
public enum RedisRole: Sendable, Hashable {
    /// A replica of a primary.
    public struct Replica: Sendable, Hashable {
        /// Where it is.
        public var host: String
        /// Its port.
        public var port: Int
        /// Up to which byte it has what the primary sent.
        public var offset: Int

        @Sendable init(_ frame: RESPFrame) throws {
            let parts = try RedisReplies.tuple(frame, atLeast: 3)
            self.host = try RedisReplies.string(parts[0])
            self.port = try RedisReplies.writtenInteger(parts[1])
            self.offset = try RedisReplies.writtenInteger(parts[2])
        }
    }

    /// Others copy it: how many bytes it has sent them, and who they are.
    case primary(offset: Int, replicas: [Replica])
    /// It copies another: where that is, how the link is (`connected`), and how many bytes it has got.
    case replica(host: String, port: Int, state: String, offset: Int)
    /// It watches over others: their names.
    case sentinel([String])

    @Sendable init(_ frame: RESPFrame) throws {
        let parts = try RedisReplies.tuple(frame, atLeast: 2)
        switch try RedisReplies.string(parts[0]) {
        case "master" where parts.count > 2:
            let replicas = try RedisReplies.list(parts[2], of: Replica.init)
            self = .primary(offset: try RedisReplies.writtenInteger(parts[1]), replicas: replicas)
        case "slave" where parts.count > 4:
            self = .replica(
                host: try RedisReplies.string(parts[1]), port: try RedisReplies.writtenInteger(parts[2]),
                state: try RedisReplies.string(parts[3]), offset: try RedisReplies.writtenInteger(parts[4]))
        case "sentinel": self = .sentinel(try RedisReplies.stringList(parts[1]))
        default: throw RedisReplies.unexpected(frame, "a role")
        }
    }
}
