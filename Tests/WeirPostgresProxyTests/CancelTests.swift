import NIOCore
import Testing
import WeirPostgresWire

@testable import WeirPostgres

/// Cancel keys are the proxy's own.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct CancelTests {
    private static func cancel(_ proxy: TestProxy, _ key: PostgresBackend.BackendKeyData, wrong: Bool = false) async throws {
        let client = try await RawClient.raw(port: proxy.port)
        var secret = key.secretKey
        if wrong { secret.setInteger(key.secretKey.getInteger(at: secret.readerIndex, as: UInt32.self)! ^ 1, at: secret.readerIndex) }
        try await client.send { try PostgresFrontend.CancelRequest(processID: key.processID, secretKey: secret).write(into: &$0) }
        try await client.channel.closeFuture.get()
    }

    @Test func whatRunsIsEnded() async throws {
        try await TestProxy.with(connections: 2) { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            let key = try #require(one.key)
            try await one.send { try $0.writePostgresQuery("select pg_sleep(600)") }
            while try await two.query("select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'")
                != "T D:1 C:SELECT.1 Z:I"
            {}
            try await Self.cancel(proxy, key, wrong: true)
            #expect(try await two.query("select 1") == "T D:1 C:SELECT.1 Z:I")
            try await Self.cancel(proxy, key)
            #expect(await one.untilReady() == "T E:57014 Z:I")
            #expect(try await one.query("select 2") == "T D:2 C:SELECT.1 Z:I")
        }
    }

    /// Whoever gets the connection next is not hit.
    @Test(arguments: 0..<5) func aLateCancelHitsNobody(seed: UInt64) async throws {
        try await TestProxy.with { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            let key = try #require(one.key)
            for _ in 0..<20 {
                try await one.send { try $0.writePostgresQuery("select pg_sleep(0.002)") }
                async let cancelled: Void = Self.cancel(proxy, key)
                async let other = two.query("select pg_sleep(0.005)")
                _ = await one.untilReady()
                #expect(try await other == "T D: C:SELECT.1 Z:I")
                try await cancelled
            }
        }
    }
}
