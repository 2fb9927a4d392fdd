import NIOCore
public import WeirRESP

/// What takes time and memory.
extension RedisCommand {
    /// `MEMORY USAGE key`: how many bytes it takes, nil without it.
    ///
    /// - Parameter samples: looks at so many elements of it, and takes them for the rest; at all if 0, at 5 unless set.
    public static func memoryUsage(_ key: some RedisArgument, samples: Int? = nil) -> RedisCommand where Reply == Int? {
        RedisCommand("MEMORY", keys: .second, decode: RedisReplies.optionalInteger) {
            $0.add("USAGE", key)
            $0.option("SAMPLES", samples)
        }
    }

    /// `MEMORY STATS`: where the server's memory went, by name: integers, doubles (strings in RESP2), and for each database a map.
    public static func memoryStats() -> RedisCommand where Reply == [String: RESPFrame] {
        RedisCommand("MEMORY", .one(ByteBuffer(staticString: "STATS")), decode: RedisReplies.frameMap)
    }

    /// `MEMORY DOCTOR`: advice, in words.
    public static func memoryDoctor() -> RedisCommand where Reply == String {
        RedisCommand("MEMORY", .one(ByteBuffer(staticString: "DOCTOR")), decode: RedisReplies.string)
    }

    /// `MEMORY PURGE`: gives back what memory it can.
    public static func memoryPurge() -> RedisCommand where Reply == Void {
        RedisCommand("MEMORY", .one(ByteBuffer(staticString: "PURGE")), decode: RedisReplies.ok)
    }

    // MARK: Commands that took long

    /// `SLOWLOG GET`: commands that took long, the latest first.
    ///
    /// - Parameter count: at most so many; 10 unless set.
    public static func slowlogGet(_ count: Int? = nil) -> RedisCommand where Reply == [RedisSlowLogEntry] {
        RedisCommand("SLOWLOG", decode: { try RedisReplies.list($0, of: RedisSlowLogEntry.init) }) {
            $0.word("GET")
            if let count { $0.add(count) }
        }
    }

    /// `SLOWLOG LEN`: how many there are.
    public static func slowlogLen() -> RedisCommand where Reply == Int {
        RedisCommand("SLOWLOG", .one(ByteBuffer(staticString: "LEN")), decode: RedisReplies.integer)
    }

    /// `SLOWLOG RESET`: forgets them.
    public static func slowlogReset() -> RedisCommand where Reply == Void {
        RedisCommand("SLOWLOG", .one(ByteBuffer(staticString: "RESET")), decode: RedisReplies.ok)
    }

    /// `LATENCY LATEST`: what took long, each as it was last. Empty unless `latency-monitor-threshold` is set.
    public static func latencyLatest() -> RedisCommand where Reply == [RedisLatencyEvent] {
        RedisCommand(
            "LATENCY", .one(ByteBuffer(staticString: "LATEST")), decode: { try RedisReplies.list($0, of: RedisLatencyEvent.init) })
    }

    /// `LATENCY HISTORY event`: when it took long.
    public static func latencyHistory(_ event: String) -> RedisCommand where Reply == [RedisLatencySample] {
        RedisCommand(
            "LATENCY", .two(ByteBuffer(staticString: "HISTORY"), event.redisArgument),
            decode: { try RedisReplies.list($0, of: RedisLatencySample.init) })
    }

    /// `LATENCY RESET event…`: how many were forgotten; all if none is named.
    public static func latencyReset(_ events: String...) -> RedisCommand where Reply == Int {
        RedisCommand("LATENCY", decode: RedisReplies.integer) {
            $0.word("RESET")
            $0.all(events)
        }
    }

    /// `LATENCY HISTOGRAM command…`: how often each took how long, as a map with `calls` and `histogram_usec`. Redis 7.0.
    public static func latencyHistogram(_ commands: String...) -> RedisCommand where Reply == [String: RESPFrame] {
        RedisCommand("LATENCY", decode: RedisReplies.frameMap) {
            $0.word("HISTOGRAM")
            $0.all(commands)
        }
    }

    /// `LATENCY DOCTOR`: advice, in words.
    public static func latencyDoctor() -> RedisCommand where Reply == String {
        RedisCommand("LATENCY", .one(ByteBuffer(staticString: "DOCTOR")), decode: RedisReplies.string)
    }

    /// `MODULE LIST`: the modules that are loaded, each a map with `name` and `ver`.
    public static func moduleList() -> RedisCommand where Reply == [RESPFrame] {
        RedisCommand("MODULE", .one(ByteBuffer(staticString: "LIST")), decode: { try RedisReplies.list($0) { $0 } })
    }
}

extension RedisReplies {
    @Sendable static func frameMap(_ frame: RESPFrame) throws -> [String: RESPFrame] {
        Dictionary(try self.pairs(frame, key: self.string) { $0 }.map { ($0.key, $0.value) }) { $1 }
    }
}
