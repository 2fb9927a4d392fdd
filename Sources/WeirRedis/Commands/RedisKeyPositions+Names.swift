import NIOCore

extension RedisKeyPositions {
    /// What is known of a command that was given by its parts: where its keys are behind its name. None if it has none, if this module
    /// does not know it, and if it is not as it should be.
    init(ofCommand parts: [ByteBuffer]) {
        let name = RedisTraits.word(parts, 0)
        if let known = Self.table[name] {
            self = known
        } else if let index = Self.counts[name] {
            self = Self.counted(parts, at: index)
        } else {
            self = Self.byOptions(name, parts)
        }
    }

    /// Commands whose keys are where their number stands, and behind it.
    private static func counted(_ parts: [ByteBuffer], at index: Int) -> RedisKeyPositions {
        let count = Int(RedisTraits.word(parts, index + 1)) ?? 0
        return count > 0 && count <= parts.count - index - 2 ? .counted(count, at: index + 1) : .none
    }

    /// Commands whose keys can only be found by reading what is before them.
    private static func byOptions(_ name: String, _ parts: [ByteBuffer]) -> RedisKeyPositions {
        switch name {
        case "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE":
            let sources = self.counted(parts, at: 1)
            return sources == .none ? .none : sources.and(0)
        case "OBJECT", "XINFO", "XGROUP", "PFDEBUG": return parts.count > 2 ? .second : .none
        case "MEMORY": return RedisTraits.word(parts, 1) == "USAGE" ? .second : .none
        case "XREAD", "XREADGROUP": return self.streams(parts)
        case "SORT": return self.destination(parts, from: 2, words: ["STORE": 1], skipping: ["LIMIT": 2, "GET": 1, "BY": 1])
        case "GEORADIUS": return self.destination(parts, from: 6, words: ["STORE": 1, "STOREDIST": 1], skipping: ["COUNT": 1])
        case "GEORADIUSBYMEMBER": return self.destination(parts, from: 5, words: ["STORE": 1, "STOREDIST": 1], skipping: ["COUNT": 1])
        case "MIGRATE":
            guard let keys = parts.indices.last(where: { $0 > 5 && RedisTraits.word(parts, $0) == "KEYS" }), parts[3].readableBytes == 0
            else { return RedisKeyPositions(first: 2, last: 2) }
            return .counted(parts.count - keys - 1, at: keys)
        default: return .none
        }
    }

    /// A key at the beginning, and perhaps one behind a word.
    private static func destination(
        _ parts: [ByteBuffer], from start: Int, words: [String: Int], skipping: [String: Int]
    ) -> RedisKeyPositions {
        var positions = RedisKeyPositions.first
        var index = start
        while index < parts.count {
            let word = RedisTraits.word(parts, index)
            if words[word] != nil, index + 1 < parts.count { positions = .first.and(index) }
            index += 1 + (words[word] ?? skipping[word] ?? 0)
        }
        return positions
    }

    /// The first half of what follows `STREAMS`.
    private static func streams(_ parts: [ByteBuffer]) -> RedisKeyPositions {
        let options = ["COUNT": 2, "BLOCK": 2, "GROUP": 3, "NOACK": 1]
        var index = 1
        while let length = options[RedisTraits.word(parts, index)] { index += length }
        let rest = parts.count - index - 1
        return RedisTraits.word(parts, index) == "STREAMS" && rest % 2 == 0 ? .counted(rest / 2, at: index) : .none
    }

    /// Where the number of keys stands, among what follows the name.
    private static let counts: [String: Int] = [
        "LMPOP": 0, "ZMPOP": 0, "SINTERCARD": 0, "ZINTERCARD": 0, "ZDIFF": 0, "ZINTER": 0, "ZUNION": 0, "BLMPOP": 1, "BZMPOP": 1, "EVAL": 1,
        "EVAL_RO": 1, "EVALSHA": 1, "EVALSHA_RO": 1, "FCALL": 1, "FCALL_RO": 1,
    ]

    /// Those of Redis 7.0 whose keys are always at the same places.
    private static let table: [String: RedisKeyPositions] = {
        var table: [String: RedisKeyPositions] = [:]
        func add(_ positions: RedisKeyPositions, _ names: String) {
            for name in names.split(whereSeparator: { $0 == " " || $0 == "\n" }) { table[String(name)] = positions }
        }
        add(
            .first,
            """
            APPEND BITCOUNT BITFIELD BITFIELD_RO BITPOS DECR DECRBY DUMP EXPIRE EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS
            GEORADIUS_RO GEORADIUSBYMEMBER_RO GEOSEARCH GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HGET HGETALL HINCRBY
            HINCRBYFLOAT HKEYS HLEN HMGET HMSET HRANDFIELD HSCAN HSET HSETNX HSTRLEN HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT LLEN
            LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MOVE PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PFADD PSETEX PTTL RESTORE
            RESTORE-ASKING RPOP RPUSH RPUSHX SADD SCARD SET SETBIT SETEX SETNX SETRANGE SISMEMBER SMEMBERS SMISMEMBER SORT_RO SPOP
            SPUBLISH SRANDMEMBER SREM SSCAN STRLEN SUBSTR TTL TYPE XACK XADD XAUTOCLAIM XCLAIM XDEL XLEN XPENDING XRANGE XREVRANGE XSETID
            XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREM
            ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE
            """)
        add(.firstTwo, "BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE")
        add(
            .all,
            """
            DEL EXISTS MGET PFCOUNT PFMERGE SDIFF SDIFFSTORE SINTER SINTERSTORE SSUBSCRIBE SUNION SUNIONSTORE SUNSUBSCRIBE TOUCH UNLINK
            WATCH
            """)
        add(.allButLast, "BLPOP BRPOP BZPOPMAX BZPOPMIN")
        add(RedisKeyPositions(first: 0, last: -2, step: 2), "MSET MSETNX")
        add(RedisKeyPositions(first: 1, last: -1), "BITOP")
        return table
    }()
}
