import NIOCore
import Testing

@testable import WeirPostgres

/// What texts are taken for.
struct TextTests {
    private static func traits(_ text: String) -> PostgresProxyText.Traits {
        ByteBuffer(string: text).withUnsafeReadableBytes { PostgresProxyText.traits(ofText: $0) }
    }

    private static func setting(_ text: String) -> PostgresProxyText.Setting {
        ByteBuffer(string: text).withUnsafeReadableBytes { PostgresProxyText.mayMatter($0) ? PostgresProxyText.setting($0) : .none }
    }

    @Test(arguments: [
        "create temp table t (a int)", "CREATE TEMPORARY TABLE t()", "create or replace temp view v as select 1", "select 1 into temp t",
        "create local temp table x()", "create /* a */ temp table t()", "select * INTO\n\tTEMPORARY x from y",
    ])
    func temporaryThings(text: String) { #expect(Self.traits(text) == .temporary) }

    @Test(arguments: [
        "select 1", "select temp from weather", "select temperature", "create table temp_log()", "select pg_advisory_xact_lock(1)",
        "select 'm', 'v', 'h', 'g'", "m", "v", "g", "h", "", "select threshold, holder from t", "select attempts from create_temporal",
    ])
    func nothing(text: String) { #expect(Self.traits(text).isEmpty) }

    @Test func locksAndSettingsAndCursors() {
        #expect(Self.traits("select pg_advisory_lock(1)") == .advisoryLock)
        #expect(Self.traits("SELECT PG_TRY_ADVISORY_LOCK(1)") == .advisoryLock)
        #expect(Self.traits("select set_config('a.b', 'c', false)") == .setConfig)
        #expect(Self.traits("declare c cursor with hold for select 1") == .hold)
    }

    @Test func settings() {
        #expect(Self.setting("set application_name = 'x'") == .tracked)
        #expect(Self.setting("SET SESSION TimeZone TO 'UTC';") == .tracked)
        #expect(Self.setting("set time zone 'UTC'") == .tracked)
        #expect(Self.setting("set names 'UTF8'") == .tracked)
        #expect(Self.setting("set local statement_timeout = 5") == .local)
        #expect(Self.setting("set transaction read only") == .local)
        #expect(Self.setting("set \"search_path\" to a, b") == .tracked)
        #expect(Self.setting("-- hello\n set search_path to a") == .tracked)
        #expect(Self.setting("set statement_timeout = 5") == .none)
        #expect(Self.setting("set role x") == .none)
        #expect(Self.setting("set session characteristics as transaction read only") == .none)
        #expect(Self.setting("set application_name = 'x'; set role y") == .none)
        #expect(Self.setting("reset all") == .resetAll)
        #expect(Self.setting("reset search_path") == .tracked)
        #expect(Self.setting("reset role") == .none)
        #expect(Self.setting("select 1") == .none)
    }

    @Test func deallocatedNames() {
        func name(_ text: String) -> String? {
            ByteBuffer(string: text).withUnsafeReadableBytes { PostgresProxyText.deallocated($0) }.map { String(buffer: $0) }
        }
        #expect(name("DEALLOCATE abc") == "abc")
        #expect(name("deallocate prepare ABC ;") == "abc")
        #expect(name("deallocate \"A\"\"b\"") == "A\"b")
        #expect(name("deallocate all") == nil)
        #expect(name("deallocate a; select 1") == nil)
        #expect(name("deallocate") == nil)
    }

    @Test func options() {
        func read(_ text: String) -> [String]? { PostgresProxyHandler.options(text)?.map { "\($0)=\($1)" } }
        #expect(read("-c search_path=a,b --time-zone=UTC  -cdatestyle=ISO") == ["search_path=a,b", "time_zone=UTC", "datestyle=ISO"])
        #expect(read("-c a=b\\ c") == ["a=b c"])
        #expect(read("-c") == nil)
        #expect(read("-B 5") == nil)
        #expect(read("") == [])
    }
}
