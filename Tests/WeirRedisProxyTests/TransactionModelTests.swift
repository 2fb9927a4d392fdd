import NIOCore
import RedisProcess
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// Sequences of commands about transactions have the same replies through the proxy as from the server itself, to the byte.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct TransactionModelTests {
    private enum Step: CustomStringConvertible {
        /// Commands that are sent together.
        case asks([[String]])
        /// Somebody else changes a key.
        case changes(String, database: Int)

        var description: String {
            switch self {
            case .asks(let commands): commands.map { $0.joined(separator: " ") }.joined(separator: "; ")
            case .changes(let key, let database): "(\(key) changes in \(database))"
            }
        }
    }

    private func steps(_ seed: UInt64) -> [Step] {
        var random = SplitMix64(seed: seed)
        return (0..<Int.random(in: 3...30, using: &random)).map { _ in
            let key = ["a", "b", "c"].randomElement(using: &random)!
            if Int.random(in: 0..<8, using: &random) == 0 { return .changes(key, database: Int.random(in: 0...1, using: &random)) }
            return .asks((0..<Int.random(in: 1...4, using: &random)).map { _ in self.command(&random) })
        }
    }

    private func command(_ random: inout SplitMix64) -> [String] {
        let key = ["a", "b", "c"].randomElement(using: &random)!
        let all: [[String]] = [
            ["MULTI"], ["MULTI"], ["MULTI"], ["EXEC"], ["EXEC"], ["EXEC"], ["DISCARD"], ["DISCARD"], ["WATCH", key], ["WATCH", key, "b"],
            ["UNWATCH"], ["MULTI", "x"], ["EXEC", "x"], ["DISCARD", "x"], ["WATCH"], ["UNWATCH", "x"], ["GET", key], ["GET", key],
            ["SET", key, "\(Int.random(in: 0...99, using: &random))"], ["INCR", key], ["APPEND", key, "x"], ["LPUSH", key, "1"],
            ["RPUSH", "list", "\(Int.random(in: 0...99, using: &random))"], ["GET"], ["NONSENSE", "x"], ["SELECT", "0"], ["SELECT", "1"],
            ["SELECT", "99"], ["BLPOP", "list", "0.001"], ["BLMOVE", "list", "other", "LEFT", "RIGHT", "0.001"], ["PING"], ["ECHO", key],
            ["XREAD", "BLOCK", "1", "STREAMS", "stream", "$"], ["EVAL", "return redis.call('GET', KEYS[1])", "1", key],
            ["HGETALL", "hash"],
            ["CLIENT", "NO-EVICT", "off"], ["DEL", key],
        ]
        return all.randomElement(using: &random)!
    }

    private func run(_ steps: [Step], _ client: TestClient, _ other: TestClient) async throws -> [String] {
        #expect(try await other.ask("FLUSHALL") == "+OK\r\n")
        var replies: [String] = []
        for step in steps {
            switch step {
            case .asks(let asked):
                client.send(commands(asked))
                replies += try await client.replies(asked.count)
            case .changes(let key, let database):
                other.send(commands([["SELECT", "\(database)"], ["SET", key, "7"]]))
                _ = try await other.replies(2)
            }
        }
        await client.close()
        return replies
    }

    @Test(arguments: [1, 2])
    func repliesAreThoseOfTheServer(group: UInt64) async throws {
        // So often it looks for those whose block has ended.
        try await withProxy(redis: ["--hz", "500"]) { proxy, redis in
            let other = try await TestClient.connect(redis.address)
            for seed in (group * 1000)..<(group * 1000 + 300) {
                let steps = self.steps(seed)
                let direct = try await self.run(steps, try await TestClient.connect(redis.address), other)
                let through = try await self.run(steps, try await proxy.connect(), other)
                #expect(direct == through, "seed \(seed): \(steps)")
                if direct != through { return }
            }
            try await eventually { try await proxy.openSessions() == 0 }
            #expect(try await proxy.statistics().active <= 2)
            await other.close()
            try await eventually { try await ServerClients.of(redis.address).areClean }
        }
    }
}
