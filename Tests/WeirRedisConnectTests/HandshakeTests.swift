import NIOCore
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirRedis
import WeirTestKit

/// What servers of other versions and hostile ones answer to a login.
@Suite struct HandshakeTests {
    private func withServer(
        _ steps: [ScriptedServer.Step], _ body: (ScriptedServer, RedisURL) async throws -> Void
    ) async throws {
        let server = try await ScriptedServer.start(on: testGroup) { _ in steps }.get()
        try await body(server, RedisURL(host: "127.0.0.1", port: server.port, user: "me", password: "very-secret"))
        try await server.shutdown().get()
    }

    // MARK: Other versions

    @Test(arguments: [
        // Redis 5, which repeats what it was sent.
        "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `me`, `very-secret`, \r\n",
        "-NOPROTO unsupported protocol version\r\n", "-NOPERM no\r\n", "-NOAUTH Authentication required.\r\n", "-invalid request\r\n",
        "!21\r\nSYNTAX invalid syntax\r\n".replacing("SYNTAX", with: "ERR   "),
    ])
    func fallsBackToRESP2(refusal: String) async throws {
        try await self.withServer([
            .awaitString("HELLO\r\n"), .send(refusal), .awaitString("*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$11\r\nvery-secret\r\n"),
            .send("+OK\r\n"),
            .awaitString("SELECT\r\n$1\r\n2\r\n"), .awaitString("PING\r\n"), .send("-ERR\r\n-ERR\r\n+OK\r\n+PONG\r\n"),
            .awaitString("PING\r\n"), .send("+PONG\r\n"), .hold,
        ]) { server, url in
            var url = url
            url.database = 2
            try await withRedis(url) { (redis) async throws in try await redis.ask(.ping) }
            #expect(try await server.acceptedConnections().get() == 1)
        }
    }

    /// Before Redis 6 the default user has no name.
    @Test func fallsBackWithoutTheDefaultUser() async throws {
        try await self.withServer([
            .awaitString("HELLO\r\n"), .send("-ERR unknown command\r\n"), .awaitString("*2\r\n$4\r\nAUTH\r\n$11\r\nvery-secret\r\n"),
            .send("+OK\r\n"), .awaitString("PING\r\n"), .send("-ERR\r\n-ERR\r\n+PONG\r\n"), .awaitString("PING\r\n"), .send("+PONG\r\n"),
            .hold,
        ]) { _, url in
            var url = url
            url.user = "default"
            try await withRedis(url) { (redis) async throws in try await redis.ask(.ping) }
        }
    }

    @Test(arguments: ["%2\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:7\r\n", "*2\r\n$5\r\nproto\r\n:2\r\n", "%1\r\n+server\r\n+x\r\n"])
    func understandsTheGreeting(greeting: String) async throws {
        try await self.withServer([
            .awaitString("HELLO\r\n"), .send(greeting), .awaitString("PING\r\n"), .send("-ERR\r\n-ERR\r\n+PONG\r\n"),
            .awaitString("PING\r\n"), .send("+PONG\r\n"), .hold,
        ]) { _, url in try await withRedis(url) { (redis) async throws in try await redis.ask(.ping) } }
    }

    @Test(arguments: [RESPVersion.resp2, .resp3])
    func logsInToTheEmbeddedServer(version: RESPVersion) async throws {
        var settings = EmbeddedRESPServer.Configuration()
        settings.password = "very-secret"
        let server = try await EmbeddedRESPServer.start(on: testGroup, configuration: settings).get()
        var configuration = RedisConfiguration.patient
        configuration.version = version
        configuration.clientName = "me"
        var url = RedisURL(host: "127.0.0.1", port: server.port, password: "very-secret")
        try await withRedis(url, configuration) { (redis) async throws in #expect(try await redis.text("CLIENT", "GETNAME") == "me") }
        url.password = "wrong-secret"
        let failure = try await ConnectFailure.of(url, configuration)
        #expect(failure.error.code == .authenticationFailed && failure.error.serverErrorKind == .wrongPassword)
        #expect(!failure.shown.contains("wrong-secret"))
        try await server.shutdown().get()
    }

    /// The user's limits are for what the user asks.
    @Test func limitsHoldFromTheLoginOn() async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        var configuration = RedisConfiguration.patient
        configuration.replyLimits = RESPLimits(maximumLineLength: 32, maximumBulkLength: 4, maximumElements: 1, maximumFrameLength: 64)
        try await withRedis(RedisURL(host: "127.0.0.1", port: server.port), configuration) { (redis) async throws in
            let key = ByteBuffer(string: "k")
            try await redis.ask(.set(key, to: ByteBuffer(string: "1234")))
            #expect(try await redis.ask(.get(key)) == ByteBuffer(string: "1234"))
            try await redis.ask(.set(key, to: ByteBuffer(string: "12345")))
            let error = await #expect(throws: RedisError.self) { try await redis.ask(.get(key)) }
            #expect(error?.code == .protocolViolation)
        }
        try await server.shutdown().get()
    }

    @Test func reflectionShowsNoPassword() async throws {
        // Nowhere else: the loop is shown too, and with it what other tests do.
        let secret = "secret-\(UInt64.random(in: 0 ... .max))"
        let url = RedisURL(host: "127.0.0.1", port: 1, user: "me", password: secret)
        let dumped = try await firstLoop.submit {
            var dumped = ""
            dump(RedisConnectionFactory(url: url, configuration: RedisConfiguration(), loop: firstLoop), to: &dumped)
            return dumped
        }.get()
        #expect(dumped.contains("redis://me@127.0.0.1:1/0") && !dumped.contains(secret))
    }

    // MARK: Refusals

    @Test(arguments: [
        ("-WRONGPASS very-secret\r\n", RedisError.Code.authenticationFailed, RedisServerErrorKind.wrongPassword),
        ("-DENIED Redis is running in protected mode\r\n", .authenticationFailed, RedisServerErrorKind("DENIED")),
        ("-LOADING Redis is loading the dataset in memory\r\n", .connectFailed, .loading),
        ("-MASTERDOWN Link with MASTER is down\r\n", .connectFailed, .masterDown),
        ("-BUSY Redis is busy running a script\r\n", .connectFailed, .busy),
        ("-ERR max number of clients reached\r\n", .connectFailed, .error),
    ])
    func refusedAtHello(reply: String, code: RedisError.Code, kind: RedisServerErrorKind) async throws {
        try await self.withServer([.awaitString("HELLO\r\n"), .send(reply), .hold]) { server, url in
            let failure = try await ConnectFailure.of(url)
            #expect(failure.error.code == code && failure.error.serverErrorKind == kind, "\(failure.error)")
            #expect(!failure.shown.contains("very-secret"))
            #expect(try await eventually { try await server.openConnections().get() == 0 })
        }
    }

    @Test(arguments: [
        ("-LOADING Redis is loading the dataset in memory\r\n", RedisError.Code.connectFailed), ("-MASTERDOWN x\r\n", .connectFailed),
        ("-NOAUTH x\r\n", .authenticationFailed),
    ])
    func refusedAtPing(reply: String, code: RedisError.Code) async throws {
        try await self.withServer([
            .awaitString("HELLO\r\n"), .send("%0\r\n"), .awaitString("PING\r\n"), .send("+OK\r\n+OK\r\n" + reply), .hold,
        ]) { server, url in
            let failure = try await ConnectFailure.of(url)
            #expect(failure.error.code == code && failure.error.message.contains("PING"), "\(failure.error)")
            #expect(try await eventually { try await server.openConnections().get() == 0 })
        }
    }

    // MARK: Hostile servers

    private static let hostile: [(String, [ScriptedServer.Step])] = [
        ("garbage", [.send("HTTP/1.1 400 Bad Request\r\n\r\n"), .hold]),
        ("another type", [.awaitString("HELLO\r\n"), .send("+OK\r\n"), .hold]),
        ("another version", [.awaitString("HELLO\r\n"), .send("%1\r\n+proto\r\n:4\r\n"), .hold]),
        ("a long line", [.awaitString("HELLO\r\n"), .send("+" + String(repeating: "x", count: 100_000)), .hold]),
        ("a long string", [.awaitString("HELLO\r\n"), .send("$500000000\r\n"), .hold]),
        ("a large map", [.awaitString("HELLO\r\n"), .send("%1000000\r\n"), .hold]),
        ("deep nesting", [.awaitString("HELLO\r\n"), .send(String(repeating: "*1\r\n", count: 100)), .hold]),
        ("a second reply", [.awaitString("HELLO\r\n"), .send("%0\r\n+OK\r\n"), .hold]),
        (
            "more than was asked",
            [
                .awaitString("HELLO\r\n"), .send("%0\r\n"), .awaitString("PING\r\n"), .send("+OK\r\n+OK\r\n+PONG\r\n+PONG\r\n"), .hold,
            ]
        ),
        ("half a frame and the end", [.awaitString("HELLO\r\n"), .send("%1\r\n+pro"), .close]),
        ("half a frame and a reset", [.awaitString("HELLO\r\n"), .send("%1\r\n+pro"), .reset]),
        ("the end at once", [.close]), ("a reset at once", [.reset]), ("no more output", [.finish, .hold]),
        ("the end after HELLO", [.awaitString("HELLO\r\n"), .send("%0\r\n"), .close]),
        ("the end before PING", [.awaitString("HELLO\r\n"), .send("%0\r\n"), .awaitString("PING\r\n"), .send("+OK\r\n"), .close]),
    ]

    @Test(arguments: Self.hostile)
    func isTypedAndCloses(name: String, steps: [ScriptedServer.Step]) async throws {
        try await self.withServer(steps) { server, url in
            let failure = try await ConnectFailure.of(url)
            #expect(failure.error.code == .connectFailed, "\(failure.error.debugDescription)")
            #expect(!failure.shown.contains("very-secret"))
            #expect(try await eventually { try await server.openConnections().get() == 0 })
        }
    }

    private static let silent: [(String, [ScriptedServer.Step])] = [
        ("silence", [.hold]), ("half a frame", [.awaitString("HELLO\r\n"), .send("%1\r\n+pro"), .hold]),
        ("silence at PING", [.awaitString("HELLO\r\n"), .send("%0\r\n"), .hold]),
    ]

    @Test(arguments: Self.silent)
    func silenceEndsAtTheConnectDeadline(name: String, steps: [ScriptedServer.Step]) async throws {
        try await self.withServer(steps) { server, url in
            try await withRedis(url, pool: impatientPool(connectTimeout: .milliseconds(500))) { (redis) async throws in
                // Before the command's own time is up: the pool gave the connect up.
                let error = await #expect(throws: RedisError.self) { try await redis.ask(.ping) }
                #expect(
                    error?.code == .noConnection && (error?.cause as? PoolError)?.code == .circuitOpen, "\(error?.debugDescription ?? "")")
            }
            #expect(try await eventually { try await server.openConnections().get() == 0 })
        }
    }

    // MARK: Storms

    /// However many ask, refused logins come at the pace of the pool's backoff.
    @Test(.serialized, arguments: ["-WRONGPASS no\r\n", "-NOAUTH no\r\n", "-LOADING wait\r\n", "-NOPERM no\r\n"])
    func noReconnectStorm(refusal: String) async throws {
        try await self.withServer([.awaitString("\r\n"), .send(refusal), .again]) { server, url in
            var pool = impatientPool()
            pool.circuitThreshold = 3
            pool.backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(10), multiplier: 2, jitter: .none)
            try await withRedis(url, pool: pool) { (redis) async throws in
                let begin = NIODeadline.now()
                var answers: [EventLoopFuture<Bool>] = []
                while NIODeadline.now() < begin + .seconds(1) {
                    for loop in testGroup.makeIterator() {
                        answers.append(
                            loop.flatSubmit { redis[loop].send(.ping).map { true }.flatMapErrorThrowing { !($0 is RedisError) } })
                    }
                    try await Task.sleep(for: .milliseconds(1))
                }
                // The server may be behind.
                let loops = Array(testGroup.makeIterator()).count
                #expect(try await eventually { try await server.acceptedConnections().get() >= loops })
                let connects = try await server.acceptedConnections().get()
                let time = NIODeadline.now() - begin
                // At 0, 100, 300, 700, 1500, … ms, on each loop.
                var allowed = 1
                while TimeAmount.milliseconds(100) * ((1 << allowed) - 1) <= time { allowed += 1 }
                #expect(
                    connects <= allowed * loops, "\(connects) connects for \(answers.count) commands in \(time)")
                let succeeded = try await EventLoopFuture.whenAllSucceed(answers, on: firstLoop).get().filter { $0 }
                #expect(succeeded.isEmpty)
            }
        }
    }
}
