import NIOCore
import Testing
import WeirPostgresWire

@testable import WeirPostgres

/// Statements on shared connections, against a real server.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct QueryTests {
    @Test func valuesGoThereAndBack() async throws {
        try await withPostgres { local, _ in
            let result = try await local.query("select \(1 as Int32) + 1, \("text é"), \(true), \(Int64?.none), \(2.5)")
            let row = try #require(result.first)
            let (sum, text, flag, none, double) = try row.decode(Int.self, String.self, Bool.self, Int64?.self, Double.self)
            #expect(sum == 2 && text == "text é" && flag && none == nil && double == 2.5)
            #expect(result.command.text == "SELECT 1")
            #expect(result.affectedRows == 1)
        }
    }

    @Test func columnsHaveNamesAndTypes() async throws {
        try await withPostgres { local, _ in
            let result = try await local.query("select 1 as one, 'x'::text as \(identifier: "a \"name\"")")
            let row = try #require(result.first)
            #expect(row.columns.list.map(\.name) == ["one", "a \"name\""])
            #expect(row.columns.list.map(\.type) == [.int4, .text])
            #expect(try row.decode(column: "one", as: Int.self) == 1)
            #expect(throws: PostgresDecodingError.self) { try row.decode(column: "two", as: Int.self) }
            #expect(throws: PostgresDecodingError.self) { try row.decode(Int.self, String.self, Int.self) }
        }
    }

    @Test func whatIsPrintedShowsNoValue() async throws {
        try await withPostgres { local, _ in
            let secret = "hunter2"
            let query: PostgresQuery = "select \(secret), \(ByteBuffer(string: secret))"
            let result = try await local.query(query)
            var dumped = ""
            dump(result, to: &dumped)
            dump(query, to: &dumped)
            dumped += "\(result) \(result[0]) \(String(reflecting: result[0])) \(query) \(query.parameters)"
            #expect(!dumped.contains(secret) && !dumped.contains("68756e74") && !dumped.contains("68 75 6e 74"))
        }
    }

    @Test func rowsComeInTheirOrder() async throws {
        try await withPostgres { local, _ in
            let result = try await local.query("select i, repeat('x', i % 300) from generate_series(1, \(20_000 as Int32)) i")
            #expect(result.count == 20_000)
            for (index, row) in result.enumerated() {
                let (number, text) = try row.decode(Int.self, String.self)
                #expect(number == index + 1 && text.utf8.count == (index + 1) % 300)
            }
        }
    }

    @Test func statementsArePreparedOnceAndBounded() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.maximumPreparedStatements = 3
        configuration.sharedConnections = 1
        try await withPostgres(configuration: configuration) { local, _ in
            for round in 0..<5 {
                for number in 0..<7 {
                    let result = try await local.query(PostgresQuery(sql: "select \(number), $1::int4", Int32(round)))
                    #expect(try result[0].decode(Int.self, Int.self) == (number, round))
                }
            }
            let prepared = try await local.query("select count(*) from pg_prepared_statements")
            #expect(try prepared[0].decode(Int.self) <= 4)
            for _ in 0..<10 { _ = try await local.query("select 'again'") }
            let names = try await local.query("select name from pg_prepared_statements where statement = 'select ''again'''")
            #expect(names.count == 1)
        }
    }

    @Test func anErrorTouchesNoNeighbour() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        try await withPostgres(configuration: configuration) { local, _ in
            let good = (0..<20).map { local.query("select \($0)") }
            let (bad, unknown) = { (local.query("select 1 / \(0)"), local.query("select * from there_is_none")) }()
            let more = (20..<40).map { local.query("select \($0)") }
            for (number, future) in (good + more).enumerated() {
                let value = try await future.get()[0].decode(Int.self)
                #expect(value == number)
            }
            let division = await PostgresError.of { _ = try await bad.get() }
            #expect(division?.sqlState == .divisionByZero)
            #expect(division?.file?.description.hasSuffix("QueryTests.swift") ?? false)
            #expect(await PostgresError.of { _ = try await unknown.get() }?.sqlState == .undefinedTable)
        }
    }

    @Test func whatCouldNotBePreparedIsNotRemembered() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        try await withPostgres(configuration: configuration) { local, _ in
            let sql: PostgresQuery = "select count(*) from made_later"
            // All of them find the statement in the cache whose Parse is still under way.
            let futures = (0..<5).map { _ in local.query(sql) }
            for future in futures { #expect(await PostgresError.of { _ = try await future.get() }?.sqlState == .undefinedTable) }
            try await local.execute("create table made_later (i int)")
            #expect(try await local.query(sql)[0].decode(Int.self) == 0)
            try await local.execute("drop table made_later")
        }
    }

    @Test func aPlanThatChangedIsPreparedAgain() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        try await withPostgres(configuration: configuration) { local, _ in
            try await local.execute("create table changing (a int)")
            try await local.execute("insert into changing values (1)")
            #expect(try await local.query("select * from changing")[0].count == 1)
            try await local.execute("alter table changing add b text default 'new'")
            let row = try await local.query("select * from changing")[0]
            #expect(try row.decode(Int.self, String.self) == (1, "new"))
            try await local.execute("drop table changing")
        }
    }

    @Test func whatNeedsASessionIsRefused() async throws {
        try await withPostgres { local, _ in
            for sql in ["begin", "/* a /* b */ c */ -- d\n  SET a = 1", "listen x", "create temp table t (i int)", "copy t from stdin"] {
                let error = await PostgresError.of { try await local.execute(PostgresQuery(sql: sql)) }
                #expect(error?.code == .needsLease, "\(sql)")
            }
            // What merely begins like it.
            let fine = try await local.query("select 'begin'")
            #expect(fine.count == 1)
        }
    }

    @Test func parametersThatCannotBeSentFailAlone() async throws {
        try await withPostgres { local, _ in
            let good = { local.query("select 1") }()
            let error = await PostgresError.of { _ = try await local.query("select \("a\0b")") }
            #expect(error?.code == .notEncodable && error?.mayHaveRun == false)
            let inText = await PostgresError.of { try await local.execute(PostgresQuery(sql: "select 'a\0b'")) }
            #expect(inText?.code == .notEncodable)
            let result = try await good.get()
            #expect(result.count == 1)
        }
    }
}
