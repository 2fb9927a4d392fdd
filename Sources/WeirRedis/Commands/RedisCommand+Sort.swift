public import NIOCore
import WeirRESP

/// How `SORT` sorts.
public struct RedisSort: Sendable, Hashable {
    /// Keys whose values decide in place of the elements: `weight_*`, or `h_*->field` for a field of a hash. Without a `*`, nothing is
    /// sorted.
    public var by: String?
    /// How many elements to leave out at the beginning, and how many to reply with after those.
    public var limit: (offset: Int, count: Int)? {
        get { self.range.map { ($0.offset, $0.count) } }
        set { self.range = newValue.map { Range(offset: $0.offset, count: $0.count) } }
    }
    private var range: Range?
    /// Keys whose values are replied with in place of the elements, as in ``by``; `#` is the element itself.
    public var get: [String]
    /// From the last to the first.
    public var isDescending: Bool
    /// By bytes; otherwise by number, and what is no number is an error.
    public var isAlphabetic: Bool

    private struct Range: Sendable, Hashable {
        var offset: Int
        var count: Int
    }

    /// Sorts like this. The patterns name keys that the command does not know for its own: a cluster refuses them in general.
    public init(
        by: String? = nil, limit: (offset: Int, count: Int)? = nil, get: [String] = [], isDescending: Bool = false,
        isAlphabetic: Bool = false
    ) {
        self.by = by
        self.get = get
        self.isDescending = isDescending
        self.isAlphabetic = isAlphabetic
        self.limit = limit
    }

    func add(to list: inout RedisArgumentList) {
        list.option("BY", self.by)
        if let range {
            list.word("LIMIT")
            list.add(range.offset, range.count)
        }
        for pattern in self.get { list.option("GET", pattern) }
        list.word("DESC", if: self.isDescending)
        list.word("ALPHA", if: self.isAlphabetic)
    }
}

/// Sorting of lists, sets and sorted sets.
extension RedisCommand {
    /// `SORT key`: the elements in order, or what ``RedisSort/get`` names of each, nil where there is nothing.
    public static func sort(_ key: some RedisArgument, _ order: RedisSort = RedisSort()) -> RedisCommand where Reply == [ByteBuffer?] {
        RedisCommand("SORT", keys: .first, decode: RedisReplies.optionalBytesList) {
            $0.add(key)
            order.add(to: &$0)
        }
    }

    /// `SORT_RO key`: as ``sort(_:_:)``, also from a replica. Redis 7.0.
    public static func sortRO(_ key: some RedisArgument, _ order: RedisSort = RedisSort()) -> RedisCommand where Reply == [ByteBuffer?] {
        RedisCommand("SORT_RO", keys: .first, decode: RedisReplies.optionalBytesList) {
            $0.add(key)
            order.add(to: &$0)
        }
    }

    /// `SORT key STORE destination`: how many elements the list at the destination has then.
    public static func sort(_ key: some RedisArgument, _ order: RedisSort = RedisSort(), storeIn destination: some RedisArgument)
        -> RedisCommand
    where Reply == Int {
        let arguments = RedisRequest.Arguments.list {
            $0.add(key)
            order.add(to: &$0)
            $0.option("STORE", destination)
        }
        var count = 0
        if case .many(let all) = arguments { count = all.count }
        return RedisCommand("SORT", arguments, keys: .first.and(count - 1), decode: RedisReplies.integer)
    }
}
