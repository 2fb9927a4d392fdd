import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire
import WeirTestKit

@testable import WeirPostgres

/// A real server that ends sessions under our hands: cases 50 and 51.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct FaultTests {
    static var one: PostgresConfiguration {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        // Nothing else moves what is stuck.
        configuration.keepAlive = nil
        return configuration
    }

    /// Ends a session, and waits until it is gone.
    private static func terminate(_ process: Int32, _ local: LocalPostgres) async throws {
        try await local.withConnection { connection in
            let isGone = try await connection.query("select pg_terminate_backend(\(process), 30000)")[0].decode(Bool.self)
            #expect(isGone)
        }
    }

    private static func process(_ querying: LocalPostgres) async throws -> Int32 {
        try await querying.query("select pg_backend_pid()")[0].decode(Int32.self)
    }

    private static func process(_ connection: PostgresConnection) async throws -> Int32 {
        try await connection.query("select pg_backend_pid()")[0].decode(Int32.self)
    }

    // MARK: pg_terminate_backend

    @Test func betweenStatements() async throws {
        try await withPostgres(configuration: Self.one) { local, _ in
            let first = try await Self.process(local)
            let closed = try #require(local.links[0].connection?.channel?.closeFuture)
            try await Self.terminate(first, local)
            try await closed.get()
            let second = try await Self.process(local)
            #expect(second != first)
        }
    }

    @Test func duringAStatement() async throws {
        try await withPostgres(configuration: Self.one) { local, _ in
            let first = try await Self.process(local)
            let receivers = (0..<10).map { _ in CountingReceiver(local.loop) }
            for (number, receiver) in receivers.enumerated() {
                local.send(number == 0 ? "select pg_sleep(600)" : "select 1", deadline: nil, tag: 0, to: receiver)
            }
            try await Self.terminate(first, local)
            for receiver in receivers { try await receiver.ended.get() }
            #expect(receivers.allSatisfy { $0.ends == 1 && $0.completions == 0 && $0.rows == 0 })
            #expect(receivers[0].failures[0].code == .serverError && receivers[0].failures[0].sqlState == .adminShutdown)
            #expect(receivers[1...].allSatisfy { $0.failures[0].code == .connectionLost && $0.failures[0].sqlState == .adminShutdown })
            #expect(receivers.allSatisfy { $0.failures[0].mayHaveRun })
            let value1 = try await Self.process(local)
            #expect(value1 != first)
            #expect(receivers.allSatisfy { $0.ends == 1 })
        }
    }

    @Test func inATransaction() async throws {
        try await withPostgres { local, _ in
            try await local.execute("create table if not exists terminated (i int)")
            let error = await PostgresError.of {
                try await local.withTransaction { transaction in
                    try await transaction.execute("insert into terminated values (1)")
                    let process = try await Self.process(transaction.connection)
                    let closed = try #require(transaction.connection.channel?.closeFuture)
                    try await Self.terminate(process, local)
                    try await closed.get()
                    #expect(!transaction.connection.isUsable)
                    try await transaction.execute("insert into terminated values (2)")
                }
            }
            #expect(error?.code == .connectionLost)
            // And while a statement of it runs.
            let inside = await PostgresError.of {
                try await local.withTransaction { transaction in
                    try await transaction.execute("insert into terminated values (3)")
                    let process = try await Self.process(transaction.connection)
                    let sleep = { transaction.query("select pg_sleep(600)") }()
                    try await Self.terminate(process, local)
                    _ = try await sleep.get()
                }
            }
            #expect(inside?.sqlState == .adminShutdown)
            let value2 = try await local.query("select count(*) from terminated")[0].decode(Int.self)
            #expect(value2 == 0)
            try await local.execute("drop table terminated")
        }
    }

    @Test func duringACopyIn() async throws {
        try await withPostgres { local, _ in
            let error = await PostgresError.of {
                try await local.withConnection { connection in
                    try await connection.execute("create temp table copied (i int)")
                    let process = try await Self.process(connection)
                    try await connection.copyIn("copy copied from stdin") { writer in
                        try await writer.write(ByteBuffer(string: "1\n"))
                        try await Self.terminate(process, local)
                        // Until it is noticed; it is not swallowed for ever.
                        let lines = ByteBuffer(string: String(repeating: "2\n", count: 100_000))
                        while true { try await writer.write(lines) }
                    }
                }
            }
            #expect([.serverError, .connectionLost].contains(error?.code), "\(String(describing: error))")
            let value3 = try await local.query("select 1").count
            #expect(value3 == 1)
        }
    }

    @Test func duringACopyOut() async throws {
        try await withPostgres { local, _ in
            let error = await PostgresError.of {
                try await local.withConnection { connection in
                    let process = try await Self.process(connection)
                    var isFirst = true
                    for try await _ in connection.copyOut("copy (select generate_series(1, 100000000)) to stdout") {
                        if isFirst { try await Self.terminate(process, local) }
                        isFirst = false
                    }
                }
            }
            #expect([.serverError, .connectionLost].contains(error?.code), "\(String(describing: error))")
            let value4 = try await local.query("select 1").count
            #expect(value4 == 1)
        }
    }

    @Test func duringAStreamOfRows() async throws {
        try await withPostgres { local, _ in
            var rows = 0
            let error = await PostgresError.of {
                try await local.withConnection { connection in
                    let process = try await Self.process(connection)
                    for try await row in connection.rows("select i, repeat('x', 1000) from generate_series(1, 10000000) i") {
                        rows += 1
                        #expect(try row.decode(Int.self) == rows)
                        if rows == 10 { try await Self.terminate(process, local) }
                    }
                }
            }
            #expect([.serverError, .connectionLost].contains(error?.code), "\(String(describing: error))")
            #expect(rows >= 10)
            let value5 = try await local.query("select 1").count
            #expect(value5 == 1)
        }
    }

    // MARK: Timeouts of the server's

    @Test func statementTimeout() async throws {
        var configuration = Self.one
        configuration.parameters = ["statement_timeout": "100ms"]
        try await withPostgres(configuration: configuration) { local, _ in
            let process = try await Self.process(local)
            let slow = { local.query("select pg_sleep(600)") }()
            let next = { local.query("select 1") }()
            let error = await PostgresError.of { _ = try await slow.get() }
            #expect(error?.sqlState == .queryCanceled && error?.code == .serverError)
            let value6 = try await next.get().count
            #expect(value6 == 1)
            let value7 = try await Self.process(local)
            #expect(value7 == process)
        }
    }

    @Test func idleInTransactionTimeout() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.parameters = ["idle_in_transaction_session_timeout": "100ms"]
        try await withPostgres(configuration: configuration) { local, _ in
            let error = await PostgresError.of {
                try await local.withTransaction { transaction in
                    try await transaction.execute("select 1")
                    try await transaction.connection.channel?.closeFuture.get()
                    try await transaction.execute("select 2")
                }
            }
            #expect(error?.code == .connectionLost && error?.mayHaveRun == false)
            try await local.withTransaction { _ = try await $0.query("select 1") }
        }
    }

    // MARK: Prepared statements that are gone

    @Test(arguments: ["discard all", "deallocate all"]) func statementsThatAreGone(command: String) async throws {
        var configuration = PostgresConfiguration.patient
        configuration.maximumPreparedStatements = 4
        try await withPostgres(configuration: configuration) { local, _ in
            try await local.withConnection { connection in
                for round in 0..<5 {
                    for number in 0..<6 {
                        let query = PostgresQuery(sql: "select \(number) + $1", Int32(round))
                        let value8 = try await connection.query(query)[0].decode(Int.self)
                        #expect(value8 == number + round)
                    }
                    switch round {
                    case 0: try await connection.execute(PostgresQuery(sql: command))
                    case 1: _ = try await connection.simpleQuery("select 1; \(command == "discard all" ? "select 2" : command)").get()
                    // Not seen through.
                    case 2: try await connection.execute("do $$ begin execute 'deallocate all'; end $$")
                    default:
                        let gone = { connection.query(PostgresQuery(sql: command)) }()
                        let after = { connection.query(PostgresQuery(sql: "select 5 + $1", Int32(1))) }()
                        _ = try await gone.get()
                        let value9 = try await after.get()[0].decode(Int.self)
                        #expect(value9 == 6)
                    }
                }
            }
        }
    }

    /// Behind a pooler that does not know prepared statements: none is left behind, and none is asked for.
    @Test func thePoolerMode() async throws {
        var configuration = Self.one
        configuration.maximumPreparedStatements = 0
        try await withPostgres(configuration: configuration) { local, _ in
            let futures = (0..<50).map { local.query(PostgresQuery(sql: "select \($0 % 7), $1", $0)) }
            for (number, future) in futures.enumerated() {
                let value10 = try await future.get()[0].decode(Int.self, Int.self)
                #expect(value10 == (number % 7, number))
            }
            let error = await PostgresError.of { _ = try await local.query("select * from there_is_none") }
            #expect(error?.sqlState == .undefinedTable)
            let value11 = try await local.query("select count(*) from pg_prepared_statements where name <> ''")[0].decode(Int.self)
            #expect(value11 == 0)
            #expect(local.links[0].connection?.preparedCount == 0)
        }
    }

    // MARK: The network

    /// Cut at many places of an answer: the statement fails once, and the next one goes through.
    @Test(arguments: [FaultProxy.Faults.Cut.reset, .finish]) func lossInTheMiddleOfARow(cut: FaultProxy.Faults.Cut) async throws {
        let target = try TestServer.url
        guard case .tcp(_, let port) = target.addresses[0] else { return }
        let proxy = try await FaultProxy.start(on: testGroup, to: try .init(ipAddress: "127.0.0.1", port: port)).get()
        var url = target
        url.addresses = [.tcp(host: "127.0.0.1", port: proxy.port)]
        url.tlsMode = .disable
        try await withPostgres(url, configuration: Self.one) { local, _ in
            for extra in stride(from: 1, to: 60_000, by: 4_999) {
                _ = try await local.query("select 1")
                _ = try await proxy.update { faults in
                    faults.cut = cut
                    // More than what went through each connection before.
                    faults.cutAfterReplyBytes = 5_000 + extra
                }.get()
                let receiver = CountingReceiver(local.loop)
                local.send("select i, repeat('x', 1000) from generate_series(1, 1000) i", deadline: nil, tag: 0, to: receiver)
                try await receiver.ended.get()
                #expect(receiver.failures.first?.code == .connectionLost && receiver.failures.first?.mayHaveRun == true)
                #expect(receiver.rows < 1000)
                _ = try await proxy.update { $0.cutAfterReplyBytes = nil }.get()
                let value12 = try await local.query("select 2")[0].decode(Int.self)
                #expect(value12 == 2)
                #expect(receiver.ends == 1)
            }
        }
        try await proxy.shutdown().get()
    }

    /// Nothing comes back any more: the deadline ends it, and the connection is not used again.
    @Test func aStallInTheMiddleOfRows() async throws {
        let target = try TestServer.url
        guard case .tcp(_, let port) = target.addresses[0] else { return }
        let proxy = try await FaultProxy.start(on: testGroup, to: try .init(ipAddress: "127.0.0.1", port: port)).get()
        var url = target
        url.addresses = [.tcp(host: "127.0.0.1", port: proxy.port)]
        url.tlsMode = .disable
        var configuration = Self.one
        configuration.cancelTimeout = .milliseconds(200)
        try await withPostgres(url, configuration: configuration) { local, _ in
            let first = try await Self.process(local)
            let closed = try #require(local.links[0].connection?.channel?.closeFuture)
            _ = try await proxy.update { $0.stallsReplies = true }.get()
            let late = await PostgresError.of { _ = try await local.query("select 1", deadline: .now() + .milliseconds(100)) }
            #expect(late?.code == .timeout && late?.mayHaveRun == true)
            try await closed.get()
            _ = try await proxy.update { $0.stallsReplies = false }.get()
            let value13 = try await Self.process(local)
            #expect(value13 != first)
        }
        try await proxy.shutdown().get()
    }

    // MARK: Copies where none was asked for

    /// The server waits for data that nobody has: told so, it goes on.
    @Test func aCopyInByAnotherSurface() async throws {
        try await withPostgres { local, _ in
            try await local.withConnection { connection in
                try await connection.execute("create temp table copied (i int)")
                let deadline = NIODeadline.now() + .seconds(60)
                let simple = await PostgresError.of {
                    _ = try await connection.simpleQuery("copy copied from stdin", deadline: deadline).get()
                }
                #expect(simple?.code == .serverError, "\(String(describing: simple))")
                let out = await PostgresError.of { for try await _ in connection.copyOut("copy copied from stdin", deadline: deadline) {} }
                #expect(out?.code == .serverError, "\(String(describing: out))")
                let extended = await PostgresError.of { _ = try await connection.query("copy copied from stdin", deadline: deadline) }
                #expect(extended?.code == .serverError, "\(String(describing: extended))")
                let value14 = try await connection.query("select count(*) from copied")[0].decode(Int.self)
                #expect(value14 == 0)
            }
        }
    }

    /// Cancelled before the server has said that it takes data: it waits for a lock.
    @Test func aCopyInThatHasNotBegun() async throws {
        try await withPostgres { local, _ in
            let table = "locked\(UInt32.random(in: 0 ... .max))"
            try await local.execute("create table \(identifier: table) (i int)")
            try await local.withTransaction { holder in
                try await holder.execute("lock table \(identifier: table)")
                let loop = local.loop
                try await local.withConnection { connection in
                    let process = try await Self.process(connection)
                    let task = Task(executorPreference: loop.weirExecutor) { [bound = NIOLoopBound(connection, eventLoop: loop)] in
                        await PostgresError.of { try await bound.value.copyIn("copy \(table) from stdin") { _ in } }
                    }
                    var isWaiting = false
                    while !isWaiting {
                        let rows = try await local.query(
                            "select 1 from pg_stat_activity where pid = \(process) and wait_event_type = 'Lock'")
                        isWaiting = rows.count == 1
                    }
                    task.cancel()
                    #expect(await task.value?.code == .cancelled)
                    let again = try await Self.process(connection)
                    #expect(again == process)
                }
            }
            try await local.execute("drop table \(identifier: table)")
        }
    }
}
