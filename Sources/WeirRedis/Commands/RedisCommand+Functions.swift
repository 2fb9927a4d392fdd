public import NIOCore
public import WeirRESP

/// What a server that gets functions does with those it has.
public enum RedisFunctionRestore: String, Sendable, Hashable {
    /// Adds the new ones; fails if it has a library of the same name.
    case append = "APPEND"
    /// Deletes all it has first.
    case flush = "FLUSH"
    /// Adds the new ones in place of those of the same name.
    case replace = "REPLACE"
}

/// A library of functions.
public struct RedisFunctionLibrary: Sendable, Hashable {
    /// A function of a library.
    public struct Function: Sendable, Hashable {
        /// What `FCALL` calls it by.
        public var name: String
        /// What its author says of it.
        public var description: String?
        /// What it promises, as `no-writes`.
        public var flags: [String]

        @Sendable init(_ frame: RESPFrame) throws {
            let record = try RedisRecord(frame)
            self.name = try record.value("name", RedisReplies.string)
            self.description = try record.optional("description", RedisReplies.string)
            self.flags = try record.value("flags", RedisReplies.stringList)
        }
    }

    /// Its name.
    public var name: String
    /// What runs it, as `LUA`.
    public var engine: String
    /// Its functions.
    public var functions: [Function]
    /// Its text, if it was asked for.
    public var code: ByteBuffer?

    @Sendable init(_ frame: RESPFrame) throws {
        let record = try RedisRecord(frame)
        self.name = try record.value("library_name", RedisReplies.string)
        self.engine = try record.value("engine", RedisReplies.string)
        self.functions = try record.value("functions") { try RedisReplies.list($0, of: Function.init) }
        self.code = try record.optional("library_code", RedisReplies.bytes)
    }
}

/// Libraries of functions. Redis 7.0.
extension RedisCommand {
    /// `FUNCTION LOAD code`: the library's name.
    ///
    /// - Parameter replace: whether there may be a library of this name already.
    public static func functionLoad(_ code: some RedisArgument, replace: Bool = false) -> RedisCommand where Reply == String {
        RedisCommand("FUNCTION", decode: RedisReplies.string) {
            $0.word("LOAD")
            $0.word("REPLACE", if: replace)
            $0.add(code)
        }
    }

    /// `FUNCTION LIST`: the libraries there are.
    ///
    /// - Parameters:
    ///   - pattern: only those whose names match.
    ///   - withCode: with their text.
    public static func functionList(_ pattern: String? = nil, withCode: Bool = false) -> RedisCommand
    where Reply == [RedisFunctionLibrary] {
        RedisCommand("FUNCTION", decode: { try RedisReplies.list($0, of: RedisFunctionLibrary.init) }) {
            $0.word("LIST")
            $0.option("LIBRARYNAME", pattern)
            $0.word("WITHCODE", if: withCode)
        }
    }

    /// `FUNCTION DELETE library`; fails without it.
    public static func functionDelete(_ library: some RedisArgument) -> RedisCommand where Reply == Void {
        RedisCommand("FUNCTION", .two(ByteBuffer(staticString: "DELETE"), library.redisArgument), decode: RedisReplies.ok)
    }

    /// `FUNCTION FLUSH`: deletes all libraries.
    public static func functionFlush() -> RedisCommand where Reply == Void {
        RedisCommand("FUNCTION", .one(ByteBuffer(staticString: "FLUSH")), decode: RedisReplies.ok)
    }

    /// `FUNCTION DUMP`: all libraries, as ``functionRestore(_:_:)`` takes them.
    public static func functionDump() -> RedisCommand where Reply == ByteBuffer {
        RedisCommand("FUNCTION", .one(ByteBuffer(staticString: "DUMP")), decode: RedisReplies.bytes)
    }

    /// `FUNCTION RESTORE libraries`.
    public static func functionRestore(_ libraries: some RedisArgument, _ policy: RedisFunctionRestore = .append) -> RedisCommand
    where Reply == Void {
        RedisCommand("FUNCTION", decode: RedisReplies.ok) { $0.add("RESTORE", libraries, policy.rawValue) }
    }

    /// `FUNCTION KILL`: ends the function that runs; fails with `NOTBUSY` if none does, and with `UNKILLABLE` if it has written.
    public static func functionKill() -> RedisCommand where Reply == Void {
        RedisCommand("FUNCTION", .one(ByteBuffer(staticString: "KILL")), decode: RedisReplies.ok)
    }

    /// `FUNCTION STATS`: what runs now (`running_script`), and how many libraries and functions each engine has (`engines`).
    public static func functionStats() -> RedisCommand where Reply == [String: RESPFrame] {
        RedisCommand("FUNCTION", .one(ByteBuffer(staticString: "STATS")), decode: RedisReplies.frameMap)
    }
}
