import NIOCore
import Testing
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// What a client sets, leaves behind or breaks off is its own affair.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct SessionTests {
    @Test func settingsStayWithTheirClient() async throws {
        try await TestProxy.with { proxy in
            let one = try await proxy.client(["application_name": "one", "TimeZone": "Asia/Tokyo"])
            let two = try await proxy.client(["application_name": "two", "DateStyle": "German"])
            for _ in 0..<2 {
                #expect(try await one.query("show application_name") == "T D:one C:SHOW Z:I")
                #expect(try await one.query("show timezone") == "T D:Asia/Tokyo C:SHOW Z:I")
                #expect(try await two.query("show application_name") == "T D:two C:SHOW Z:I")
                #expect(try await two.query("show timezone") != "T D:Asia/Tokyo C:SHOW Z:I")
                #expect(try await two.query("show datestyle") == "T D:German, DMY C:SHOW Z:I")
            }
            #expect(one.parameters["TimeZone"] == "Asia/Tokyo")
            #expect(two.parameters["DateStyle"] == "German, DMY")
            _ = try await one.query("set search_path to pg_catalog, \"A b\"")
            _ = try await one.query("set application_name to 'o''n\\e'")
            #expect(try await two.query("show search_path") == "T D:\"$user\", public C:SHOW Z:I")
            #expect(try await one.query("show search_path") == "T D:pg_catalog, \"A b\" C:SHOW Z:I")
            #expect(try await two.query("show application_name") == "T D:two C:SHOW Z:I")
            #expect(try await one.query("show application_name") == "T D:o'n\\e C:SHOW Z:I")
            _ = try await one.query("begin; set search_path to nowhere; rollback")
            #expect(try await one.query("show search_path") == "T D:pg_catalog, \"A b\" C:SHOW Z:I")
            // All of that on one server connection.
            #expect(try await proxy.statistics().connects == 1)
        }
    }

    @Test func whatIsNotTrackedKeepsItsConnection() async throws {
        try await TestProxy.with(connections: 2) { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            for (sql, check) in [
                ("set statement_timeout = '7s'", "show statement_timeout"), ("select set_config('a.b', 'c', false)", "show a.b"),
                ("create temp table mine (a int)", "select count(*) from mine"), ("prepare p as select 5", "execute p"),
                ("declare c cursor with hold for select 6", "fetch c"), ("select pg_advisory_lock(123)", "select pg_advisory_unlock(123)"),
            ] {
                _ = try await one.query(sql)
                let others = try await two.query("select 1")
                #expect(others == "T D:1 C:SELECT.1 Z:I")
                #expect(try await !one.query(check).contains("E:"), "\(sql)")
            }
            try await one.vanish()
            // Both connections, by two clients at a time.
            let three = try await proxy.client()
            _ = try await two.query("begin")
            _ = try await three.query("begin")
            for client in [two, three] {
                #expect(try await client.query("show statement_timeout") == "T D:0 C:SHOW Z:T")
                #expect(
                    try await client.query("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")
                        == "T D:0 C:SELECT.1 Z:T")
                #expect(try await client.query("select to_regclass('mine') is null") == "T D:t C:SELECT.1 Z:T")
                #expect(try await client.query("select count(*) from pg_cursors where is_holdable") == "T D:0 C:SELECT.1 Z:T")
            }
        }
    }

    @Test func discardAllGivesTheConnectionBack() async throws {
        try await TestProxy.with { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            _ = try await one.query("set statement_timeout = '7s'")
            #expect(try await one.query("discard all") == "C:DISCARD.ALL Z:I")
            #expect(try await two.query("show statement_timeout") == "T D:0 C:SHOW Z:I")
        }
    }

    @Test(arguments: [
        ["begin; create table vanished (a int)"], ["begin", "select nothing"], ["begin", "declare c cursor for select 1"],
    ]) func aTransactionOfAVanishedClientIsRolledBack(statements: [String]) async throws {
        try await TestProxy.with { proxy in
            let one = try await proxy.client()
            for sql in statements { _ = try await one.query(sql) }
            try await one.vanish()
            let two = try await proxy.client()
            #expect(try await two.query("select to_regclass('vanished') is null, now()") == "T D:t C:SELECT.1 Z:I")
            #expect(try await two.query("commit") == "C:COMMIT Z:I")
        }
    }

    @Test func halfAMessageIsNeverWhole() async throws {
        try await TestProxy.with { proxy in
            let one = try await proxy.client()
            // Without its last two bytes: whatever follows them might make another statement of it.
            let text = String(repeating: " ", count: 20_000) + "create table half1 (a int)"
            var bytes = ByteBuffer()
            try bytes.writePostgresQuery(text)
            try await one.send { $0.writeImmutableBuffer(bytes.getSlice(at: 0, length: bytes.readableBytes - 2)!) }
            _ = try await proxy.client()
            try await one.vanish()
            let two = try await proxy.client()
            #expect(try await two.query("select count(*) from pg_class where relname like 'half%'") == "T D:0 C:SELECT.1 Z:I")
        }
    }

    @Test func copiesPassBothWays() async throws {
        try await TestProxy.with { proxy in
            let one = try await proxy.client()
            _ = try await one.query("drop table if exists copied; create table copied (a int)")
            try await one.send { try $0.writePostgresQuery("copy copied from stdin") }
            #expect(await one.until("G") == "G")
            try await one.send {
                for number in 0..<1000 { try PostgresFrontend.CopyData(data: ByteBuffer(string: "\(number)\n")).write(into: &$0) }
                try PostgresFrontend.CopyDone().write(into: &$0)
            }
            #expect(await one.untilReady() == "C:COPY.1000 Z:I")
            // By the extended protocol, with a Sync before and behind.
            try await one.send { try StatementTests.write(["P::copy copied from stdin", "B:", "E", "S"], &$0) }
            #expect(await one.until("G") == "1 2 G")
            try await one.send {
                try PostgresFrontend.CopyFail(reason: "no more").write(into: &$0)
                try $0.writePostgresSync()
            }
            #expect(await one.untilReady() == "E:57014 Z:I")
            let two = try await proxy.client()
            #expect(try await two.query("select count(*) from copied") == "T D:1000 C:SELECT.1 Z:I")
            let copy = try await two.query("copy copied to stdout")
            #expect(copy.hasPrefix("H d d") && copy.hasSuffix("d c C:COPY.1000 Z:I"))
            // A client that is gone in the middle of it leaves nothing.
            try await one.send { try $0.writePostgresQuery("copy copied from stdin") }
            #expect(await one.until("G") == "G")
            try await one.send { try PostgresFrontend.CopyData(data: ByteBuffer(string: "1\n")).write(into: &$0) }
            try await one.vanish()
            #expect(try await two.query("select count(*) from copied") == "T D:1000 C:SELECT.1 Z:I")
            _ = try await two.query("drop table copied")
        }
    }

    @Test func notificationsComeToWhoListens() async throws {
        try await TestProxy.with(connections: 2) { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            #expect(try await one.query("listen news") == "C:LISTEN Z:I")
            #expect(try await two.query("notify news") == "C:NOTIFY Z:I")
            #expect(await one.until("A") == "A")
        }
    }

    @Test func aServerThatEndsASessionIsHeard() async throws {
        try await TestProxy.with(connections: 2) { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            _ = try await one.query("begin")
            let process = try await one.query("select pg_backend_pid()").split(separator: " ")[1].dropFirst(2)
            _ = try await two.query("select pg_terminate_backend(\(process))")
            #expect(await one.untilReady() == "E:57P01 closed")
            // One that has nothing in flight notices nothing.
            #expect(try await two.query("select 1") == "T D:1 C:SELECT.1 Z:I")
        }
    }

    @Test func aSlowReaderGetsEverything() async throws {
        try await TestProxy.with { proxy in
            let one = try await proxy.client()
            try await one.channel.setOption(.autoRead, value: false).get()
            try await one.send { try $0.writePostgresQuery("select repeat('x', 100000) from generate_series(1, 300)") }
            // Meanwhile the loop serves others, and the server's socket is full.
            let two = try await RawClient.connect(port: proxy.port, user: "eve", database: "postgres")
            #expect(try await two.query("select 1") == "T D:1 C:SELECT.1 Z:I")
            try await one.channel.setOption(.autoRead, value: true).get()
            let seen = await one.untilReady()
            #expect(seen.utf8.count > 30_000_000 && seen.hasSuffix(" C:SELECT.300 Z:I"))
        }
    }
}
