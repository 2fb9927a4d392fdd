import Foundation
import NIOCore
import NIOPosix
import RedisProcess
import Testing
import WeirPool
import WeirRESP
import WeirTestKit

@testable import WeirRedis

/// A server to test against.
enum TestServer: String, CaseIterable, CustomTestStringConvertible {
    case embedded
    /// A Redis that the environment names; skipped without one.
    case real

    /// Those that are there.
    static var available: [TestServer] { self.realURL == nil ? [.embedded] : [.embedded, .real] }

    static var realURL: String? { ProcessInfo.processInfo.environment["WEIR_REDIS_URL"].flatMap { $0.isEmpty ? nil : $0 } }

    var testDescription: String { self.rawValue }
}

/// Everything here lives on loops that no test shuts down: pools are shut down, loops stay.
let testGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

extension ByteBuffer: @retroactive ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(string: value) }
}

/// Runs `body` with a pool of connections to a server, and shuts both down.
func withRedis(
    _ server: TestServer = .embedded, connections: Int = 8, configuration: RedisConfiguration = .patient,
    _ body: (RedisPool) async throws -> Void
) async throws {
    switch server {
    case .real:
        try await withRedis(url: try RedisURL(TestServer.realURL!), connections: connections, configuration: configuration, body)
    case .embedded:
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        let url = RedisURL(host: "127.0.0.1", port: server.port)
        try await withRedis(url: url, connections: connections, configuration: configuration, body)
        try await server.shutdown().get()
    }
}

func withRedis(
    url: RedisURL, connections: Int = 8, configuration: RedisConfiguration = .patient, pool: PoolConfiguration? = nil,
    _ body: (RedisPool) async throws -> Void
) async throws {
    let loops = Array(testGroup.makeIterator()).count
    var plain = PoolConfiguration(maximum: max(connections, loops))
    // These tests put more work on few connections than a service would accept.
    plain.overload = nil
    (plain.connectTimeout, plain.acquireTimeout) = (.seconds(60), .seconds(120))
    let redis = RedisPool(url: url, group: testGroup, configuration: configuration, pool: pool ?? plain)
    do {
        try await body(redis)
        try await redis.shutdown(deadline: .now() + .seconds(30)).get()
    } catch {
        try await redis.shutdown(deadline: .now()).get()
        throw error
    }
}

extension RedisPool {
    /// Runs a command on some loop, from outside.
    @discardableResult
    func send<Reply: Sendable>(
        _ command: RedisCommand<Reply>, on loop: any EventLoop = testGroup.any(), deadline: NIODeadline? = nil
    ) async throws -> Reply {
        try await loop.flatSubmit { self[loop].send(command, deadline: deadline) }.get()
    }

    /// As ``send(_:on:deadline:)``, with the reply as a tree.
    func value(
        _ command: RedisCommand<RESPFrame>, on loop: any EventLoop = testGroup.any(), deadline: NIODeadline? = nil
    ) async throws -> RESPValue {
        RESPValue(try await self.send(command, on: loop, deadline: deadline))
    }
}

extension RedisConfiguration {
    /// Deadlines that only a hang reaches.
    static var patient: RedisConfiguration {
        var configuration = RedisConfiguration()
        configuration.commandTimeout = .seconds(60)
        configuration.stallTimeout = .seconds(60)
        return configuration
    }
}
