import NIOCore
import Testing
import WeirCore
import WeirPostgresWire

@testable import WeirPostgres

/// One connect, without a pool.
enum Connecting {
    /// Connects as a pool would, runs `body` on the connection's loop, and closes.
    ///
    /// - Throws: the ``PostgresError`` of the connect, what the body throws.
    static func with<Success: Sendable>(
        _ url: PostgresURL, _ configuration: PostgresConfiguration = .patient,
        _ body: @escaping @Sendable (PostgresConnection) async throws -> Success
    ) async throws -> Success {
        let loop = testGroup.any()
        return try await Task(executorPreference: loop.weirExecutor) {
            let context = LoopContext.of(loop)
            let target = PostgresServerTarget(url: url, configuration: configuration)
            let promise = loop.makePromise(of: NIOLoopBound<PostgresConnection>.self)
            let search = PostgresAddressSearch(target, from: 0, loopContext: context)
            // Completed twice, a promise stops the process: exactly once.
            search.start { result in
                switch result {
                case .success((let connection, _)): promise.succeed(NIOLoopBound(connection, eventLoop: loop))
                case .failure(let error): promise.fail(error)
                }
            }
            let connection = try await promise.futureResult.get().value
            let closed = connection.channel?.closeFuture
            let result: Result<Success, any Error>
            do { result = .success(try await body(connection)) } catch { result = .failure(error) }
            connection.close()
            try await closed?.get()
            return try result.get()
        }.value
    }

    /// How a connect fails.
    static func error(
        _ url: PostgresURL, _ configuration: PostgresConfiguration = .patient, _ location: SourceLocation = #_sourceLocation
    ) async -> PostgresError? {
        let error = await PostgresError.of({ try await self.with(url, configuration) { _ in } }, location)
        if let error, let password = url.password { Secrets.expectNone(of: password, in: error, location) }
        return error
    }
}

/// What must be in nothing that is printed.
enum Secrets {
    static func expectNone(of secret: String, in value: Any, _ location: SourceLocation = #_sourceLocation) {
        var seen: Set<ObjectIdentifier> = []
        var leaves: [String] = []
        self.collect(value, &seen, &leaves)
        for text in leaves + [String(describing: value), String(reflecting: value)] {
            #expect(!text.contains(secret), "it is shown", sourceLocation: location)
        }
        // An array of bytes is a number for each.
        let bytes = Array(secret.utf8).map(String.init)
        let isShown = leaves.indices.contains { leaves[$0...].starts(with: bytes) }
        #expect(!isShown, "its bytes are shown", sourceLocation: location)
    }

    /// All that reflection finds, but for the loops: what other tests hang on them takes half a minute to go through.
    private static func collect(_ value: Any, _ seen: inout Set<ObjectIdentifier>, _ leaves: inout [String]) {
        if value is any EventLoopGroup || value is any Channel || value is LoopContext { return }
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .class, !seen.insert(ObjectIdentifier(value as AnyObject)).inserted { return }
        if mirror.children.isEmpty { leaves.append(String(reflecting: value)) }
        for child in mirror.children { self.collect(child.value, &seen, &leaves) }
        if let parent = mirror.superclassMirror { for child in parent.children { self.collect(child.value, &seen, &leaves) } }
    }
}

extension PostgresError {
    /// The errors that led to it, the outermost first.
    var chain: [any Error] {
        var chain: [any Error] = [self]
        while let cause = (chain.last as? any WeirError)?.cause { chain.append(cause) }
        return chain
    }

    /// The innermost of ours.
    var root: PostgresError { self.chain.last { $0 is PostgresError } as? PostgresError ?? self }
}

/// Counts what it is told: exactly once.
final class CountingReceiver: PostgresReceiver {
    private(set) var rows = 0
    private(set) var completions = 0
    private(set) var failures: [PostgresError] = []
    private let promise: EventLoopPromise<Void>

    init(_ loop: any EventLoop) { self.promise = loop.makePromise() }

    /// Completes with the first end.
    var ended: EventLoopFuture<Void> { self.promise.futureResult }
    var ends: Int { self.completions + self.failures.count }

    func postgresRow(_ row: PostgresRow, tag: UInt64) { self.rows += 1 }
    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        self.completions += 1
        if self.ends == 1 { self.promise.succeed() }
    }
    func postgresFailed(_ error: PostgresError, tag: UInt64) {
        self.failures.append(error)
        if self.ends == 1 { self.promise.succeed() }
    }
}
