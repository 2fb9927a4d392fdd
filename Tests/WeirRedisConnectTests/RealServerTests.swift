import NIOCore
import NIOSSL
import Testing
import WeirRESP
import WeirRedis

/// Logins against real servers.
@Suite(.enabled(if: Services.plain != nil && Services.acl != nil, "needs dev/services")) struct RealServerTests {
    @Test(.serialized, arguments: Services.full, [RESPVersion.resp3, .resp2])
    func connects(url text: String, version: RESPVersion) async throws {
        var url = try RedisURL(text)
        url.database = 3
        var configuration = try serviceConfiguration(for: text)
        configuration.version = version
        configuration.clientName = "connects"
        try await withRedis(url, configuration) { (redis) async throws in
            let info = try await redis.text("CLIENT", "INFO")
            #expect(info.contains(" resp=\(version.rawValue)") && info.contains(" name=connects ") && info.contains(" db=3 "), "\(info)")
            #expect(info.contains(" user=\(url.user ?? "default") "))
            if text == Services.unix { #expect(info.contains("redis.sock:0")) }
            // More than any buffer on the way: writability and reading go on through TLS.
            let large = ByteBuffer(repeating: 0x61, count: 4 * 1024 * 1024)
            let key = ByteBuffer(string: "connect-tests-\(version)")
            try await redis.ask(.set(key, to: large))
            #expect(try await redis.ask(.get(key)) == large)
            _ = try await redis.ask(.delete(key))
        }
    }

    @Test func defaultUserHasNoName() async throws {
        try await withRedis(try RedisURL(Services.aclDefault!)) { (redis) async throws in
            let error = await #expect(throws: RedisError.self) { try await redis.text("GET", "a") }
            #expect(error?.serverErrorKind == .noPermission)
        }
    }

    @Test(arguments: [RESPVersion.resp3, .resp2], [nil, "", "any"])
    func userWhoNeedsNoPassword(version: RESPVersion, password: String?) async throws {
        var url = try RedisURL(Services.acl!)
        url.user = "open"
        url.password = password
        var configuration = RedisConfiguration.patient
        configuration.version = version
        try await withRedis(url, configuration) { (redis) async throws in
            #expect(try await redis.text("CLIENT", "INFO").contains(" user=open "))
        }
    }

    /// A user who may neither PING nor SELECT nor CLIENT, and needs none of it.
    @Test(arguments: [RESPVersion.resp3, .resp2])
    func limitedUserMayUseDatabaseZero(version: RESPVersion) async throws {
        var configuration = RedisConfiguration.patient
        configuration.version = version
        configuration.clientName = "limited"
        try await withRedis(try RedisURL(Services.aclLimited!), configuration) { (redis) async throws in
            #expect(try await redis.text("SET", "connect-tests-limited", "x") == "OK")
        }
        var other = try RedisURL(Services.aclLimited!)
        other.database = 1
        let failure = try await ConnectFailure.of(other, configuration)
        #expect(failure.error.code == .authenticationFailed && failure.error.serverErrorKind == .noPermission)
        #expect(failure.error.message.contains("SELECT") && failure.error.message.contains("database"))
        #expect(!failure.shown.contains("limited-secret"))
    }

    @Test(arguments: [RESPVersion.resp3, .resp2])
    func namesWhatWasRefused(version: RESPVersion) async throws {
        var configuration = RedisConfiguration.patient
        configuration.version = version
        let good = try RedisURL(Services.acl!)
        var wrongPassword = good
        wrongPassword.password = "wrong-secret"
        var wrongUser = good
        wrongUser.user = "nobody"
        wrongUser.password = "wrong-secret"
        var noLogin = good
        noLogin.user = nil
        noLogin.password = nil
        var wrongDatabase = good
        wrongDatabase.database = 99999
        for (url, kind, word) in [
            (wrongPassword, RedisServerErrorKind.wrongPassword, "password"), (wrongUser, .wrongPassword, "user"),
            (noLogin, .notAuthenticated, "wants a login"), (wrongDatabase, .error, "database"),
        ] {
            let failure = try await ConnectFailure.of(url, configuration)
            #expect(failure.error.code == .authenticationFailed && failure.error.serverErrorKind == kind, "\(failure.error)")
            #expect(failure.error.message.contains(word), "\(failure.error)")
            #expect(!failure.shown.contains("wrong-secret") && !failure.shown.contains("p@ss:word"))
        }
    }

    /// What a server without a password says to one: AUTH is an error, HELLO takes it.
    @Test func passwordThatNobodyAskedFor() async throws {
        var url = try RedisURL(Services.plain!)
        url.password = "secret"
        var configuration = RedisConfiguration.patient
        configuration.version = .resp2
        let failure = try await ConnectFailure.of(url, configuration)
        #expect(failure.error.code == .authenticationFailed && failure.error.message.contains("AUTH") && !failure.shown.contains("secret"))
        try await withRedis(url) { (redis) async throws in try await redis.ask(.ping) }
    }

    @Test func aNameThatNoServerTakesIsNotSet() async throws {
        var configuration = RedisConfiguration.patient
        configuration.clientName = "two words"
        try await withRedis(try RedisURL(Services.plain!), configuration) { (redis) async throws in
            #expect(try await redis.text("CLIENT", "INFO").contains(" name= "))
        }
    }

    @Test func goesOnAfterTheServerClosedTheConnection() async throws {
        for text in Services.full {
            try await withRedis(try RedisURL(text), try serviceConfiguration(for: text)) { (redis) async throws in
                let identifier = try await redis.text("CLIENT", "ID")
                let killed = try await redis.text("CLIENT", "KILL", "ID", identifier, "SKIPME", "no")
                #expect(killed == "1")
                #expect(try await eventually { (try? await redis.text("CLIENT", "ID")).map { $0 != identifier } ?? false })
            }
        }
    }

    @Test func unixSocketThatIsNotThere() async throws {
        for path in ["/nowhere/redis.sock", "/" + String(repeating: "x", count: 200)] {
            let failure = try await ConnectFailure.of(RedisURL(addresses: [.unixSocket(path: path)]))
            #expect(failure.error.code == .connectFailed && failure.error.cause != nil)
        }
    }
}
