import NIOCore
import Testing
import WeirCore
import WeirRESP

@testable import WeirRedis

/// What the client adds to commands, against a real server.
@Suite(.serialized, .enabled(if: realURL != nil, "WEIR_REDIS_URL names no Redis")) struct ClientTests {
    @Test(arguments: [RESPVersion.resp2, .resp3]) func scriptsAreSentOnceOnly(version: RESPVersion) async throws {
        try await withRealRedis(version, database: 10) { pool, loop in
            let redis = pool[loop]
            let script = RedisScript("return {KEYS[1], ARGV[1], \(UInt64.random(in: 0 ... .max) >> 12)}")
            #expect(try await redis.send(.scriptExists([script.digest])) == [false])
            let first = try await redis.run(script, keys: ["k"], arguments: [1, "b"] as [RedisValue])
            #expect(first.elements?.first { _ in true }?.string == b("k"))
            #expect(try await redis.send(.scriptExists([script.digest])) == [true])
            let second = try await redis.run(script, keys: [b("k")], arguments: [b("1")]).get()
            #expect(RESPValue(second) == RESPValue(first))
            let reading = RedisScript("return \(UInt64.random(in: 0 ... .max) >> 12)")
            let third = try await redis.run(reading, readOnly: true).get()
            #expect(third.integer == (try await redis.run(reading, readOnly: true)).integer)
        }
    }

    @Test func scriptsFailAsTheServerSays() async throws {
        try await withRealRedis(.resp3, database: 10) { pool, loop in
            let redis = pool[loop]
            let script = RedisScript("return redis.error_reply('WRONGTYPE of \(UInt64.random(in: 0 ... .max))')")
            for _ in 0..<2 {
                let error = await #expect(throws: RedisError.self) { try await redis.run(script) }
                #expect(error?.serverErrorKind == .wrongType)
            }
        }
    }

    @Test(arguments: [RESPVersion.resp2, .resp3]) func scansFindEverything(version: RESPVersion) async throws {
        try await withRealRedis(version, database: 10) { pool, loop in
            let redis = pool[loop]
            let names = (0..<1000).map { "name:\($0)" }
            _ = try await redis.send(.mset(names.map { (key: $0, value: "v") }))
            _ = try await redis.send(.hset("hash", names.map { (key: $0, value: "v\($0)") }))
            _ = try await redis.send(.sadd("set", names))
            _ = try await redis.send(.zadd("zset", names.enumerated().map { (key: $0.element, value: Double($0.offset)) }))
            var found: Set<String> = []
            for try await key in redis.scan(match: "name:*", count: 50, type: .string) { found.insert(String(buffer: key)) }
            #expect(found == Set(names))
            var fields: [String: String] = [:]
            for try await field in redis.hscan("hash", count: 50) { fields[String(buffer: field.name)] = String(buffer: field.value) }
            #expect(fields == Dictionary(uniqueKeysWithValues: names.map { ($0, "v\($0)") }))
            var members: Set<String> = []
            for try await member in redis.sscan("set", match: "*7") { members.insert(String(buffer: member)) }
            #expect(members == Set(names.filter { $0.hasSuffix("7") }))
            var sum = 0.0
            var scored: Set<ByteBuffer> = []
            for try await member in redis.zscan("zset") where scored.insert(member.member).inserted { sum += member.score }
            #expect(sum == 499_500)
            for try await _ in redis.sscan("nope") { Issue.record("there is nothing to be found") }
        }
    }

    /// Pages are asked for when they are needed, and not after the end of interest.
    @Test func scansAskOnDemand() async throws {
        try await withRealRedis(.resp3, database: 10) { pool, loop in
            let redis = pool[loop]
            _ = try await redis.send(.mset((0..<2000).map { (key: "k\($0)", value: "v") }))
            func calls() async throws -> Int {
                let text = try await redis.send(.info("commandstats"))["cmdstat_scan"] ?? "calls=0,"
                return Int(text.dropFirst("calls=".count).prefix { $0 != "," }) ?? 0
            }
            let before = try await calls()
            var count = 0
            for try await _ in redis.scan(count: 10) {
                count += 1
                if count == 15 { break }
            }
            let after = try await calls()
            #expect((1...8).contains(after - before))
        }
    }

    @Test func scansEndWithTheirTask() async throws {
        try await withRealRedis(.resp3, database: 10) { pool, loop in
            let redis = pool[loop]
            _ = try await redis.send(.mset((0..<2000).map { (key: "k\($0)", value: "v") }))
            let bound = NIOLoopBound(redis, eventLoop: loop)
            let task = Task(executorPreference: loop.weirExecutor) { () -> (Int, RedisError?) in
                var count = 0
                do {
                    for try await _ in bound.value.scan(count: 10) {
                        count += 1
                        if count == 25 { withUnsafeCurrentTask { $0?.cancel() } }
                    }
                    return (count, nil)
                } catch {
                    return (count, error as? RedisError)
                }
            }
            let (count, error) = await task.value
            #expect(error?.code == .cancelled && (25..<60).contains(count))
            // A scan of something else than a set fails, once.
            _ = try await redis.send(.set("string", to: "x"))
            var iterator = redis.sscan("string").makeAsyncIterator()
            let refused = await #expect(throws: RedisError.self) { try await iterator.next() }
            #expect(refused?.serverErrorKind == .wrongType)
            #expect(try await iterator.next() == nil)
        }
    }

    /// A value that was dumped is restored as it was.
    @Test(arguments: [RESPVersion.resp2, .resp3]) func restoresWhatWasDumped(version: RESPVersion) async throws {
        try await withRealRedis(version, database: 10) { pool, loop in
            let redis = pool[loop]
            _ = try await redis.send(.hset("h", ["a": "1"]))
            let dump = try #require(try await redis.send(.dump("h")))
            try await redis.send(.restore("i", from: dump, timeToLive: .seconds(50)))
            #expect(try await redis.send(.hgetall("i")) == [b("a"): b("1")])
            let error = await #expect(throws: RedisError.self) { try await redis.send(.restore("i", from: dump)) }
            #expect(error?.serverErrorKind == RedisServerErrorKind("BUSYKEY"))
            try await redis.send(.restore("i", from: dump, replace: true))
            #expect(try await redis.send(.ttl("i")) == .unlimited)
        }
    }

    /// What needs a connection of its own is refused on a shared one.
    @Test func whatBlocksIsRefusedOnSharedConnections() async throws {
        try await withRealRedis(.resp3, database: 10) { pool, loop in
            let redis = pool[loop]
            for request in [
                RedisCommand.blpop(["k"], timeout: nil).request, RedisCommand.xreadBlocking(["k": .end], timeout: nil).request,
                RedisCommand.select(1).request, RedisCommand.clientSetName("x").request,
            ] {
                let error = await #expect(throws: RedisError.self) { try await redis.send(RedisCommand(request) { $0 }) }
                #expect(error?.code == .needsLease)
            }
        }
    }
}
