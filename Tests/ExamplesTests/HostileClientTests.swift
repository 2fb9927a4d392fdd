import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirTestKit

/// Clients that ask for more than they read, leave in the middle or offer what nobody takes, and ends that come at the wrong moment.
@Suite(.serialized) struct HostileClientTests {
    private static let megabyte = 1 << 20
    private static let getLarge = "GET /kv/large HTTP/1.1\r\nHost: h\r\n\r\n"

    /// A gateway whose Redis holds a value of one megabyte, and a client that has asked for it so often and reads nothing yet.
    private func withUnreadResponses(_ count: Int, _ body: (Program, Int, CountingRedis, Client) async throws -> Void) async throws {
        let redis = try await CountingRedis.start(valueLength: Self.megabyte)
        try await withGateway(["ACCESS_LOG": "off", "REDIS_URL": "redis://127.0.0.1:\(redis.port)"]) { program, port in
            let client = try await Client.connect(port, readsByItself: false)
            try await client.send(String(repeating: Self.getLarge, count: count))
            try await body(program, port, redis, client)
        }
        try await redis.shutdown()
    }

    /// How many values were asked for in time enough for a gateway that does not wait for its client to answer hundreds of requests.
    private func valuesWhenAllIsQuiet(_ port: Int, _ redis: CountingRedis) async throws -> Int {
        var (values, rounds) = (0, 0)
        while rounds < 100 {
            _ = try await request(port, "GET", "/status")
            let now = redis.count
            rounds = now == values ? rounds + 1 : 0
            values = now
        }
        return values
    }

    /// The whole responses in what a client got, each of one megabyte.
    private func wholeResponses(_ text: String) -> Int {
        let lengths = text.split(separator: "HTTP/1.1 200 OK\r\n").map { part in
            part.firstRange(of: "\r\n\r\n").map { part[$0.upperBound...].utf8.count } ?? 0
        }
        #expect(lengths.allSatisfy { $0 == Self.megabyte }, "\(lengths)")
        return lengths.count
    }

    @Test func responsesThatNobodyReadsAreNotMade() async throws {
        try await self.withUnreadResponses(200) { program, port, redis, client in
            let values = try await self.valuesWhenAllIsQuiet(port, redis)
            // What the kernel's buffers hold, and one.
            #expect((1..<40).contains(values))
            #expect(program.residentBytes < 150_000_000)
            try await client.startReading()
            let counted = try await client.count(200 * Self.megabyte)
            #expect(counted >= 200 * Self.megabyte)
            client.close()
        }
    }

    @Test func aClientThatHasSaidAllGetsAll() async throws {
        try await self.withUnreadResponses(12) { _, port, redis, client in
            _ = try await self.valuesWhenAllIsQuiet(port, redis)
            try await client.finish()
            _ = try await self.valuesWhenAllIsQuiet(port, redis)
            try await client.startReading()
            let text = try await client.all()
            #expect(self.wholeResponses(text) == 12)
        }
    }

    @Test func shutdownCutsNoResponseThatWasMade() async throws {
        try await self.withUnreadResponses(12) { program, port, redis, client in
            _ = try await self.valuesWhenAllIsQuiet(port, redis)
            program.signal(SIGTERM)
            try await self.waitUntilRefused(port)
            try await client.startReading()
            let text = try await client.all()
            #expect(self.wholeResponses(text) >= 1)
        }
    }

    private func waitUntilRefused(_ port: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while let client = try? await Client.connect(port) {
            client.close()
            try #require(ContinuousClock.now < deadline)
        }
    }

    @Test func otherProtocolsAreDeclined() async throws {
        try await withGateway(["ACCESS_LOG": "off"]) { _, port in
            for target in ["/kv/x", "/proxy/x", "/nope"] {
                let client = try await Client.connect(port)
                try await client.send(
                    "GET \(target) HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
                )
                let response = try await client.all()
                #expect(response.contains("\r\nconnection: close\r\n") && !response.contains("HTTP/1.1 101"), "\(response)")
            }
        }
    }

    @Test func bodiesWhereNoneIsOfUseHaveAnEnd() async throws {
        try await withGateway(["ACCESS_LOG": "off"]) { _, port in
            let chunk = "10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n"
            for target in ["DELETE /kv/x", "GET /kv/x", "GET /status"] {
                let client = try await Client.connect(port)
                try await client.send(
                    "\(target) HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + String(repeating: chunk, count: 17))
                let response = try await client.all()
                #expect(response.hasPrefix("HTTP/1.1 413 "), "\(target): \(response)")
                client.close()
                let polite = try await Client.connect(port)
                try await polite.send("\(target) HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                let leave = try await polite.text(until: "\r\n\r\n")
                #expect(leave == "HTTP/1.1 100 Continue\r\n\r\n", "\(target)")
                try await polite.send("abc")
                let answer = try await polite.text(until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 404 ") || answer.hasPrefix("HTTP/1.1 200 "), "\(target): \(answer)")
                polite.close()
            }
        }
    }

    /// Without a length and without chunks only the end of the connection ends the response: it must not look like one.
    @Test func aCutResponseToAnOldClientIsReset() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
        let server = try await ScriptedServer.start(on: group) { number in
            [.awaitString("\r\n\r\n"), .send(number == 1 ? head + "0\r\n\r\n" : head), .close]
        }.get()
        try await withGateway(["UPSTREAM_URL": "http://127.0.0.1:\(server.port)", "ACCESS_LOG": "off"]) { _, port in
            for isWhole in [true, false] {
                let client = try await Client.connect(port)
                try await client.send("GET /proxy/ HTTP/1.0\r\n\r\n")
                let response = try await client.all()
                #expect(response.hasPrefix("HTTP/1.1 200 ") || !isWhole)
                #expect(!isWhole || response.hasSuffix("\r\n\r\nhalf"))
                #expect(try await client.wasReset() == !isWhole)
            }
        }
        try await server.shutdown().get()
    }

    #if os(Linux)
        /// Who is served already is served on, and waiting for a descriptor costs nothing.
        @Test func withoutDescriptorsItWaits() async throws {
            try await withGateway(["ACCESS_LOG": "off", "LOOPS": "1"], maximumDescriptors: 64) { program, port in
                let client = try await Client.connect(port)
                try await client.send("GET /proxy/slow/0 HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try await client.text(until: "after 0 ms")
                var others: [Client] = []
                for _ in 0..<100 { others.append(try await Client.connect(port)) }
                let before = program.processorTicks
                try await client.send("GET /proxy/slow/2000 HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try await client.text(until: "after 2000 ms")
                #expect(response.hasPrefix("HTTP/1.1 200 "))
                #expect(program.processorTicks - before < 60)
                for other in others { other.close() }
                let after = try await request(port, "GET", "/")
                #expect(after.hasPrefix("HTTP/1.1 200 "))
            }
        }
    #endif

    /// What others put into the same Redis is not read into memory.
    @Test func valuesThatAreTooLargeAreNotRead() async throws {
        let server = try await ScriptedServer.start(on: MultiThreadedEventLoopGroup.singleton) { number in
            let reply = number == 1 ? "$1048577\r\n" : "$1048576\r\n" + String(repeating: "x", count: 1_048_576) + "\r\n"
            return .redisHandshake + [.awaitString("GET"), .send(reply), .hold]
        }.get()
        try await withGateway(["REDIS_URL": "redis://127.0.0.1:\(server.port)", "ACCESS_LOG": "off"]) { _, port in
            let refused = try await request(port, "GET", "/kv/a")
            #expect(refused.hasPrefix("HTTP/1.1 502 "), "\(refused.prefix(200))")
            let allowed = try await request(port, "GET", "/kv/a")
            #expect(allowed.hasPrefix("HTTP/1.1 200 ") && allowed.utf8.count > 1_048_576)
        }
        try await server.shutdown().get()
    }

    // MARK: Ends

    @Test func aSignalRightAfterTheStartIsHeard() async throws {
        for _ in 0..<5 {
            let program = try Program("Gateway", environment: ["PORT": "0"])
            try await program.wait(for: "listens on")
            program.signal(SIGTERM)
            let exit = await program.exitStatus()
            #expect(exit == 0)
        }
    }

    /// Clients that ask again and again: the request that is on its way when the signal comes is answered, and told to be the last.
    @Test func aDrainAnswersWhatIsOnItsWay() async throws {
        let (program, port) = try await startGateway(["ACCESS_LOG": "off"])
        var clients: [Client] = []
        for _ in 0..<32 { clients.append(try await Client.connect(port)) }
        let toldToClose = try await withThrowingTaskGroup(of: Bool.self) { group in
            for (number, client) in clients.enumerated() {
                group.addTask {
                    var requests = 0
                    while true {
                        guard (try? await client.send("GET /proxy/bytes/100 HTTP/1.1\r\nHost: h\r\n\r\n")) != nil else { return false }
                        let response = try await client.text(until: String(repeating: "w", count: 100))
                        if response.isEmpty { return false }
                        if response.contains("connection: close\r\n") { return true }
                        requests += 1
                        if number == 0, requests == 50 { program.signal(SIGTERM) }
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        // All of them, unless this machine stood still for longer than the gateway waits.
        #expect(toldToClose >= 30)
        let exit = await program.exitStatus()
        #expect(exit == 0)
    }

    @Test func aSecondSignalEndsTheDrain() async throws {
        try await stopGatewayWithUnansweredRequest(drainSeconds: 3600) { program, port in
            program.signal(SIGTERM)
            try await self.waitUntilRefused(port)
            program.signal(SIGINT)
        }
    }

    /// The commands of clients that are gone are not waited for: neither those that were sent nor those that wait for the login.
    @Test(arguments: ["3600", "0"], [true, false]) func aCutDrainWaitsForNoSilentBackEnd(drainSeconds: String, logsIn: Bool) async throws {
        let server = try await ScriptedServer.start(on: MultiThreadedEventLoopGroup.singleton) { _ in
            (logsIn ? .redisHandshake : []) + [.awaitString("GET"), .hold]
        }.get()
        let (program, port) = try await startGateway([
            "DRAIN_SECONDS": drainSeconds, "REDIS_URL": "redis://127.0.0.1:\(server.port)", "REDIS_CONNECTIONS": "2", "LOOPS": "1",
        ])
        // A command has five seconds.
        let end = ContinuousClock.now + .seconds(5)
        // All share one connection.
        var clients: [Client] = []
        for _ in 0..<4 {
            let client = try await Client.connect(port)
            try await client.send("GET /kv/a HTTP/1.1\r\nHost: a\r\n\r\n")
            clients.append(client)
        }
        let isThere = { (status: String) in
            status.contains("\"clientConnections\" : 5") && status.contains(logsIn ? "\"active\" : 1" : "\"connecting\" : 1")
        }
        var status = ""
        while !isThere(status), ContinuousClock.now < end { status = try await request(port, "GET", "/status") }
        #expect(isThere(status), "\(status)")
        program.signal(SIGTERM)
        if drainSeconds != "0" {
            try await self.waitUntilRefused(port)
            program.signal(SIGINT)
        }
        let exit = await program.exitStatus()
        #expect(exit == 0)
        #expect(ContinuousClock.now < end)
        #expect(try await server.acceptedConnections().get() == 1)
        for client in clients { client.close() }
        try await server.shutdown().get()
    }

    @Test func anAccessLogThatNobodyReadsHoldsNothingUp() async throws {
        let (program, port) = try await startGateway()
        program.stopReadingOutput()
        let client = try await Client.connect(port)
        // More lines than a pipe holds.
        let count = 5000
        let first = String(repeating: "GET /nope HTTP/1.1\r\nHost: h\r\n\r\n", count: count - 1)
        try await client.send(first + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await client.text(until: "any method")
        client.close()
        program.signal(SIGTERM)
        let exit = await program.exitStatus()
        #expect(exit == 0)
    }
}
