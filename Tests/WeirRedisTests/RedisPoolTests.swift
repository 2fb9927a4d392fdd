import NIOCore
import NIOPosix
import Testing
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// The same for every server there is.
@Suite struct RedisPoolTests {
    @Test(arguments: TestServer.available) func setsGetsAndDeletes(server: TestServer) async throws {
        try await withRedis(server) { (redis) async throws in
            let key = ByteBuffer(string: "weir:test:\(UInt64.random(in: 0 ... .max))")
            let value = ByteBuffer(bytes: [0, 13, 10, 255, 42])
            let loop = testGroup.next()
            try await loop.flatSubmit { redis[loop].send(.get(key)) }.map { #expect($0 == nil) }.get()
            try await loop.flatSubmit { redis[loop].send(.set(key, to: value)) }.get()
            try await loop.flatSubmit { redis[loop].send(.get(key)) }.map { #expect($0 == value) }.get()
            try await loop.flatSubmit { redis[loop].send(.delete(key)) }.map { #expect($0) }.get()
            try await loop.flatSubmit { redis[loop].send(.delete(key)) }.map { #expect(!$0) }.get()
        }
    }

    @Test(arguments: TestServer.available) func argumentsCannotInject(server: TestServer) async throws {
        try await withRedis(server) { (redis) async throws in
            let key = ByteBuffer(string: "weir:test:\r\n*1\r\n$8\r\nFLUSHALL\r\n\(UInt64.random(in: 0 ... .max))")
            try await redis.send(.set(key, to: ByteBuffer(string: "\r\n"), expiry: .seconds(60)))
            #expect(try await redis.send(.get(key)) == ByteBuffer(string: "\r\n"))
            guard case .integer(let milliseconds) = try await redis.value(.raw(["PTTL", key])) else {
                Issue.record("no number")
                return
            }
            #expect((1...60_000).contains(milliseconds))
            _ = try await redis.send(.delete(key))
        }
    }

    @Test(arguments: TestServer.available) func errorsOfTheServerAreTyped(server: TestServer) async throws {
        try await withRedis(server) { (redis) async throws in
            let unknown = await #expect(throws: RedisError.self) { try await redis.send(.raw(["NOSUCHCOMMAND", "secret"])) }
            #expect(unknown?.code == .serverError && unknown?.serverErrorKind == .error)
            #expect(!String(reflecting: unknown).contains("secret"))
            // The connection is as good as before.
            let reply1 = try await redis.value(.raw(["PING"]))
            #expect(reply1 == .simple("PONG"))
        }
    }

    @Test(arguments: TestServer.available) func manyAtOnceGetEachItsOwn(server: TestServer) async throws {
        try await withRedis(server) { (redis) async throws in
            let prefix = "weir:test:\(UInt64.random(in: 0 ... .max))"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        let loop = testGroup.next()
                        let key = ByteBuffer(string: "\(prefix):\(index)")
                        _ = try await redis.send(.set(key, to: ByteBuffer(string: "\(index)"), expiry: .seconds(60)), on: loop)
                        #expect(try await redis.send(.get(key), on: loop) == ByteBuffer(string: "\(index)"))
                        _ = try await redis.send(.delete(key), on: loop)
                    }
                }
                try await group.waitForAll()
            }
            let statistics = try await redis.connections.statistics().get()
            // One lease of each loop, which all its commands share.
            let loops = Array(testGroup.makeIterator()).count
            #expect(statistics.leases == loops && statistics.connects == loops && statistics.active == loops)
            #expect(statistics.dropped == 0 && statistics.leaks == 0)
        }
    }

    @Test(arguments: TestServer.available) func largeValuesComeBackWhole(server: TestServer) async throws {
        try await withRedis(server) { (redis) async throws in
            let key = ByteBuffer(string: "weir:test:large:\(UInt64.random(in: 0 ... .max))")
            let value = ByteBuffer(bytes: (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            _ = try await redis.send(.set(key, to: value, expiry: .seconds(60)))
            #expect(try await redis.send(.get(key)) == value)
            _ = try await redis.send(.delete(key))
        }
    }

    @Test func repliesComeOnTheLoop() async throws {
        try await withRedis { (redis) async throws in
            for loop in testGroup.makeIterator() {
                try await loop.flatSubmit {
                    redis[loop].send(.get("k")).always { _ in loop.preconditionInEventLoop() }
                }.map { #expect($0 == nil) }.get()
            }
        }
    }

    // MARK: Login

    @Test func logsInAndSelects() async throws {
        var configuration = EmbeddedRESPServer.Configuration()
        configuration.password = "p@ss word"
        configuration.user = "me"
        let server = try await EmbeddedRESPServer.start(on: testGroup, configuration: configuration).get()
        try await withRedis(url: RedisURL("redis://me:p%40ss%20word@127.0.0.1:\(server.port)")) { (redis) async throws in
            let reply2 = try await redis.value(.raw(["PING"]))
            #expect(reply2 == .simple("PONG"))
        }
        try await server.shutdown().get()
    }

    @Test(arguments: ["redis://me:wrong@127.0.0.1", "redis://:wrong@127.0.0.1", "redis://me:hidden@127.0.0.1/7"])
    func refusedLoginIsTypedAndBounded(url: String) async throws {
        var configuration = EmbeddedRESPServer.Configuration()
        configuration.password = "hidden"
        configuration.user = "me"
        let server = try await EmbeddedRESPServer.start(on: testGroup, configuration: configuration).get()
        var target = try RedisURL(url)
        target.port = server.port
        var pool = PoolConfiguration(maximum: 64)
        pool.circuitThreshold = 1
        try await withRedis(url: target, pool: pool) { (redis) async throws in
            for _ in 0..<20 {
                let error = await #expect(throws: RedisError.self) { try await redis.send(.ping) }
                #expect(error?.code == .noConnection)
                let cause = (error?.cause as? PoolError)?.cause as? RedisError
                #expect(cause?.code == .authenticationFailed)
                for secret in ["wrong", "hidden"] { #expect(!String(reflecting: error).contains(secret)) }
            }
            // No storm: the pool waits between its attempts.
            let statistics = try await redis.connections.statistics().get()
            #expect(statistics.connectFailures < 20)
        }
        try await server.shutdown().get()
    }
}
