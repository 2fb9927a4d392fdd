import NIOCore
import NIOSSL
import Testing
import WeirCore
import WeirPostgresWire

@testable import WeirPostgres

/// Who gets in, and what a stranger can say.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct LoginTests {
    private static let list = """
        ; people
        "alice" "s3cr3t ""quoted"" x"
        "bob" "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$\(stored):\(server)"
        """
    private static let verifier = try! PostgresSCRAMVerifier(password: "bob's", salt: Array(0..<16))
    private static var stored: String { Base64.encode(self.verifier.storedKey) }
    private static var server: String { Base64.encode(self.verifier.serverKey) }

    private static func users() throws -> PostgresProxyConfiguration {
        var configuration = PostgresProxyConfiguration()
        configuration.authentication = .scram(try PostgresProxyUsers(list: self.list))
        return configuration
    }

    /// Logs in as a client of ours does.
    private static func login(
        _ proxy: TestProxy, _ user: String, _ password: String, _ mode: PostgresTLSMode = .disable
    ) async throws -> PostgresError? {
        let url = PostgresURL(
            addresses: [.tcp(host: "127.0.0.1", port: proxy.port)], user: user, password: password, database: "weir", tlsMode: mode)
        let pool = PostgresPool(url: url, group: testGroup, pool: .patient(2))
        var failure: PostgresError?
        do {
            let value = try await Task(executorPreference: testGroup.any().weirExecutor) {
                try await pool[testGroup.any()].query("select \(41) + 1")[0].decode(Int.self)
            }.value
            #expect(value == 42)
        } catch let error as PostgresError {
            failure = error
        }
        try await pool.shutdown(deadline: .now()).get()
        return failure
    }

    @Test func passwordsOfTheList() async throws {
        try await TestProxy.with(Self.users(), connections: 2) { proxy in
            #expect(try await Self.login(proxy, "alice", "s3cr3t \"quoted\" x") == nil)
            #expect(try await Self.login(proxy, "bob", "bob's") == nil)
            for (user, password) in [("alice", "wrong"), ("bob", "s3cr3t \"quoted\" x"), ("nobody", "bob's")] {
                let error = try await Self.login(proxy, user, password)
                #expect((error?.cause as? PostgresError ?? error) != nil)
            }
        }
    }

    @Test func nobodyLearnsWhoIsThere() throws {
        let users = try PostgresProxyUsers(list: Self.list)
        for user in ["alice", "nobody"] {
            var (one, two) = (users.exchange(for: user), users.exchange(for: user))
            let first = one.received(clientFirst: "n,,n=,r=abc")?.split(separator: ",")
            let second = two.received(clientFirst: "n,,n=,r=abc")?.split(separator: ",")
            // The salt stays the same, the nonce does not.
            #expect(first?[1] == second?[1] && first?[0] != second?[0] && first?[2] == "i=4096")
        }
        var exchange = users.exchange(for: "alice")
        for message in ["", "p=tls-server-end-point,,n=,r=abc", "n,,n=", "n,,n=,r=", "n,,m=x,n=,r=a", String(repeating: "n", count: 5000)] {
            #expect(exchange.received(clientFirst: message) == nil)
        }
        #expect(exchange.received(clientFinal: "c=biws,r=,p=") == nil)
        #expect(!"\(users)".contains("s3cr3t") && !String(reflecting: users).contains("s3cr3t"))
    }

    @Test(arguments: [
        "alice", "\"alice\"", "\"alice\" \"", "\"\" \"x\"", "\"a\" \"x\"\n\"a\" \"y\"", "\"a\" \"\"", "\"a\" \"SCRAM-SHA-256$x\"",
        "\"a\" \"md5d41d8cd98f00b204e9800998ecf8427e\"",
    ])
    func listsThatAreRefused(list: String) { #expect(throws: PostgresProxyUsers.ListError.self) { try PostgresProxyUsers(list: list) } }

    @Test func overTLS() async throws {
        guard let directory = TestServer.variable("CERTIFICATES") else { return }
        var configuration = try Self.users()
        let chain = try NIOSSLCertificate.fromPEMFile("\(directory)/server.crt").map { NIOSSLCertificateSource.certificate($0) }
        configuration.tls = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: "\(directory)/server.key", format: .pem))))
        configuration.requiresTLS = true
        try await TestProxy.with(configuration, connections: 2) { proxy in
            #expect(try await Self.login(proxy, "bob", "bob's", .require) == nil)
            #expect(try await Self.login(proxy, "bob", "bob's", .disable) != nil)
            // Bytes behind the request.
            let client = try await RawClient.raw(port: proxy.port)
            try await client.send {
                try PostgresFrontend.SSLRequest().write(into: &$0)
                $0.writeString("more")
            }
            #expect(await client.untilReady() == "E:08P01 closed")
        }
    }

    /// Each before the login, and each after it: an error and the end, and the next client is served.
    @Test(arguments: [
        [UInt8]("GET / HTTP/1.1\r\n\r\n".utf8), [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 8, 0, 2, 0, 0], [0x7F, 0xFF, 0xFF, 0xFF],
        [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 9, 0, 3, 0, 0, 0], [0, 0, 0, 12, 4, 210, 22, 46, 0, 0, 0, 0],
    ])
    func noStartUp(bytes: [UInt8]) async throws {
        try await TestProxy.with { proxy in
            let client = try await RawClient.raw(port: proxy.port)
            try await client.send { $0.writeBytes(bytes) }
            #expect(await client.untilReady() == "E:08P01 closed")
            #expect(try await proxy.client().query("select 1") == "T D:1 C:SELECT.1 Z:I")
        }
    }

    @Test(arguments: [
        [UInt8]("Q".utf8) + [0, 0, 0, 3], [UInt8]("Q".utf8) + [0xFF, 0xFF, 0xFF, 0xFF], [UInt8]("p".utf8) + [0, 0, 0, 5, 0],
        [UInt8]("?".utf8) + [0, 0, 0, 4], [UInt8]("S".utf8) + [0, 0, 0, 5, 0], [UInt8]("P".utf8) + [0, 0, 0, 9] + [UInt8]("abcde".utf8),
        [UInt8]("P".utf8) + [0, 0, 0, 12] + [UInt8]("a".utf8) + [0, 65, 0, 0xFF, 0xFF, 0, 0],
        [UInt8]("B".utf8) + [0, 0, 0, 12] + [UInt8]("abcdefgh".utf8),
    ])
    func noMessage(bytes: [UInt8]) async throws {
        try await TestProxy.with { proxy in
            let client = try await proxy.client()
            _ = try await client.query("begin")
            try await client.send { $0.writeBytes(bytes) }
            #expect(await client.untilReady() == "E:08P01 closed")
            #expect(try await proxy.client().query("select 1") == "T D:1 C:SELECT.1 Z:I")
        }
    }

    @Test func startUpParameters() async throws {
        var configuration = PostgresProxyConfiguration()
        configuration.ignoredStartupParameters = ["statement_timeout"]
        try await TestProxy.with(configuration) { proxy in
            #expect(try await proxy.client(["options": "-c search_path=a,b"]).query("show search_path") == "T D:a,b C:SHOW Z:I")
            #expect(try await proxy.client(["statement_timeout": "5"]).query("select 1") == "T D:1 C:SELECT.1 Z:I")
            for parameters in [["work_mem": "1MB"], ["options": "-B 5"], ["replication": "true"], ["TimeZone": "a\u{7}b"]] {
                let client = try await proxy.client(parameters)
                #expect(await client.untilReady() == "closed")
            }
            // One that the server refuses.
            let client = try await proxy.client(["TimeZone": "nowhere"])
            #expect(try await client.query("select 1") == "E:22023 closed")
        }
    }
}
