import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirRESP

@testable import WeirRedis

/// Everything here lives on loops that no test shuts down: pools are shut down, loops stay.
let testGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

/// The Redis 7.0 that the environment names; tests that need one are skipped without. They empty its databases 9 to 12 and change its
/// settings: it should be one that is thrown away.
let realURL = ProcessInfo.processInfo.environment["WEIR_REDIS_URL"].flatMap { $0.isEmpty ? nil : $0 }

func b(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

/// Runs the body with a client of a real server, in a database that is empty, in a task on the client's loop. Each suite has a database
/// of its own.
func withRealRedis(_ version: RESPVersion, database: Int, _ body: @escaping @Sendable (RedisPool, any EventLoop) async throws -> Void)
    async throws
{
    var url = try RedisURL(try #require(realURL))
    url.database = database
    var configuration = RedisConfiguration()
    configuration.version = version
    // For a machine that has other things to do.
    configuration.commandTimeout = .seconds(60)
    var connections = PoolConfiguration(maximum: 32)
    connections.overload = nil
    (connections.connectTimeout, connections.acquireTimeout) = (.seconds(60), .seconds(120))
    let pool = RedisPool(url: url, group: testGroup, configuration: configuration, pool: connections)
    let loop = testGroup.next()
    let result = await Task(executorPreference: loop.weirExecutor) {
        _ = try await pool[loop].send(.flushdb())
        try await body(pool, loop)
        _ = try await pool[loop].send(.flushdb())
    }.result
    try await pool.shutdown(deadline: .now() + .seconds(30)).get()
    try result.get()
}

/// One command, with what its reply should mean.
struct Step: Sendable {
    let request: RedisRequest
    /// Reads a reply as the command does.
    let decode: @Sendable (RESPFrame) throws -> Void
    /// What is wrong with a reply, if anything.
    let complaint: @Sendable (RESPFrame) throws -> String?
    let mayFail: Bool
    /// It has a meaning beside the frame itself.
    let isTyped: Bool
    let line: Int

    /// The command's words.
    var words: [ByteBuffer] {
        (self.request.name.utf8CodeUnitCount > 0 ? [ByteBuffer(staticString: self.request.name)] : []) + self.arguments
    }
    var arguments: [ByteBuffer] { (0..<self.request.count).map { self.request[$0] } }
    var text: String { self.words.map { String(buffer: $0) }.joined(separator: " ") + " (line \(self.line))" }
}

/// Commands to be sent one after the other, each finding what those before it have left.
struct Script: Sendable {
    private(set) var steps: [Step] = []

    /// The reply can be read, whatever it means.
    mutating func run<Reply: Sendable>(_ command: RedisCommand<Reply>, line: Int = #line) {
        self.add(command, line: line) { _ in nil }
    }

    /// The reply means this.
    mutating func run<Reply: Sendable & Equatable>(_ command: RedisCommand<Reply>, _ expected: Reply, line: Int = #line) {
        self.add(command, line: line) { $0 == expected ? nil : "\($0), not \(expected)" }
    }

    /// The reply means something like this.
    mutating func check<Reply: Sendable>(_ command: RedisCommand<Reply>, line: Int = #line, _ isRight: @escaping @Sendable (Reply) -> Bool)
    {
        self.add(command, line: line) { isRight($0) ? nil : "\($0)" }
    }

    /// The server may refuse it in the state that it is in.
    mutating func attempt<Reply: Sendable>(_ command: RedisCommand<Reply>, line: Int = #line) {
        self.add(command, mayFail: true, line: line) { _ in nil }
    }

    private mutating func add<Reply: Sendable>(
        _ command: RedisCommand<Reply>, mayFail: Bool = false, line: Int, _ complaint: @escaping @Sendable (Reply) -> String?
    ) {
        self.steps.append(
            Step(
                request: command.request, decode: { _ = try command.decode($0) }, complaint: { complaint(try command.decode($0)) },
                mayFail: mayFail, isTyped: Reply.self != RESPFrame.self, line: line))
    }
}

/// A generator that gives the same numbers in each run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
