import NIOCore
import Testing
import WeirCore
import WeirPostgresWire

@testable import WeirPostgres

/// Statements that are given up, against a real server.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct CancelTests {
    private static var one: PostgresConfiguration {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        return configuration
    }

    @Test func aLateStatementEndsOnTheServerToo() async throws {
        try await withPostgres(configuration: Self.one) { local, _ in
            let process = try await local.query("select pg_backend_pid()")[0].decode(Int32.self)
            let error = await PostgresError.of {
                _ = try await local.query("select pg_sleep(600), 'late'", deadline: .now() + .milliseconds(100))
            }
            #expect(error?.code == .timeout && error?.mayHaveRun == true)
            // The same connection, clean, and long before the sleep would have ended.
            let after = try await local.query("select pg_backend_pid()")[0].decode(Int32.self)
            #expect(after == process)
            let running = try await local.query(
                "select count(*) from pg_stat_activity where query like '%\(unescaped: "late")' and state = 'active' and pid = \(process)")
            #expect(try running[0].decode(Int.self) == 0)
        }
    }

    @Test func aCancelledTaskHearsItAtOnce() async throws {
        try await withPostgres(configuration: Self.one) { local, _ in
            let loop = local.loop
            let task = Task(executorPreference: loop.weirExecutor) { [bound = NIOLoopBound(local, eventLoop: loop)] in
                await PostgresError.of { _ = try await bound.value.query("select pg_sleep(600)") }
            }
            // It goes to the shared connection, which is there as soon as this one has its answer.
            _ = try await local.query("select 1")
            try await loop.scheduleTask(in: .milliseconds(50)) {}.futureResult.get()
            task.cancel()
            let error = await task.value
            #expect(error?.code == .cancelled && error?.mayHaveRun == true)
            let result = try await local.query("select 1")
            #expect(result.count == 1)
        }
    }

    /// The one that is cancelled has neighbours behind it, which the signal may hit.
    @Test(arguments: 0..<20) func neighboursGetTheirResults(round: Int) async throws {
        try await withPostgres(configuration: Self.one) { local, _ in
            _ = try await local.query("select 1")
            let slow = { local.query("select pg_sleep(0.02)", deadline: .now() + .milliseconds(Int64(1 + round))) }()
            let others = (0..<50).map { local.query("select \($0), pg_sleep(0.0005)") }
            for (number, future) in others.enumerated() {
                let value = try await future.get()[0].decode(Int.self)
                #expect(value == number)
            }
            _ = try? await slow.get()
        }
    }

    /// Both are with the server when the second one's time is up: it is ended when its turn has come.
    @Test func oneBehindAnotherEndsInItsTurn() async throws {
        try await withPostgres(configuration: Self.one) { local, _ in
            _ = try await local.query("select 1")
            let first = { local.query("select pg_sleep(0.3), 'first'") }()
            let second = await PostgresError.of { _ = try await local.query("select pg_sleep(600)", deadline: .now() + .milliseconds(50)) }
            #expect(second?.code == .timeout && second?.mayHaveRun == true)
            let result = try await first.get()
            #expect(result.count == 1)
            let after = try await local.query("select 'after'")
            #expect(after.count == 1)
        }
    }

    @Test func oneThatWaitsIsTakenBack() async throws {
        var configuration = Self.one
        configuration.pipelineDepth = 1
        try await withPostgres(configuration: configuration) { local, _ in
            _ = try await local.query("select 1")
            let slow = { local.query("select pg_sleep(0.2)") }()
            let late = await PostgresError.of {
                _ = try await local.query("select 'never'", deadline: .now() + .milliseconds(20))
            }
            #expect(late?.code == .timeout && late?.mayHaveRun == false)
            _ = try await slow.get()
        }
    }
}
