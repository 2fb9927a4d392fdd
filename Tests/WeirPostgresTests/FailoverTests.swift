import NIOCore
import Testing
import WeirCore
import WeirPool

@testable import WeirPostgres

/// Which of several servers is taken, and what becomes of a pool when another one is the primary.
@Suite(.enabled(if: TestServer.variable("PRIMARY_URL") != nil, "needs a primary and a replica in WEIR_POSTGRES_PRIMARY_URL"))
struct FailoverTests {
    private static func pair() throws -> (primary: PostgresAddress, replica: PostgresAddress, url: PostgresURL) {
        let primary = try PostgresURL(try #require(TestServer.variable("PRIMARY_URL")))
        let replica = try PostgresURL(try #require(TestServer.variable("REPLICA_URL")))
        return (primary.addresses[0], replica.addresses[0], primary)
    }

    /// Nil if there was none.
    private static func isReplica(_ url: PostgresURL) async throws -> Bool? {
        do {
            return try await Connecting.with(url) { try await $0.query("select pg_is_in_recovery()")[0].decode(Bool.self) }
        } catch let error as PostgresError where error.code == .noSuitableServer { return nil }
    }

    /// By attribute: what is taken of the primary first, of the replica first, of either alone.
    @Test(
        arguments: [
            (.any, [false, true, false, true]), (.readWrite, [false, false, false, nil]), (.primary, [false, false, false, nil]),
            (.readOnly, [true, true, nil, true]), (.standby, [true, true, nil, true]), (.preferStandby, [true, true, false, true]),
        ] as [(PostgresSessionAttributes, [Bool?])])
    func attributes(attributes: PostgresSessionAttributes, taken: [Bool?]) async throws {
        let (primary, replica, base) = try Self.pair()
        for (addresses, expected) in zip([[primary, replica], [replica, primary], [primary], [replica]], taken) {
            var url = base
            url.addresses = addresses
            url.sessionAttributes = attributes
            let isReplica = try await Self.isReplica(url)
            #expect(isReplica == expected, "\(attributes) of \(addresses.count)")
        }
    }

    /// A primary whose sessions are read-only by default is not for writing.
    @Test func sessionsThatAreReadOnlyByDefault() async throws {
        let (primary, _, base) = try Self.pair()
        var url = base
        url.addresses = [primary]
        url.options = "-c default_transaction_read_only=on"
        for (attributes, expected) in [
            (.readWrite, nil), (.readOnly, false), (.primary, false), (.standby, nil),
        ] as [(PostgresSessionAttributes, Bool?)] {
            url.sessionAttributes = attributes
            let value1 = try await Self.isReplica(url)
            #expect(value1 == expected, "\(attributes)")
        }
    }

    /// The primary dies under load, the standby is promoted: the pool finds it by itself, and nobody is told that a standby cannot write.
    @Test(.enabled(if: OwnPostgres.isThere)) func thePoolMovesToTheNewPrimary() async throws {
        let primary = try await OwnPostgres.start()
        let standby = try await primary.standby()
        var url = try primary.url("sslmode=disable&target_session_attrs=read-write")
        url.addresses = [.tcp(host: "127.0.0.1", port: standby.port), .tcp(host: "127.0.0.1", port: primary.port)]
        var configuration = PostgresConfiguration.patient
        configuration.statementTimeout = .seconds(5)
        try await withPostgres(url, configuration: configuration) { local, _ in
            try await local.execute("create table written (i bigint primary key)")
            var isThere = false
            while !isThere {
                let rows = try await Connecting.with(try standby.url()) { try await $0.query("select to_regclass('written') is not null") }
                isThere = try rows[0].decode(column: 0, as: Bool.self)
            }
            var (written, refused, afterwards) = ([Int64](), 0, 0)
            var next: Int64 = 0
            while afterwards < 50 {
                next += 1
                if next == 50 { try await primary.crash() }
                // Some time with a standby only.
                if refused == 20 { try standby.promote() }
                do {
                    try await local.execute("insert into written values (\(next))")
                    written.append(next)
                    if refused > 0 { afterwards += 1 }
                } catch let error as PostgresError {
                    refused += 1
                    #expect(error.sqlState != .readOnlyTransaction, "a write went to a standby")
                    #expect([.noConnection, .connectionLost, .serverError, .timeout].contains(error.code), "\(error)")
                    if error.code == .noConnection { try await local.loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get() }
                }
            }
            #expect(refused >= 20)
            let isReplica = try await local.query("select pg_is_in_recovery()")[0].decode(Bool.self)
            #expect(!isReplica)
            // What was written after the promotion is there.
            let there = try await local.query("select count(*) from written where i >= \(written[written.count - 50])")[0].decode(Int.self)
            #expect(there == 50)
        }
    }
}
