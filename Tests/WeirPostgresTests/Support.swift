import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// Everything here lives on loops that no test shuts down: pools are shut down, loops stay.
let testGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

/// The servers of dev/services; tests that want them are skipped without.
enum TestServer {
    static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment["WEIR_POSTGRES_\(name)"].flatMap { $0.isEmpty ? nil : $0 }
    }
    static var isThere: Bool { self.variable("URL") != nil }
    static var url: PostgresURL {
        get throws { try PostgresURL(#require(self.variable("URL"))) }
    }
}

/// Runs `body` with a pool of connections, on one of its loops, and shuts the pool down.
func withPostgres<Success: Sendable>(
    _ url: PostgresURL? = nil, connections: Int = 8, configuration: PostgresConfiguration = .patient,
    pool: PoolConfiguration? = nil, _ body: @escaping @Sendable (LocalPostgres, PostgresPool) async throws -> Success
) async throws -> Success {
    let loops = Array(testGroup.makeIterator()).count
    let postgres = PostgresPool(
        url: try url ?? TestServer.url, group: testGroup, configuration: configuration, pool: pool ?? .patient(max(connections, loops)))
    let loop = testGroup.any()
    do {
        let result = try await Task(executorPreference: loop.weirExecutor) { try await body(postgres[loop], postgres) }.value
        try await postgres.shutdown(deadline: .now() + .seconds(30)).get()
        return result
    } catch {
        try await postgres.shutdown(deadline: .now()).get()
        throw error
    }
}

extension PostgresConfiguration {
    /// Deadlines that only a hang reaches.
    static var patient: PostgresConfiguration {
        var configuration = PostgresConfiguration()
        configuration.statementTimeout = .seconds(120)
        return configuration
    }
}

extension PoolConfiguration {
    /// Of so many connections, with deadlines that only a hang reaches. Tests put more work on few connections than a service would accept.
    static func patient(_ maximum: Int) -> PoolConfiguration {
        var configuration = PoolConfiguration(maximum: maximum)
        configuration.overload = nil
        configuration.connectTimeout = .seconds(60)
        configuration.acquireTimeout = .seconds(120)
        return configuration
    }
}

extension PostgresError {
    /// What a body throws that must fail.
    static func of(_ body: () async throws -> Void, _ location: SourceLocation = #_sourceLocation) async -> PostgresError? {
        do {
            try await body()
            Issue.record("nothing failed", sourceLocation: location)
            return nil
        } catch {
            if let error = error as? PostgresError { return error }
            Issue.record("another error: \(error)", sourceLocation: location)
            return nil
        }
    }
}
