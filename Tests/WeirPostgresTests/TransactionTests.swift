import NIOCore
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// Transactions and connections of one's own, against a real server.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct TransactionTests {
    struct Stop: Error {}

    private static func count(_ local: LocalPostgres, _ table: String) async throws -> Int {
        try await local.query("select count(*) from \(identifier: table)")[0].decode(Int.self)
    }

    /// A table of the test's own.
    private static func withTable(_ body: @escaping @Sendable (LocalPostgres, String) async throws -> Void) async throws {
        try await withPostgres(connections: 4) { local, _ in
            let name = "t\(UInt32.random(in: 0 ... .max))"
            try await local.execute("create table \(identifier: name) (id int primary key, v int not null)")
            do { try await body(local, name) } catch {
                try await local.execute("drop table \(identifier: name)")
                throw error
            }
            try await local.execute("drop table \(identifier: name)")
        }
    }

    @Test func whatReturnsIsCommittedAndWhatThrowsIsNot() async throws {
        try await Self.withTable { local, table in
            let written = try await local.withTransaction { transaction in
                try await transaction.execute("insert into \(identifier: table) values (1, 1), (2, 2)")
            }
            #expect(written == 2)
            await #expect(throws: Stop.self) {
                try await local.withTransaction { transaction in
                    try await transaction.execute("insert into \(identifier: table) values (3, 3)")
                    throw Stop()
                }
            }
            let count = try await Self.count(local, table)
            #expect(count == 2)
        }
    }

    @Test func aFailedTransactionThatReturnsIsAnError() async throws {
        try await Self.withTable { local, table in
            let error = await PostgresError.of {
                try await local.withTransaction { transaction in
                    try await transaction.execute("insert into \(identifier: table) values (1, 1)")
                    _ = try? await transaction.execute("insert into \(identifier: table) values (1, 1)")
                }
            }
            #expect(error?.code == .transactionOver)
            let count = try await Self.count(local, table)
            #expect(count == 0)
        }
    }

    @Test func savepointsCanBeGoneBackTo() async throws {
        try await Self.withTable { local, table in
            try await local.withTransaction { transaction in
                try await transaction.execute("insert into \(identifier: table) values (1, 1)")
                let error = await PostgresError.of {
                    try await transaction.withSavepoint { inner in
                        try await inner.execute("insert into \(identifier: table) values (2, 2)")
                        try await inner.execute("insert into \(identifier: table) values (1, 1)")
                    }
                }
                #expect(error?.sqlState == .uniqueViolation)
                try await transaction.withSavepoint { inner in _ = try await inner.execute("insert into \(identifier: table) values (3, 3)")
                }
            }
            let ids = try await local.query("select id from \(identifier: table) order by id").map { try $0.decode(Int.self) }
            #expect(ids == [1, 3])
        }
    }

    @Test func aCancelledTransactionIsRolledBack() async throws {
        try await Self.withTable { local, table in
            let loop = local.loop
            let task = Task(executorPreference: loop.weirExecutor) { [bound = NIOLoopBound(local, eventLoop: loop)] in
                try await bound.value.withTransaction { transaction in
                    try await transaction.execute("insert into \(identifier: table) values (1, 1)")
                    try await transaction.execute("select pg_sleep(600)")
                }
            }
            try await loop.scheduleTask(in: .milliseconds(100)) {}.futureResult.get()
            task.cancel()
            await #expect(throws: PostgresError.self) { try await task.value }
            let count = try await Self.count(local, table)
            #expect(count == 0)
        }
    }

    @Test func whatIsInAnothersWayIsRunAgain() async throws {
        try await Self.withTable { local, table in
            try await local.execute("insert into \(identifier: table) values (1, 0)")
            let loop = local.loop
            let bound = NIOLoopBound(local, eventLoop: loop)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask(executorPreference: loop.weirExecutor) {
                        for _ in 0..<10 {
                            try await bound.value.withTransaction(isolation: .serializable, retries: 100) { transaction in
                                let value = try await transaction.query("select v from \(identifier: table) where id = 1")[0].decode(
                                    Int32.self)
                                try await transaction.execute("update \(identifier: table) set v = \(value + 1) where id = 1")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let value = try await local.query("select v from \(identifier: table)")[0].decode(Int.self)
            #expect(value == 30)
        }
    }

    @Test func nobodyFindsWhatAnotherLeft() async throws {
        try await withPostgres(connections: 1) { local, _ in
            let process = try await local.withConnection { connection in
                try await connection.execute("begin")
                try await connection.execute("set application_name = 'left behind'")
                try await connection.execute("create temp table left_behind (i int)")
                return try await connection.query("select pg_backend_pid()")[0].decode(Int32.self)
            }
            try await local.withConnection { connection in
                let row = try await connection.query(
                    "select pg_backend_pid(), current_setting('application_name'), to_regclass('pg_temp.left_behind') is null")[0]
                let (again, name, isGone) = try row.decode(Int32.self, String.self, Bool.self)
                #expect(again == process && name == "" && isGone)
                try await connection.execute("set application_name = 'left behind'")
                // Sent, and not waited for.
                connection.send("select pg_sleep(0.05)", deadline: nil, tag: 0, to: Silent())
            }
            try await local.withConnection { connection in
                let name = try await connection.query("select current_setting('application_name')")[0].decode(String.self)
                #expect(name == "")
            }
        }
    }

    final class Silent: PostgresReceiver {
        func postgresRow(_ row: PostgresRow, tag: UInt64) {}
        func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {}
        func postgresFailed(_ error: PostgresError, tag: UInt64) {}
    }

    @Test func severalResultsOfOneText() async throws {
        try await withPostgres { local, _ in
            try await local.withConnection { connection in
                let results = try await connection.simpleQuery(
                    "select 1; select 'a', null; ; create temp table x (i int); insert into x values (1), (2)"
                ).get()
                #expect(results.count == 4)
                #expect(try results[0][0].decode(Int.self) == 1)
                #expect(try results[1][0].decode(String.self, String?.self) == ("a", nil))
                #expect(results[3].affectedRows == 2)
                let error = await PostgresError.of { _ = try await connection.simpleQuery("select 1; select 1/0; select 2").get() }
                #expect(error?.sqlState == .divisionByZero)
            }
        }
    }
}
