import NIOCore
import NIOPosix
import RedisProcess
import Testing
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// The embedded server against what Redis says.
@Suite struct EmbeddedServerTests {
    /// Commands in order; `{k}` stands for a key prefix of this run.
    private static let transcript: [[String]] = [
        ["PING"], ["PING", "hello"], ["PING", "a", "b"], ["ECHO", "x"], ["ECHO"], ["ECHO", "a", "b"], ["ping"], ["PiNg"],
        ["SELECT", "0"], ["SELECT", "x"], ["SELECT", "999999"], ["SELECT"],
        ["GET", "{k}a"], ["SET", "{k}a", "1"], ["GET", "{k}a"], ["GET"], ["GET", "a", "b"], ["SET", "{k}a"],
        ["SET", "{k}a", "2", "NX"], ["SET", "{k}a", "2", "XX"], ["SET", "{k}none", "2", "XX"], ["GET", "{k}none"],
        ["SET", "{k}a", "3", "GET"], ["SET", "{k}a", "4", "NX", "GET"], ["SET", "{k}new", "1", "NX", "GET"],
        ["SET", "{k}a", "5", "NX", "XX"],
        ["SET", "{k}a", "5", "EX", "100"], ["TTL", "{k}a"], ["SET", "{k}a", "5", "KEEPTTL"], ["TTL", "{k}a"], ["SET", "{k}a", "6"],
        ["TTL", "{k}a"],
        ["SET", "{k}a", "5", "EX", "0"], ["SET", "{k}a", "5", "EX", "-1"], ["SET", "{k}a", "5", "EX", "x"], ["SET", "{k}a", "5", "EX"],
        ["SET", "{k}a", "5", "PX", "99999999999999999999"], ["SET", "{k}a", "5", "EX", "9223372036854775807"],
        ["SET", "{k}a", "5", "BOGUS"],
        ["SET", "{k}a", "5", "EX", "10", "PX", "10"], ["SET", "{k}a", "5", "EX", "10", "KEEPTTL"], ["SET", "{k}a", "5", "ex", "100"],
        ["SETEX", "{k}b", "100", "v"], ["SETEX", "{k}b", "0", "v"], ["SETEX", "{k}b", "x", "v"], ["SETEX", "{k}b", "1"],
        ["PSETEX", "{k}b", "100000", "v"],
        ["SETNX", "{k}b", "w"], ["SETNX", "{k}c", "w"], ["GETSET", "{k}c", "z"], ["GETSET", "{k}d", "z"], ["GETDEL", "{k}d"],
        ["GETDEL", "{k}d"],
        ["MSET", "{k}m1", "1", "{k}m2", "2"], ["MSET", "{k}m1"], ["MSET", "{k}m1", "1", "{k}m2"], ["MGET", "{k}m1", "{k}m2", "{k}m3"],
        ["MGET"],
        ["INCR", "{k}n"], ["INCR", "{k}n"], ["INCRBY", "{k}n", "40"], ["DECR", "{k}n"], ["DECRBY", "{k}n", "11"], ["GET", "{k}n"],
        ["INCRBY", "{k}n", "x"], ["INCRBY", "{k}n", "9223372036854775807"], ["DECRBY", "{k}n", "-9223372036854775808"],
        ["INCRBY", "{k}n", "+1"],
        ["INCRBY", "{k}n", "01"], ["INCRBY", "{k}n", " 1"], ["SET", "{k}s", "abc"], ["INCR", "{k}s"], ["DECR", "{k}s"],
        ["SET", "{k}s", " 1"], ["INCR", "{k}s"],
        ["SET", "{k}s", "9223372036854775807"], ["INCR", "{k}s"], ["SET", "{k}s", "-0"], ["INCR", "{k}s"], ["SET", "{k}s", ""],
        ["INCR", "{k}s"],
        ["APPEND", "{k}ap", "abc"], ["APPEND", "{k}ap", "def"], ["GET", "{k}ap"], ["STRLEN", "{k}ap"], ["STRLEN", "{k}none"],
        ["APPEND", "{k}ap"],
        ["EXISTS", "{k}ap", "{k}none", "{k}ap"], ["EXISTS"], ["TYPE", "{k}ap"], ["TYPE", "{k}none"], ["DEL", "{k}ap", "{k}none"], ["DEL"],
        ["UNLINK", "{k}ap"],
        ["SET", "{k}e", "v"], ["TTL", "{k}e"], ["PTTL", "{k}e"], ["TTL", "{k}none"], ["PTTL", "{k}none"], ["EXPIRE", "{k}e", "100"],
        ["TTL", "{k}e"],
        ["EXPIRE", "{k}e", "200", "NX"], ["EXPIRE", "{k}e", "200", "XX"], ["EXPIRE", "{k}e", "100", "GT"], ["EXPIRE", "{k}e", "300", "GT"],
        ["EXPIRE", "{k}e", "400", "LT"], ["EXPIRE", "{k}e", "50", "LT"], ["EXPIRE", "{k}e", "50", "NX", "XX"],
        ["EXPIRE", "{k}e", "50", "GT", "LT"],
        ["EXPIRE", "{k}e", "50", "BOGUS"], ["EXPIRE", "{k}e", "x"], ["EXPIRE", "{k}e"], ["EXPIRE", "{k}none", "5"],
        ["EXPIRE", "{k}e", "9223372036854775807"],
        ["PERSIST", "{k}e"], ["PERSIST", "{k}e"], ["PERSIST", "{k}none"], ["TTL", "{k}e"], ["EXPIRE", "{k}e", "50", "GT"],
        ["EXPIRE", "{k}e", "50", "LT"],
        ["PEXPIRE", "{k}e", "100000"], ["PEXPIRE", "{k}e", "-1"], ["GET", "{k}e"], ["SET", "{k}e", "v"], ["EXPIRE", "{k}e", "0"],
        ["GET", "{k}e"],
        ["SETEX", "{k}i", "100", "5"], ["INCR", "{k}i"], ["TTL", "{k}i"], ["APPEND", "{k}i", "0"], ["TTL", "{k}i"],
        ["CLIENT", "SETNAME", "me"], ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "a b"], ["CLIENT", "SETNAME"], ["CLIENT", "BOGUS"],
        ["CLIENT"],
        ["AUTH", "x"], ["AUTH", "nobody", "x"], ["AUTH", "default", "x"], ["AUTH", "a", "b", "c"], ["AUTH"], ["HELLO", "4"],
        ["HELLO", "x"], ["HELLO", "2", "BOGUS"],
        ["FLUSHALL", "BOGUS"], ["BOGUS"], ["BOGUS", "a", "b"], ["bogus", "\r\n"], ["BOGUS", String(repeating: "x", count: 300), "y"],
        [String(repeating: "b", count: 300)],
    ]

    @Test(.enabled(if: TestServer.realURL != nil, "needs a real Redis in WEIR_REDIS_URL"))
    func repliesAreThoseOfRedis() async throws {
        let real = try RedisURL(TestServer.realURL!)
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        let key = "weir:test:\(UInt64.random(in: 0 ... .max)):"
        let ours = try await Self.replies(server.address, key)
        let theirs = try await Self.replies(try SocketAddress(ipAddress: real.host, port: real.port), key)
        for (index, command) in Self.transcript.enumerated() {
            var (our, their) = (ours[index], theirs[index])
            // What is left of a hundred seconds depends on when it was asked.
            if command[0] == "TTL" { (our, their) = (our.roundedUpToHundreds, their.roundedUpToHundreds) }
            #expect(Self.words(our) == Self.words(their), "\(command.map(\.debugDescription).joined(separator: " "))")
        }
        try await server.shutdown().get()
    }

    private static func replies(_ address: SocketAddress, _ key: String) async throws -> [RESPValue] {
        try await RawConnection.with(address) { (send) async throws in
            var replies: [RESPValue] = []
            for command in Self.transcript { replies.append(try await send(command.map { $0.replacing("{k}", with: key) })) }
            for name in ["a", "new", "b", "c", "m1", "m2", "n", "s", "e", "i"] { _ = try await send(["DEL", key + name]) }
            return replies
        }
    }

    private static func words(_ value: RESPValue) -> String {
        var buffer = ByteBuffer()
        buffer.writeRESP(value, version: .resp3)
        return String(buffer: buffer)
    }

    @Test func saysWhatItIs() async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        try await RawConnection.with(server.address) { (send) async throws in
            #expect(Self.words(try await send(["INFO"])).contains("not Redis"))
            guard case .map(let entries) = try await send(["HELLO", "3", "SETNAME", "me"]) else {
                Issue.record("no map")
                return
            }
            #expect(entries.contains(RESPMapEntry(key: .bulk("server"), value: .bulk("weir-embedded"))))
            #expect(entries.contains(RESPMapEntry(key: .bulk("proto"), value: .integer(3))))
            #expect(try await send(["CLIENT", "GETNAME"]) == .bulk("me"))
            #expect(try await send(["GET", "none"]) == .null)
            guard case .verbatimString = try await send(["INFO"]) else {
                Issue.record("INFO is not verbatim in RESP3")
                return
            }
            #expect(try await send(["RESET"]) == .simple("RESET"))
            guard case .array = try await send(["HELLO"]) else {
                Issue.record("still RESP3")
                return
            }
        }
        try await server.shutdown().get()
    }

    @Test func memoryIsBounded() async throws {
        var configuration = EmbeddedRESPServer.Configuration()
        configuration.maximumKeys = 10
        configuration.maximumMemory = 10_000
        configuration.maximumValueLength = 8_000
        let server = try await EmbeddedRESPServer.start(on: testGroup, configuration: configuration).get()
        try await RawConnection.with(server.address) { (send) async throws in
            let oom = RESPValue.error("OOM command not allowed when used memory > 'maxmemory'.")
            for index in 0..<10 { #expect(try await send(["SET", "k\(index)", "v"]) == .simple("OK")) }
            #expect(try await send(["SET", "one more", "v"]) == oom)
            #expect(try await send(["INCR", "one more"]) == oom)
            #expect(try await send(["SET", "k1", "w"]) == .simple("OK"))
            #expect(try await send(["SET", "k1", String(repeating: "x", count: 7_900)]) == .simple("OK"))
            #expect(try await send(["SET", "k2", String(repeating: "x", count: 7_900)]) == oom)
            #expect(try await send(["GET", "k2"]) == .bulk("v"))
            #expect(
                try await send(["APPEND", "k1", String(repeating: "x", count: 200)])
                    == .error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
            #expect(try await send(["FLUSHALL"]) == .simple("OK"))
            #expect(try await send(["DBSIZE"]) == .integer(0))
            // Expired keys make room when it is needed.
            for index in 0..<10 { #expect(try await send(["SET", "k\(index)", "v", "PX", "1"]) == .simple("OK")) }
            while try await send(["EXISTS", "k9"]) == .integer(1) {}
            #expect(try await send(["SET", "fresh", "v"]) == .simple("OK"))
            // An argument over the limit ends the connection, with a word of why.
            guard case .simpleError(let text) = try await send(["SET", "k", String(repeating: "x", count: 8_001)]) else {
                Issue.record("no error")
                return
            }
            #expect(String(buffer: text).hasPrefix("ERR Protocol error"))
            await #expect(throws: (any Error).self) { try await send(["PING"]) }
        }
        try await server.shutdown().get()
    }

    @Test func connectionsAreBounded() async throws {
        var configuration = EmbeddedRESPServer.Configuration()
        configuration.maximumConnections = 1
        let server = try await EmbeddedRESPServer.start(on: testGroup, configuration: configuration).get()
        let address = server.address
        try await RawConnection.with(address) { (send) async throws in
            #expect(try await send(["PING"]) == .simple("PONG"))
            #expect(try await RawConnection.greeting(address) == .error("ERR max number of clients reached"))
            #expect(try await send(["PING"]) == .simple("PONG"))
        }
        try await server.shutdown().get()
    }

    @Test func passwordIsAskedFor() async throws {
        var configuration = EmbeddedRESPServer.Configuration()
        configuration.password = "secret"
        let server = try await EmbeddedRESPServer.start(on: testGroup, configuration: configuration).get()
        try await RawConnection.with(server.address) { (send) async throws in
            #expect(try await send(["GET", "k"]) == .error("NOAUTH Authentication required."))
            #expect(try await send(["AUTH", "wrong"]) == .error("WRONGPASS invalid username-password pair or user is disabled."))
            #expect(try await send(["AUTH", "default", "secret"]) == .simple("OK"))
            #expect(try await send(["GET", "k"]) == .null)
        }
        try await server.shutdown().get()
    }
}

extension RESPValue {
    fileprivate var roundedUpToHundreds: RESPValue {
        guard case .integer(let number) = self, number > 0 else { return self }
        return .integer((number + 99) / 100 * 100)
    }
}
