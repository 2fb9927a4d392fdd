import NIOCore
import WeirRESP

/// HyperLogLogs: how many different elements there were, about.
extension RedisCommand {
    /// `PFADD key element…`: whether the estimate may have changed.
    public static func pfadd(_ key: some RedisArgument, _ elements: [some RedisArgument]) -> RedisCommand where Reply == Bool {
        RedisCommand("PFADD", keys: .first, decode: RedisReplies.flag) {
            $0.add(key)
            $0.all(elements)
        }
    }

    /// `PFCOUNT key…`: how many different elements all of them had together, within about one in a hundred.
    public static func pfcount(_ keys: [some RedisArgument]) -> RedisCommand where Reply == Int {
        RedisCommand("PFCOUNT", keys: .all, decode: RedisReplies.integer) { $0.all(keys) }
    }

    /// `PFMERGE destination key…`: adds to the destination what the others had.
    public static func pfmerge(_ keys: [some RedisArgument], into destination: some RedisArgument) -> RedisCommand where Reply == Void {
        RedisCommand("PFMERGE", keys: .all, decode: RedisReplies.ok) {
            $0.add(destination)
            $0.all(keys)
        }
    }
}
