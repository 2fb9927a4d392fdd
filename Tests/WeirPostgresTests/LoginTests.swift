import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire
import WeirTestKit

@testable import WeirPostgres

/// Every way to log in, against a real server.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct LoginTests {
    /// A URL of the server for one of its users.
    static func url(_ user: String, _ options: String = "", host: String = "127.0.0.1", password: String? = nil) throws -> PostgresURL {
        let port = try #require(TestServer.variable("PORT"))
        var url = try PostgresURL("postgres://\(user)@\(host):\(port)/weir?\(options)")
        url.password = password ?? TestServer.variable("PASSWORD")
        return url
    }

    static func certificates() throws -> String { try #require(TestServer.variable("CERTIFICATES")) }

    static func socket(_ user: String) throws -> PostgresURL {
        var url = try self.url(user)
        let directory = try #require(TestServer.variable("SOCKETS"))
        url.addresses = [.unixSocket(directory: directory, port: Int(try #require(TestServer.variable("PORT")))!)]
        return url
    }

    /// Who one is there, and whether by TLS.
    private static func whoAmI(
        _ url: PostgresURL, _ configuration: PostgresConfiguration = .patient
    ) async throws -> (user: String, usesTLS: Bool) {
        try await Connecting.with(url, configuration) { connection in
            let row = try await connection.query("select current_user::text, ssl from pg_stat_ssl where pid = pg_backend_pid()")[0]
            return try row.decode(String.self, Bool.self)
        }
    }

    // MARK: Passwords

    @Test(arguments: ["scram", "md5", "trusted"], ["disable", "prefer", "require"]) func byPassword(user: String, mode: String) async throws
    {
        let (name, usesTLS) = try await Self.whoAmI(try Self.url(user, "sslmode=\(mode)"))
        #expect(name == user && usesTLS == (mode != "disable"))
    }

    @Test func scramBoundToTLS() async throws {
        for binding in PostgresChannelBinding.allCases {
            let (name, _) = try await Self.whoAmI(try Self.url("scram", "sslmode=require&channel_binding=\(binding.rawValue)"))
            #expect(name == "scram")
        }
        // Refused where there is nothing to be bound to, or nobody asks for a password.
        for (user, options) in [
            ("scram", "sslmode=disable"), ("md5", "sslmode=require"), ("trusted", "sslmode=require"), ("cleartext", "sslmode=require"),
        ] {
            let error = await Connecting.error(try Self.url(user, "\(options)&channel_binding=require"))
            #expect(error?.code == .authenticationFailed, "\(user)")
        }
        for binding in ["prefer", "disable"] {
            let (name, _) = try await Self.whoAmI(try Self.url("scram", "sslmode=disable&channel_binding=\(binding)"))
            #expect(name == "scram")
        }
    }

    @Test func md5WhereItIsNotAllowed() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.allowsMD5Password = false
        #expect(await Connecting.error(try Self.url("md5"), configuration)?.code == .authenticationFailed)
        let (name, _) = try await Self.whoAmI(try Self.url("scram"), configuration)
        #expect(name == "scram")
    }

    @Test func clearTextWhereItIsAllowedAndVerified() async throws {
        var allowing = PostgresConfiguration.patient
        allowing.allowsCleartextPassword = true
        let root = "sslrootcert=\(try Self.certificates())/root.crt"
        for (options, configuration, isFine) in [
            ("sslmode=verify-full&\(root)", allowing, true), ("sslmode=verify-ca&\(root)", allowing, true),
            ("sslmode=verify-full&\(root)", .patient, false), ("sslmode=require&\(root)", allowing, false),
            ("sslmode=prefer", allowing, false), ("sslmode=disable", allowing, false),
        ] {
            let url = try Self.url("cleartext", options)
            if isFine {
                let (name, _) = try await Self.whoAmI(url, configuration)
                #expect(name == "cleartext")
            } else {
                #expect(await Connecting.error(url, configuration)?.code == .authenticationFailed, "\(options)")
            }
        }
    }

    @Test(arguments: ["scram", "md5", "tls"]) func wrongPasswords(user: String) async throws {
        for password in ["wrong-pa55word", ""] {
            var url = try Self.url(user, "sslmode=require", password: "wrong-pa55word")
            url.password = password
            let error = try #require(await PostgresError.of { try await Connecting.with(url) { _ in } })
            #expect(error.code == .authenticationFailed && error.sqlState == .invalidPassword && error.server?.isFatal ?? false)
            Secrets.expectNone(of: "wrong-pa55word", in: error)
        }
        var none = try Self.url(user, "sslmode=require")
        none.password = nil
        let error = await PostgresError.of { try await Connecting.with(none) { _ in } }
        #expect(error?.code == .authenticationFailed && error?.server == nil)
    }

    @Test func aWrongPasswordInAPool() async throws {
        try await withPostgres(try Self.url("scram", password: "wrong-pa55word")) { local, pool in
            let futures = (0..<100).map { _ in local.query("select 1") }
            for future in futures {
                let error = try #require(await PostgresError.of { _ = try await future.get() })
                #expect(error.code == .noConnection && error.root.sqlState == .invalidPassword)
                Secrets.expectNone(of: "wrong-pa55word", in: error)
            }
            Secrets.expectNone(of: "wrong-pa55word", in: local)
            let statistics = try await pool.connections.statistics().get()
            #expect(statistics.connects <= 4, "\(statistics.connects)")
        }
    }

    /// Two pools of one password, and many connections: each has its own exchange.
    @Test func manyLoginsAtOnce() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        try await withPostgres(try Self.url("scram"), connections: 20, configuration: configuration) { local, _ in
            let futures = (0..<10).map { _ in local.withConnection { $0.query("select pg_sleep(0.05)") } }
            for future in futures {
                let value1 = try await future.get().count
                #expect(value1 == 1)
            }
        }
    }

    @Test func wrongDatabaseAndWrongUser() async throws {
        var url = try Self.url("scram")
        url.database = "there is none"
        let database = await Connecting.error(url)
        #expect(database?.code == .connectFailed && database?.sqlState == .invalidCatalogName)
        let user = await Connecting.error(try Self.url("nobody", "sslmode=require"))
        #expect(user?.code == .authenticationFailed && user?.sqlState == .invalidAuthorization)
        for (name, database) in [("a\0b", "weir"), ("weir", "a\0b"), (String(repeating: "x", count: 20_000), "weir")] {
            var url = try Self.url("scram")
            (url.user, url.database) = (name, database)
            #expect(await Connecting.error(url)?.code == .connectFailed)
        }
    }

    @Test func anExpiredPassword() async throws {
        let error = await Connecting.error(try Self.url("expired"))
        #expect(error?.code == .authenticationFailed && error?.sqlState == .invalidPassword)
    }

    // MARK: TLS

    /// Someone in between took the binding from the server's offer: the client says that it could have bound, which a server that has offered it
    /// takes for what it is.
    @Test(arguments: ["prefer", "disable", "require"]) func aBindingThatWasTakenAway(binding: String) async throws {
        let name = "\(try Self.certificates())/server"
        let tls = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile("\(name).crt").map { .certificate($0) },
                privateKey: .privateKey(NIOSSLPrivateKey(file: "\(name).key", format: .pem))))
        let said = NIOLockedValueBox("")
        var script = FakeScript()
        script.encryption = { session in
            session.send(.encryptionResponse(.ssl))
            try! session.channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
        }
        script.startup = { $0.send(.authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256"]))) }
        script.authentication = { session, response in
            said.withLockedValue { $0 = String(buffer: response) }
            session.close()
        }
        try await FakePostgres.with(script) { server in
            let error = await Connecting.error(try server.url("sslmode=require&channel_binding=\(binding)"))
            switch binding {
            case "prefer": #expect(said.withLockedValue { $0 }.contains("y,,n=,r="))
            case "disable": #expect(said.withLockedValue { $0 }.contains("n,,n=,r="))
            default: #expect(error?.code == .authenticationFailed && said.withLockedValue { $0 } == "")
            }
        }
    }

    @Test func whoIsToUseTLS() async throws {
        let plain = await Connecting.error(try Self.url("tls", "sslmode=disable"))
        #expect(plain?.code == .authenticationFailed && plain?.sqlState == .invalidAuthorization)
        for mode in ["prefer", "require"] {
            let (name, usesTLS) = try await Self.whoAmI(try Self.url("tls", "sslmode=\(mode)"))
            #expect(name == "tls" && usesTLS)
        }
        // Another may come only without.
        let (name, usesTLS) = try await Self.whoAmI(try Self.url("plain", "sslmode=prefer"))
        #expect(name == "plain" && !usesTLS)
        let required = await Connecting.error(try Self.url("plain", "sslmode=require"))
        #expect(required?.code == .authenticationFailed && required?.sqlState == .invalidAuthorization)
    }

    /// By mode: which of right and wrong authority and name are taken. The certificate is for localhost and 127.0.0.1, and NIOSSL is content
    /// with one for the address that was connected to, whatever name is asked for.
    @Test(arguments: PostgresTLSMode.allCases, ["root", "other"]) func whatIsVerified(mode: PostgresTLSMode, authority: String) async throws
    {
        for name in ["127.0.0.1", "localhost", "wrong"] {
            var configuration = PostgresConfiguration.patient
            if name == "wrong" { configuration.tlsServerName = "example.com" }
            let url = try Self.url(
                "scram", "sslmode=\(mode.rawValue)&sslrootcert=\(try Self.certificates())/\(authority).crt",
                host: name == "localhost" ? name : "127.0.0.1")
            let isFine: Bool
            switch mode {
            case .disable, .prefer: isFine = true
            case .require, .verifyCA, .verifyFull: isFine = authority == "root"
            }
            if isFine {
                let (_, usesTLS) = try await Self.whoAmI(url, configuration)
                #expect(usesTLS == (mode != .disable), "\(mode) \(authority) \(name)")
            } else {
                #expect(await Connecting.error(url, configuration)?.code == .tlsFailed, "\(mode) \(authority) \(name)")
            }
        }
    }

    /// It speaks TLS, but no version that is spoken here: who only prefers it goes without.
    @Test(.enabled(if: OwnPostgres.isThere), arguments: ["prefer", "require"]) func versionsOfTLSThatDoNotMeet(mode: String) async throws {
        let server = try await OwnPostgres.start(
            "-c", "ssl=on", "-c", "ssl_min_protocol_version=TLSv1.3", certificate: "\(try Self.certificates())/server")
        var configuration = PostgresConfiguration.patient
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.maximumTLSVersion = .tlsv12
        configuration.tls = tls
        let url = try server.url("sslmode=\(mode)")
        if mode == "prefer" {
            let (_, usesTLS) = try await Self.whoAmI(url, configuration)
            #expect(!usesTLS)
        } else {
            #expect(await Connecting.error(url, configuration)?.code == .tlsFailed)
        }
    }

    /// The server shows the certificate of the authority itself, which names no host.
    @Test(.enabled(if: OwnPostgres.isThere), arguments: PostgresTLSMode.allCases) func aWrongName(mode: PostgresTLSMode) async throws {
        let root = "\(try Self.certificates())/root"
        let server = try await OwnPostgres.start("-c", "ssl=on", certificate: root)
        for host in ["localhost", "127.0.0.1"] {
            var url = try server.url("sslmode=\(mode.rawValue)&sslrootcert=\(root).crt")
            url.addresses = [.tcp(host: host, port: server.port)]
            if mode == .verifyFull {
                #expect(await Connecting.error(url)?.code == .tlsFailed)
            } else {
                let (_, usesTLS) = try await Self.whoAmI(url)
                #expect(usesTLS == (mode != .disable))
            }
        }
    }

    @Test func byCertificate() async throws {
        let directory = try Self.certificates()
        let files = { (name: String) in
            "sslmode=verify-full&sslrootcert=\(directory)/root.crt&sslcert=\(directory)/\(name).crt&sslkey=\(directory)/\(name).key"
        }
        var url = try Self.url("certificate", files("certificate"))
        url.password = nil
        let (name, usesTLS) = try await Self.whoAmI(url)
        #expect(name == "certificate" && usesTLS)
        // Of another authority; none; for another user.
        url = try Self.url("certificate", files("stranger"))
        #expect(await Connecting.error(url)?.code == .tlsFailed)
        url = try Self.url("certificate", "sslmode=require")
        #expect(await Connecting.error(url)?.code == .authenticationFailed)
        // Files that are not there, found by each connect.
        url = try Self.url("certificate", files("there-is-none"))
        #expect(await Connecting.error(url)?.code == .tlsFailed)
        url = try Self.url("scram", "sslmode=verify-full&sslrootcert=/there/is/none")
        #expect(await Connecting.error(url)?.code == .tlsFailed)
    }

    /// Over TLS, too.
    @Test func aLateStatementOverTLSEndsOnTheServer() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        try await withPostgres(try Self.url("tls", "sslmode=require"), configuration: configuration) { local, _ in
            let process = try await local.query("select pg_backend_pid()")[0].decode(Int32.self)
            let error = await PostgresError.of { _ = try await local.query("select pg_sleep(600)", deadline: .now() + .milliseconds(50)) }
            #expect(error?.code == .timeout)
            let after = try await local.query("select pg_backend_pid()")[0].decode(Int32.self)
            #expect(after == process)
        }
    }

    // MARK: Sockets and settings

    @Test(.enabled(if: TestServer.variable("SOCKETS") != nil)) func byUnixSocket() async throws {
        for mode in PostgresTLSMode.allCases {
            var url = try Self.socket("scram")
            url.tlsMode = mode
            let (name, usesTLS) = try await Self.whoAmI(url)
            #expect(name == "scram" && !usesTLS)
        }
        var nowhere = try Self.socket("scram")
        nowhere.addresses = [.unixSocket(path: "/there/is/none/.s.PGSQL.5432")]
        #expect(await Connecting.error(nowhere)?.code == .connectFailed)
        nowhere.addresses = [.unixSocket(path: String(repeating: "x", count: 200))]
        #expect(await Connecting.error(nowhere)?.code == .connectFailed)
    }

    @Test func settings() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.parameters = ["search_path": "pg_temp, public", "TimeZone": "Asia/Kathmandu", "statement_timeout": "7s"]
        let url = try Self.url("scram", "application_name=the%20app&options=-c%20geqo%3Doff%20-c%20work_mem%3D5MB")
        try await Connecting.with(url, configuration) { connection in
            for (name, value) in [
                ("search_path", "pg_temp, public"), ("TimeZone", "Asia/Kathmandu"), ("statement_timeout", "7s"),
                ("application_name", "the app"), ("geqo", "off"), ("work_mem", "5MB"), ("client_encoding", "UTF8"),
            ] {
                let value2 = try await connection.query("select current_setting(\(name))")[0].decode(String.self)
                #expect(value2 == value)
            }
            #expect(connection.parameters["TimeZone"] == "Asia/Kathmandu" && connection.parameters["application_name"] == "the app")
        }
        configuration.parameters = ["there_is.none": "x", "no such": "y"]
        let error = await Connecting.error(try Self.url("scram"), configuration)
        #expect(error?.code == .connectFailed && error?.server != nil)
        configuration.parameters = ["a\0b": "x"]
        #expect(await Connecting.error(try Self.url("scram"), configuration)?.code == .connectFailed)
        configuration.parameters = ["client_encoding": "LATIN1"]
        // Text is UTF-8 here, whatever is set.
        let encoding = try? await Connecting.with(try Self.url("scram"), configuration) { connection in
            try await connection.query("select current_setting('client_encoding')")[0].decode(String.self)
        }
        #expect(encoding == nil || encoding == "UTF8")
    }

    // MARK: Several hosts

    @Test(arguments: [FaultProxy.Faults.Admission.refuse, .blackHole]) func hostsThatAreNotThere(
        admission: FaultProxy.Faults.Admission
    ) async throws {
        var faults = FaultProxy.Faults()
        faults.admission = admission
        let good = try Self.url("scram").addresses[0]
        let proxy = try await FaultProxy.start(on: testGroup, to: try .init(ipAddress: "127.0.0.1", port: 1), faults: faults).get()
        let bad = PostgresAddress.tcp(host: "127.0.0.1", port: proxy.port)
        for mode in ["disable", "require"] {
            var url = try Self.url("scram", "sslmode=\(mode)")
            url.addresses = [bad, .tcp(host: "there.is.none.invalid", port: 5432), .tcp(host: "127.0.0.1", port: 1), good]
            let (user, _) = try await Self.whoAmI(url)
            #expect(user == "scram")
            url.addresses = [bad, bad]
            url.connectTimeoutSeconds = 1
            #expect(await Connecting.error(url)?.code == .connectFailed)
        }
        try await proxy.shutdown().get()
    }

    /// The one that served last is the first to be tried.
    @Test func thePoolStaysWithTheHostThatServes() async throws {
        let count = NIOLockedValueBox(0)
        var script = FakeScript()
        script.startup = { session in
            count.withLockedValue { $0 += 1 }
            session.close()
        }
        try await FakePostgres.with(script) { fake in
            var url = try Self.url("scram", "sslmode=disable")
            url.addresses = [.tcp(host: "127.0.0.1", port: fake.port)] + url.addresses
            try await withPostgres(url) { local, _ in
                for _ in 0..<10 {
                    try await local.withConnection { connection in
                        _ = try await connection.query("select 1")
                        connection.close()
                    }
                }
            }
            #expect(count.withLockedValue { $0 } == 1)
        }
    }

    /// Who is refused by one is not refused by the next one, too.
    @Test func aRefusedPasswordIsNotTriedElsewhere() async throws {
        try await FakePostgres.with(FakeScript()) { fake in
            var url = try Self.url("scram", "sslmode=disable", password: "wrong-pa55word")
            url.addresses.append(.tcp(host: "127.0.0.1", port: fake.port))
            #expect(await Connecting.error(url)?.code == .authenticationFailed)
            #expect(fake.connectionCount == 0)
        }
    }
}
