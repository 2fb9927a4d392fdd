public import NIOCore

/// When a key is to expire.
public enum RedisExpiry: Sendable, Hashable {
    /// So long from now, rounded up to milliseconds, at least one.
    case after(TimeAmount)
    /// At a Unix time in milliseconds. `SET` and `GETEX` take it since Redis 6.2.
    case at(milliseconds: Int64)
    /// As it is set to expire already. `SET` takes it since Redis 6.0.
    case keep
    /// Never.
    case never

    /// As `SET` has it, which makes keys that never expire unless told otherwise.
    func addToSet(_ list: inout RedisArgumentList) {
        switch self {
        case .after, .at: self.addTime(&list)
        case .keep: list.word("KEEPTTL")
        case .never: break
        }
    }

    /// As `GETEX` has it, which changes nothing unless told otherwise.
    func addToGetex(_ list: inout RedisArgumentList) {
        switch self {
        case .after, .at: self.addTime(&list)
        case .keep: break
        case .never: list.word("PERSIST")
        }
    }

    private func addTime(_ list: inout RedisArgumentList) {
        switch self {
        case .after(let time): list.option("PX", time.redisMilliseconds)
        case .at(let milliseconds): list.option("PXAT", milliseconds)
        case .keep, .never: break
        }
    }
}

/// How long a key has still to live.
public enum RedisTimeToLive: Sendable, Hashable {
    /// There is no such key.
    case noKey
    /// It does not expire.
    case unlimited
    /// So long from now.
    case expires(TimeAmount)
}

/// When a key expires.
public enum RedisExpiryTime: Sendable, Hashable {
    /// There is no such key.
    case noKey
    /// It does not expire.
    case never
    /// At this Unix time in milliseconds.
    case at(milliseconds: Int64)
}

/// When `EXPIRE` and its kin are to do something. Redis 7.0.
public enum RedisExpireCondition: Sendable, Hashable {
    /// If the key does not expire yet (`NX`).
    case ifNeverExpires
    /// If the key expires already (`XX`).
    case ifExpires
    /// If it would live longer than now (`GT`); a key that does not expire counts as living for ever.
    case ifLater
    /// If it would live shorter than now (`LT`).
    case ifEarlier

    var word: StaticString {
        switch self {
        case .ifNeverExpires: "NX"
        case .ifExpires: "XX"
        case .ifLater: "GT"
        case .ifEarlier: "LT"
        }
    }
}
