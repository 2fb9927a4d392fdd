public import NIOCore

/// What `SCAN` or one of its kin finds, page by page: the next page is asked for when the one before has been taken, so no more than one
/// is held.
///
/// What is there from the beginning to the end is found, some of it perhaps several times; what comes or goes meanwhile may be found or
/// not. The server decides how many a page has: a small hash, set or sorted set comes as one.
///
/// Walk over it in a task that runs on the loop of its ``LocalRedis``; a task that is cancelled gets ``RedisError/Code/cancelled``.
public struct RedisScan<Element: Sendable>: AsyncSequence {
    public typealias Failure = RedisError

    let redis: LocalRedis
    let deadline: NIODeadline?
    let page: @Sendable (_ cursor: UInt64) -> RedisCommand<RedisScanPage<Element>>

    public func makeAsyncIterator() -> Iterator { Iterator(scan: self) }

    /// Goes from one to the next.
    public struct Iterator: AsyncIteratorProtocol {
        public typealias Failure = RedisError

        private let scan: RedisScan
        private var elements: [Element] = []
        private var index = 0
        /// Nil behind the last page.
        private var cursor: UInt64? = 0

        init(scan: RedisScan) { self.scan = scan }

        /// The next one, nil at the end.
        ///
        /// - Throws: ``RedisError`` if a page cannot be had; there is nothing more then.
        public mutating func next() async throws(RedisError) -> Element? {
            while self.index == self.elements.count {
                // Also nil if this page fails.
                guard let cursor = self.cursor.take() else { return nil }
                (self.elements, self.index) = ([], 0)
                let page = try await self.scan.redis.send(self.scan.page(cursor), deadline: self.scan.deadline)
                self.elements = page.elements
                self.cursor = page.cursor == 0 ? nil : page.cursor
            }
            defer { self.index += 1 }
            return self.elements[self.index]
        }
    }
}

extension LocalRedis {
    /// All keys of the database, by `SCAN`.
    ///
    /// - Parameters:
    ///   - match: a pattern: `*`, `?`, `[a-c]`, `\`.
    ///   - count: about how many keys to look at for a page; 10 unless set.
    ///   - type: only keys of this type. Redis 6.0.
    ///   - deadline: for all pages; otherwise each has ``RedisConfiguration/commandTimeout``.
    public func scan(match: String? = nil, count: Int? = nil, type: RedisType? = nil, deadline: NIODeadline? = nil) -> RedisScan<ByteBuffer>
    {
        RedisScan(redis: self, deadline: deadline) { .scan(cursor: $0, match: match, count: count, type: type) }
    }

    /// All fields of a hash, by `HSCAN`; for the parameters see ``scan(match:count:type:deadline:)``.
    public func hscan(
        _ key: some RedisArgument, match: String? = nil, count: Int? = nil, deadline: NIODeadline? = nil
    ) -> RedisScan<RedisField> {
        let key = key.redisArgument
        return RedisScan(redis: self, deadline: deadline) { .hscan(key, cursor: $0, match: match, count: count) }
    }

    /// All members of a set, by `SSCAN`; for the parameters see ``scan(match:count:type:deadline:)``.
    public func sscan(
        _ key: some RedisArgument, match: String? = nil, count: Int? = nil, deadline: NIODeadline? = nil
    ) -> RedisScan<ByteBuffer> {
        let key = key.redisArgument
        return RedisScan(redis: self, deadline: deadline) { .sscan(key, cursor: $0, match: match, count: count) }
    }

    /// All members of a sorted set with their scores, by `ZSCAN`; for the parameters see ``scan(match:count:type:deadline:)``.
    public func zscan(
        _ key: some RedisArgument, match: String? = nil, count: Int? = nil, deadline: NIODeadline? = nil
    ) -> RedisScan<RedisScoredMember> {
        let key = key.redisArgument
        return RedisScan(redis: self, deadline: deadline) { .zscan(key, cursor: $0, match: match, count: count) }
    }
}
