import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import RedisProcess
import Testing
import WeirRESP

/// The proxy as a process, in front of a Redis of each test's own.
@Suite(.enabled(if: OwnRedis.program != nil, "needs a redis-server")) struct RedisProxyTests {
    enum Mode: String, CaseIterable {
        case shared
        case passThrough = "pass-through"
    }

    private static func start(_ redis: OwnRedis, _ environment: [String: String]) async throws -> (program: Program, port: Int) {
        try await startExample(
            "RedisProxy", announcing: "RedisProxy listens on 127.0.0.1:",
            ["REDIS_URL": "redis://127.0.0.1:\(redis.port)", "LOOPS": "2"].merging(environment) { $1 })
    }

    private func withProxy(
        _ environment: [String: String] = [:], _ body: (Program, Int, OwnRedis) async throws -> Void
    ) async throws {
        let redis = try await OwnRedis.start()
        let (program, port) = try await Self.start(redis, environment)
        try await stopping(program) { try await body(program, port, redis) }
    }

    /// The numbers of `/status`, once they are as wanted or half a minute is over.
    private func status(_ program: Program, until isWanted: (String) -> Bool = { _ in true }) async throws -> String {
        try await program.wait(for: "/status\n")
        let port = try #require(program.text.firstMatch(of: /status on http:\/\/127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) })
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let status = try await request(port, "GET", "/status")
            if isWanted(status) { return status }
            try #require(ContinuousClock.now < deadline, "\(status)")
        }
    }

    /// Clients of the server, but for the one who asks.
    private func connections(_ redis: OwnRedis) async throws -> Int {
        let list = try await redis.ask("CLIENT", "LIST").bytes.map { String(buffer: $0) }
        return (list ?? "").split(separator: "\n").count - 1
    }

    /// Waits until the server has as many clients that wait.
    private func blocked(_ redis: OwnRedis, _ count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await redis.ask("INFO", "clients").bytes.map({ String(buffer: $0) })?.contains("blocked_clients:\(count)\r\n") != true {
            try #require(ContinuousClock.now < deadline)
        }
    }

    // MARK: Serving

    @Test(arguments: Mode.allCases) func serves(mode: Mode) async throws {
        try await self.withProxy(["MODE": mode.rawValue]) { program, port, redis in
            #expect(program.text.contains("in front of redis://127.0.0.1:\(redis.port)/0\n"))
            let client = try await Client.connect(port)
            try await client.send("SET a 1\r\nINCR a\r\nMULTI\r\nINCR a\r\nEXEC\r\nSELECT 3\r\nGET a\r\nHELLO 3 SETNAME me\r\n")
            let replies = try await client.text(until: "$7\r\nmodules\r\n*0\r\n")
            #expect(replies.hasPrefix("+OK\r\n:2\r\n+OK\r\n+QUEUED\r\n*1\r\n:3\r\n+OK\r\n$-1\r\n%7\r\n"), "\(replies)")
            // Each has what is its own, whoever shares what with whom.
            var others: [Client] = []
            for number in 0..<20 {
                let other = try await Client.connect(port)
                try await other.send("SELECT \(number % 2)\r\nSET b\(number) \(number)\r\nGET b\(number)\r\n")
                #expect(try await other.text(until: "\r\n\(number)\r\n") == "+OK\r\n+OK\r\n$\("\(number)".count)\r\n\(number)\r\n")
                others.append(other)
            }
            let connections = try await self.connections(redis)
            switch mode {
            case .shared: #expect((1...8).contains(connections), "two databases, two loops and a client of RESP3")
            case .passThrough: #expect(connections == 21)
            }
            try await client.send("QUIT\r\n")
            #expect(try await client.all() == "+OK\r\n")
            try await program.wait(for: mode == .shared ? " - 9 commands 81 bytes in " : " - 0 commands 81 bytes in ")
            others.forEach { $0.close() }
        }
    }

    /// `rediss:` in front of the server, TLS in front of the proxy.
    @Test(.enabled(if: Self.certificates != nil && Self.tlsURL != nil, "needs WEIR_REDIS_CERTIFICATES"), arguments: Mode.allCases)
    func speaksTLS(mode: Mode) async throws {
        let certificates = try #require(Self.certificates)
        let (program, port) = try await startExample(
            "RedisProxy", announcing: "RedisProxy listens on 127.0.0.1:",
            [
                "REDIS_URL": try #require(Self.tlsURL), "REDIS_CA": "\(certificates)/root.crt", "MODE": mode.rawValue, "MAX_CLIENTS": "1",
                "TLS_CERTIFICATE": "\(certificates)/server.crt", "TLS_KEY": "\(certificates)/server.key",
            ])
        try await stopping(program) {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .file("\(certificates)/root.crt")
            let tls = try NIOSSLContext(configuration: configuration)
            let value = String(repeating: "v", count: 300_000)
            let client = try await Client.connect(port, tls: tls)
            try await client.send("*2\r\n$4\r\nECHO\r\n$300000\r\n\(value)\r\nPING\r\n")
            #expect(try await client.text(until: "+PONG\r\n") == "$300000\r\n\(value)\r\n+PONG\r\n")
            // As with Redis, one too many is not even greeted.
            let refused = try await Client.connect(port, tls: tls)
            #expect(try await refused.all().contains("PONG") == false)
            try await client.send("QUIT\r\n")
            #expect(try await client.all() == "+OK\r\n")
            let plain = try await Client.connect(port)
            try await plain.send("PING\r\n")
            #expect(try await plain.all().contains("PONG") == false)
        }
    }

    private static let certificates = ProcessInfo.processInfo.environment["WEIR_REDIS_CERTIFICATES"].flatMap { $0.isEmpty ? nil : $0 }
    private static let tlsURL = ProcessInfo.processInfo.environment["WEIR_REDIS_TLS_URL"].flatMap { $0.isEmpty ? nil : $0 }

    @Test func letsInWhoIsInTheFile() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("weir-users-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try "# who\nuser alice on >opensesame\nuser bob off >opensesame\n".write(to: file, atomically: true, encoding: .utf8)
        try await self.withProxy(["USERS_FILE": file.path]) { program, port, _ in
            let client = try await Client.connect(port)
            try await client.send(
                "GET a\r\nAUTH opensesame\r\nAUTH alice x\r\nAUTH bob opensesame\r\nGET a\r\nAUTH alice opensesame\r\nGET a\r\nQUIT\r\n")
            let lines = try await client.all().split(separator: "\r\n").map { String($0.prefix(while: { $0 != " " })) }
            #expect(lines == ["-NOAUTH", "-WRONGPASS", "-WRONGPASS", "-WRONGPASS", "-NOAUTH", "+OK", "$-1", "+OK"])
            try await program.wait(for: " alice 8 commands ")
            #expect(!program.text.contains("opensesame"))
        }
    }

    // MARK: Limits

    @Test(arguments: Mode.allCases, ["MAX_CLIENTS", "MAX_CLIENTS_PER_ADDRESS"]) func turnsAwayWhomItHasNoRoomFor(
        mode: Mode, limit: String
    ) async throws {
        try await self.withProxy(["MODE": mode.rawValue, limit: "2", "STATUS_PORT": "0"]) { program, port, _ in
            var clients: [Client] = []
            for _ in 0..<2 {
                let client = try await Client.connect(port)
                try await client.send("PING\r\n")
                #expect(try await client.text(until: "+PONG\r\n") == "+PONG\r\n")
                clients.append(client)
            }
            let refused = try await Client.connect(port)
            #expect(try await refused.all() == "-ERR max number of clients reached\r\n")
            _ = try await self.status(program) { $0.contains("\"clients\" : 2,") && $0.contains("\"clientsRefused\" : 1,") }
            clients[0].close()
            _ = try await self.status(program) { $0.contains("\"clients\" : 1,") }
            let next = try await Client.connect(port)
            try await next.send("PING\r\n")
            let answer = try await next.text(until: "\r\n")
            #expect(answer == "+PONG\r\n")
            try await clients[1].send("PING\r\n")
            #expect(try await clients[1].text(until: "\r\n") == "+PONG\r\n")
        }
    }

    @Test func disconnectsWhoIsIdle() async throws {
        try await self.withProxy(["IDLE_SECONDS": "1"]) { program, port, redis in
            let subscriber = try await Client.connect(port)
            try await subscriber.send("SUBSCRIBE a\r\n")
            _ = try await subscriber.text(until: ":1\r\n")
            let waits = try await Client.connect(port)
            try await waits.send("BLPOP b 0\r\n")
            try await self.blocked(redis, 1)
            // Silent for less long than those who wait for something.
            let idle = try await Client.connect(port)
            try await idle.send("PING\r\n")
            #expect(try await idle.all() == "+PONG\r\n")
            try await program.wait(for: " - 1 commands 6 bytes in 7 out ")
            try await program.wait(for: " ms: was idle\n")
            try await redis.ask("PUBLISH", "a", "hello")
            #expect(try await subscriber.text(until: "hello\r\n") == "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n")
            try await redis.ask("RPUSH", "b", "c")
            #expect(try await waits.text(until: "c\r\n") == "*2\r\n$1\r\nb\r\n$1\r\nc\r\n")
        }
    }

    // MARK: What it tells

    @Test func saysWhatItDid() async throws {
        try await self.withProxy(["SLOW_MS": "100", "STATUS_PORT": "0"]) { program, port, redis in
            let client = try await Client.connect(port)
            try await client.send("SET a 1\r\nGET a\r\nDEBUG SLEEP 1\r\n")
            #expect(try await client.text(until: "the proxy refuses 'DEBUG'").hasPrefix("+OK\r\n$1\r\n1\r\n-ERR "))
            try await redis.ask("CLIENT", "PAUSE", "300", "ALL")
            try await client.send("GET a\r\n")
            _ = try await client.text(until: "$1\r\n1\r\n")
            try await program.wait(for: " \"GET\" 1 commands ")
            #expect(program.text.split(separator: "\n").count { $0.hasPrefix("slow 127.0.0.1:") } == 1)
            let status = try await self.status(program) { $0.contains("\"redis_proxy_slow_commands\" : 1\n") }
            for line in [
                "\"clients\" : 1,", "\"clientsAdmitted\" : 1,", "\"clientsAtMost\" : 10000,", "\"connections\" : 1,",
                "\"connectionsAtMost\" : 512,", "\"connectFailures\" : 0,", "\"redis_proxy_commands\" : 4,",
                "\"redis_proxy_refused_commands\" : 1,", "\"redis_proxy_received_bytes\" : 38,", "\"redis_proxy_clients_cut\" : 0,",
            ] {
                #expect(status.contains(line), "\(line) \(status)")
            }
            let statusPort = try #require(program.text.firstMatch(of: /status on http:\/\/127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) })
            let metrics = try await request(statusPort, "GET", "/metrics")
            #expect(
                metrics.contains("\nredis_proxy_commands 4\n") && metrics.contains("\nweir_pool_open{pool=\"redis\"} 1\n"), "\(metrics)")
            #expect(try await request(statusPort, "GET", "/nothing").hasPrefix("HTTP/1.1 404 "))
        }
    }

    // MARK: A server that goes away

    @Test func idleClientsOutliveTheServer() async throws {
        try await self.withProxy { program, port, redis in
            var idle: [Client] = []
            for _ in 0..<10 {
                let client = try await Client.connect(port)
                try await client.send("SELECT 5\r\nPING\r\n")
                #expect(try await client.text(until: "+PONG\r\n") == "+OK\r\n+PONG\r\n")
                idle.append(client)
            }
            let waits = try await Client.connect(port)
            try await waits.send("BLPOP a 0\r\n")
            try await self.blocked(redis, 1)
            await redis.crash()
            #expect(try await waits.all() == "")
            try await program.wait(for: "the server's connection was lost")
            try await redis.restart()
            for (number, client) in idle.enumerated() {
                try await client.send("SET own \(number)\r\nGET own\r\n")
                #expect(try await client.text(until: "\r\n\(number)\r\n") == "+OK\r\n$1\r\n\(number)\r\n")
            }
            // In the database that they had chosen.
            let keyspace = try await redis.ask("INFO", "keyspace").bytes.map { String(buffer: $0) } ?? ""
            #expect(keyspace.contains("db5:keys=1,") && !keyspace.contains("db0:"))
        }
    }

    // MARK: Start and stop

    @Test(arguments: Mode.allCases, [SIGTERM, SIGINT]) func finishesWhatRunsAndStops(mode: Mode, signal: Int32) async throws {
        let redis = try await OwnRedis.start()
        let (program, port) = try await Self.start(redis, ["MODE": mode.rawValue])
        try await stopping(program) {
            let (idle, waits, transacts) = (try await Client.connect(port), try await Client.connect(port), try await Client.connect(port))
            try await idle.send("PING\r\n")
            _ = try await idle.text(until: "+PONG\r\n")
            try await waits.send("BLPOP a 0\r\nSET b 1\r\n")
            try await self.blocked(redis, 1)
            try await transacts.send("MULTI\r\nINCR c\r\n")
            _ = try await transacts.text(until: "+QUEUED\r\n")
            program.signal(signal)
            #expect(try await idle.all() == "")
            await #expect(throws: (any Error).self) { _ = try await Client.connect(port) }
            // What passes through has no transactions: the client has its replies, and may go.
            if mode == .shared { try await transacts.send("EXEC\r\n") }
            #expect(try await transacts.all() == (mode == .shared ? "*1\r\n:1\r\n" : ""))
            try await redis.ask("RPUSH", "a", "x")
            #expect(try await waits.all() == "*2\r\n$1\r\na\r\n$1\r\nx\r\n+OK\r\n")
            try await program.wait(for: "RedisProxy has stopped\n")
        }
        #expect(program.text.split(separator: "\n").count { $0.hasPrefix("client 127.0.0.1:") } == 3)
        #expect(try await self.connections(redis) == 0)
    }

    @Test(arguments: Mode.allCases) func drainHasADeadline(mode: Mode) async throws {
        try await self.withProxy(["MODE": mode.rawValue, "DRAIN_SECONDS": "1"]) { program, port, redis in
            let waits = try await Client.connect(port)
            try await waits.send("BLPOP a 0\r\n")
            try await self.blocked(redis, 1)
            program.signal(SIGTERM)
            #expect(try await waits.all() == "")
            try await program.wait(for: "RedisProxy has stopped\n")
        }
    }

    @Test func aSecondSignalCutsTheDrainShort() async throws {
        try await self.withProxy(["DRAIN_SECONDS": "3600"]) { program, port, redis in
            let (idle, waits) = (try await Client.connect(port), try await Client.connect(port))
            try await idle.send("PING\r\n")
            _ = try await idle.text(until: "+PONG\r\n")
            try await waits.send("BLPOP a 0\r\n")
            try await self.blocked(redis, 1)
            program.signal(SIGTERM)
            #expect(try await idle.all() == "")
            program.signal(SIGINT)
            #expect(try await waits.all() == "")
            try await program.wait(for: "RedisProxy has stopped\n")
        }
    }

    @Test func saysWhatIsWrongWhenItCannotStart() async throws {
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = taken.localAddress!.port!
        let list = FileManager.default.temporaryDirectory.appendingPathComponent("weir-users-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: list) }
        try "user alice on >secret\nuser bob on >secret +@all\n".write(to: list, atomically: true, encoding: .utf8)
        for (environment, message) in [
            (["PORT": "\(port)"], "cannot listen on 127.0.0.1:\(port): the port is taken"), (["PORT": "x"], "PORT must be a number"),
            (["PORT": "65536"], "PORT must be a number from 0 to 65535"),
            (["STATUS_PORT": "\(port)"], "cannot listen on STATUS_PORT \(port)"),
            (["REDIS_URL": "localhost"], "REDIS_URL is malformed"),
            (["REDIS_URL": "redis://:secret@h:x"], "REDIS_URL is malformed: the port is no number"),
            (["MODE": "secretive"], "MODE must be shared or pass-through"), (["LOOPS": "0"], "LOOPS must be a number from 1 to 1024"),
            (["CONNECTIONS": "1", "LOOPS": "2"], "CONNECTIONS must be a number from 2 to "), (["MAX_CLIENTS": "0"], "MAX_CLIENTS must be"),
            (["MAX_CLIENTS_PER_ADDRESS": "-1"], "MAX_CLIENTS_PER_ADDRESS must be"), (["IDLE_SECONDS": "1.5"], "IDLE_SECONDS must be"),
            (["DRAIN_SECONDS": "soon"], "DRAIN_SECONDS must be"), (["SLOW_MS": "0"], "SLOW_MS must be"),
            (["TLS_KEY": "/none"], "TLS_CERTIFICATE and TLS_KEY belong together"),
            (["TLS_KEY": "/none", "TLS_CERTIFICATE": "/none"], "TLS_CERTIFICATE or TLS_KEY cannot be used"),
            (["USERS_FILE": "/none"], "USERS_FILE cannot be read"), (["USERS_FILE": list.path], "USERS_FILE: line 2: a rule is "),
            (["USERS_FILE": list.path, "MODE": "pass-through"], "USERS_FILE needs MODE=shared"),
            (["IDLE_SECONDS": "1", "MODE": "pass-through"], "IDLE_SECONDS needs MODE=shared"),
            (["SLOW_MS": "1", "MODE": "pass-through"], "SLOW_MS needs MODE=shared"),
            (["ACCESS_LOG": "/none/log"], "ACCESS_LOG cannot be opened"),
        ] {
            let program = try Program("RedisProxy", environment: ["PORT": "0"].merging(environment) { $1 })
            let status = await program.exitStatus()
            try await program.wait(for: "RedisProxy: \(message)")
            #expect(
                status == 1 && !program.text.contains("secret@") && !program.text.contains(">secret")
                    && !program.text.contains("Fatal error"),
                "\(environment): \(program.text)")
        }
        try await taken.close().get()
    }
}
