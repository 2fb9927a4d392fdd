import Foundation
import NIOCore
import Testing
import WeirCore
import WeirPool

@testable import WeirPostgres

/// Servers of a test's own that stop, crash, start and are full: case 50.
@Suite(.enabled(if: OwnPostgres.isThere, "needs WEIR_POSTGRES_TEMPLATE"))
struct OutageTests {
    /// Stopped with everything it runs: deadlines end what waits, and nobody waits for longer. It goes on where it was.
    @Test func aServerThatIsStopped() async throws {
        let server = try await OwnPostgres.start()
        var configuration = FaultTests.one
        configuration.cancelTimeout = .milliseconds(200)
        try await withPostgres(try server.url(), configuration: configuration) { local, _ in
            let before = try await local.query("select pg_backend_pid()")[0].decode(Int32.self)
            let closed = try #require(local.links[0].connection?.channel?.closeFuture)
            server.signalAll(SIGSTOP)
            let receivers = (0..<100).map { _ in CountingReceiver(local.loop) }
            for receiver in receivers { local.send("select 1", deadline: .now() + .milliseconds(200), tag: 0, to: receiver) }
            for receiver in receivers { try await receiver.ended.get() }
            #expect(receivers.allSatisfy { $0.ends == 1 && $0.failures.first?.code == .timeout })
            // Given up, as the server did not end what was cancelled; another one cannot be had.
            try await closed.get()
            let waits = await PostgresError.of { _ = try await local.query("select 1", deadline: .now() + .milliseconds(100)) }
            #expect(waits?.code == .timeout && waits?.mayHaveRun == false)
            server.signalAll(SIGCONT)
            let after = try await local.query("select pg_backend_pid()")[0].decode(Int32.self)
            #expect(after != before)
            #expect(receivers.allSatisfy { $0.ends == 1 })
        }
    }

    /// A copy into a server that takes nothing any more ends when its task is cancelled.
    @Test func aCopyIntoAServerThatIsStopped() async throws {
        let server = try await OwnPostgres.start()
        var configuration = PostgresConfiguration.patient
        configuration.cancelTimeout = .milliseconds(200)
        try await withPostgres(try server.url(), configuration: configuration) { local, _ in
            let loop = local.loop
            let holder = NIOLoopBound(Holder(), eventLoop: loop)
            let task = Task(executorPreference: loop.weirExecutor) { [bound = NIOLoopBound(local, eventLoop: loop)] in
                try await bound.value.withConnection { connection in
                    try await connection.execute("create temp table copied (i int)")
                    try await connection.copyIn("copy copied from stdin") { writer in
                        server.signalAll(SIGSTOP)
                        holder.value.connection = connection
                        let lines = ByteBuffer(string: String(repeating: "2\n", count: 100_000))
                        while true { try await writer.write(lines) }
                    }
                }
            }
            while holder.value.connection?.isWritable ?? true { await Task.yield() }
            task.cancel()
            await #expect(throws: (any Error).self) { try await task.value }
            #expect(holder.value.connection?.isUsable == false)
            server.signalAll(SIGCONT)
            let value1 = try await local.query("select 1").count
            #expect(value1 == 1)
        }
    }

    private final class Holder { var connection: PostgresConnection? }

    /// Crashed and started again under load: each statement gets one answer, its own or an error, and the pool comes back by itself.
    @Test func aCrashUnderLoad() async throws {
        let server = try await OwnPostgres.start()
        try await withPostgres(try server.url(), configuration: .patient) { local, _ in
            for _ in 0..<2 {
                let receivers = (0..<2000).map { _ in CountingReceiver(local.loop) }
                for (number, receiver) in receivers.enumerated() {
                    local.send("select pg_sleep(0.001)", deadline: nil, tag: 0, to: receiver)
                    if number == 1000 { try await receivers[0].ended.get() }
                }
                try await server.crash()
                let recovered = Task(executorPreference: local.loop.weirExecutor) { try await server.restart() }
                for receiver in receivers { try await receiver.ended.get() }
                #expect(try await recovered.value)
                for receiver in receivers {
                    #expect(receiver.ends == 1)
                    #expect(receiver.completions == receiver.rows)
                    if let error = receiver.failures.first {
                        #expect([.connectionLost, .noConnection, .serverError].contains(error.code), "\(error)")
                    }
                }
                #expect(receivers.contains { $0.completions == 1 } && receivers.contains { $0.completions == 0 })
                // While its circuit is open it refuses; nobody has to tell it that the server is back.
                while true {
                    do {
                        let value2 = try await local.query("select 1")[0].decode(Int.self)
                        #expect(value2 == 1)
                        break
                    } catch let error as PostgresError where error.code == .noConnection {
                        try await local.loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
                    }
                }
            }
        }
    }

    @Test func tooManyClients() async throws {
        let server = try await OwnPostgres.start("-c", "max_connections=3", "-c", "superuser_reserved_connections=0")
        let url = try server.url()
        try await Connecting.with(url) { one in
            let error: PostgresError? = try await Connecting.with(url) { two in
                let error = try await Connecting.with(url) { three in await Connecting.error(url) }
                // The others go on, and the place that was left is taken.
                let value3 = try await two.query("select 1").count
                #expect(value3 == 1)
                return error
            }
            #expect(error?.code == .connectFailed && error?.sqlState == .tooManyConnections)
            let value4 = try await one.query("select 1").count
            #expect(value4 == 1)
        }
        // A pool that wants more than there are is content with what it has.
        try await withPostgres(url, connections: 20) { local, _ in
            let futures = (0..<20).map { _ in local.withConnection { $0.query("select pg_sleep(0.01)") } }
            for future in futures {
                let value5 = try await future.get().count
                #expect(value5 == 1)
            }
        }
    }

    /// It refuses everyone until it is promoted; then the pool gets in by itself.
    @Test func aServerThatIsStartingUp() async throws {
        let server = try await OwnPostgres.start("-c", "hot_standby=off", answers: false, standby: true)
        let url = try server.url()
        let error = await Connecting.error(url)
        #expect(error?.code == .connectFailed && error?.sqlState == .cannotConnectNow)
        try await withPostgres(url) { local, _ in
            let refused = await PostgresError.of { _ = try await local.query("select 1") }
            #expect(refused?.code == .noConnection && refused?.root.sqlState == .cannotConnectNow)
            try server.promote()
            while true {
                do {
                    let value6 = try await local.query("select 1").count
                    #expect(value6 == 1)
                    break
                } catch let error as PostgresError where error.code == .noConnection {
                    try await local.loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
                }
            }
        }
    }
}
