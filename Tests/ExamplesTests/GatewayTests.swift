import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirTestKit

@Suite(.serialized) struct GatewayTests {
    @Test func servesEveryRoute() async throws {
        try await withGateway { program, port in
            #expect(program.text.contains("Redis: embedded") && program.text.contains("upstream: embedded"))
            let root = try await request(port, "GET", "/")
            #expect(root.hasPrefix("HTTP/1.1 200 OK\r\n"))

            // Values: any bytes under any key.
            let missing = try await request(port, "GET", "/kv/a%2Fb%00")
            #expect(missing.hasPrefix("HTTP/1.1 404 "))
            let put = try await request(port, "PUT", "/kv/a%2Fb%00", body: "value\r\n\r\n")
            #expect(put.hasPrefix("HTTP/1.1 204 ") && !put.lowercased().contains("content-length"))
            let value = try await request(port, "GET", "/kv/a%2fb%00?ignored")
            #expect(value.hasPrefix("HTTP/1.1 200 ") && value.hasSuffix("\r\n\r\nvalue\r\n\r\n"))
            let head = try await request(port, "HEAD", "/kv/a%2Fb%00")
            #expect(head.contains("content-length: 9\r\n") && head.hasSuffix("\r\n\r\n") && !head.contains("value"))
            let deleted = try await request(port, "DELETE", "/kv/a%2Fb%00")
            #expect(deleted.hasPrefix("HTTP/1.1 204 "))
            let again = try await request(port, "DELETE", "/kv/a%2Fb%00")
            #expect(again.hasPrefix("HTTP/1.1 404 "))
            let empty = try await request(port, "PUT", "/kv/empty", headers: "Content-Length: 0\r\n")
            #expect(empty.hasPrefix("HTTP/1.1 204 "))

            // What is refused, and how.
            for (method, target, status) in [
                ("POST", "/kv/a", "405"), ("GET", "/kv/", "400"), ("GET", "/kv/%zz", "400"), ("GET", "/kv/%4", "400"),
                ("GET", "/kv/a/b", "404"),
                ("GET", "/kv/" + String(repeating: "k", count: 1025), "400"), ("GET", "/nope", "404"), ("GET", "/kv", "404"),
                ("POST", "/status", "405"), ("GET", "/proxy/../x", "400"), ("GET", "/proxy/%2e%2E/x", "400"), ("TRACE", "/proxy/", "501"),
            ] {
                let response = try await request(port, method, target)
                #expect(response.hasPrefix("HTTP/1.1 \(status) "), "\(method) \(target): \(response)")
                #expect(status != "405" || response.lowercased().contains("\r\nallow: "))
            }
            let large = try await request(port, "PUT", "/kv/large", body: String(repeating: "x", count: 1 << 20))
            #expect(large.hasPrefix("HTTP/1.1 204 "))
            let tooLarge = try await request(port, "PUT", "/kv/large", body: String(repeating: "x", count: (1 << 20) + 1))
            #expect(tooLarge.hasPrefix("HTTP/1.1 413 "))

            // The proxy.
            let proxied = try await request(
                port, "GET", "/proxy/path?q=1",
                headers:
                    "Connection: X-Hop\r\nX-Hop: secret\r\nTE: trailers\r\nX-Kept: yes\r\nX-Forwarded-For: 10.0.0.1\r\nVia: 1.0 other\r\n")
            #expect(proxied.contains("GET /path?q=1\n") && proxied.contains("X-Kept: yes\n"))
            #expect(proxied.contains("x-forwarded-for: 10.0.0.1, 127.0.0.1\n") && proxied.contains("via: 1.0 other, 1.1 weir-gateway\n"))
            #expect(
                !proxied.contains("secret") && !proxied.contains("TE:") && !proxied.contains("Host: h")
                    && proxied.contains("host: 127.0.0.1:"))
            #expect(proxied.contains("via: 1.1 weir-gateway\r\n"))
            let echoed = try await request(port, "POST", "/proxy/echo", body: "hello")
            #expect(echoed.hasSuffix("\r\n\r\nhello"))
            let chunked = try await request(
                port, "POST", "/proxy/echo", headers: "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
            #expect(chunked.contains("\r\nhello\r\n0\r\n\r\n"))
            for (target, status) in [("/status/404", "404"), ("/status/204", "204"), ("/reset", "502"), ("/bytes/10", "200")] {
                let response = try await request(port, "GET", "/proxy" + target)
                #expect(response.hasPrefix("HTTP/1.1 \(status) "), "\(target): \(response)")
            }
            let headOfProxy = try await request(port, "HEAD", "/proxy/bytes/10")
            #expect(headOfProxy.contains("content-length: 10\r\n") && headOfProxy.hasSuffix("\r\n\r\n"))
            // Cut short upstream, cut short here: never taken for whole.
            let truncated = try await request(port, "GET", "/proxy/truncated/1000")
            #expect(truncated.contains("content-length: 1000\r\n") && truncated.utf8.count < 900)

            let status = try await request(port, "GET", "/status")
            let json = try #require(status.firstRange(of: "\r\n\r\n"))
            let object = try JSONSerialization.jsonObject(with: Data(status[json.upperBound...].utf8)) as? [String: Any]
            let redis = object?["redis"] as? [String: Any]
            #expect(redis?["embedded"] as? Bool == true)
            // Of each loop that was asked, one for all its commands.
            #expect((redis?["pool"] as? [String: Any])?["leases"] as? Int ?? 0 >= 1)
            #expect(object?["uptimeSeconds"] is Int && object?["clientConnections"] as? Int == 1)
        }
    }

    @Test func logsEachRequestOnALineOfItsOwn() async throws {
        try await withGateway { program, port in
            _ = try await request(port, "GET", "/kv/one")
            _ = try await request(port, "GET", "/proxy/bytes/12")
            try await program.wait(for: "\"GET /proxy/bytes/12\" 200 12 ")
            #expect(program.text.contains("\"GET /kv/one\" 404 "))
        }
        try await withGateway(["ACCESS_LOG": "off"]) { program, port in
            _ = try await request(port, "GET", "/kv/one")
            #expect(!program.text.contains("/kv/one"))
        }
    }

    @Test func keepsConnectionsAliveAndAnswersInOrder() async throws {
        try await withGateway { _, port in
            let client = try await Client.connect(port)
            let get = { (target: String) in "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }
            // The slowest first, and an error in the middle.
            try await client.send(
                get("/proxy/slow/200") + get("/kv/none") + "PUT /kv/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\ny" + get("/kv/x")
                    + get("/last"))
            let text = try await client.text(until: "no such path")
            let order = ["after 200 ms", "no such key", " 204 ", "\r\n\r\ny", "no such path"].map { text.firstRange(of: $0)?.lowerBound }
            #expect(!order.contains(nil) && order.compactMap { $0 } == order.compactMap { $0 }.sorted())
            // Thousands that are answered at once, behind one that is not.
            try await client.send(get("/proxy/slow/50") + String(repeating: get("/x"), count: 3000) + get("/proxy/status/418"))
            let many = try await client.text(until: "status 418")
            #expect(many.split(separator: "no such path", omittingEmptySubsequences: false).count == 3001)
            client.close()
        }
    }

    @Test func oldClientsAreServed() async throws {
        try await withGateway { _, port in
            let client = try await Client.connect(port)
            try await client.send("GET /proxy/chunked/5 HTTP/1.0\r\n\r\n")
            let closed = try await client.all()
            #expect(
                closed.contains("connection: close\r\n") && !closed.lowercased().contains("chunked\r\n")
                    && closed.hasSuffix("\r\n\r\nwwwww"))
            let alive = try await Client.connect(port)
            try await alive.send("GET /proxy/bytes/5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let first = try await alive.text(until: "wwwww")
            #expect(first.contains("connection: keep-alive\r\n"))
            try await alive.send("GET /proxy/bytes/6 HTTP/1.0\r\n\r\n")
            let second = try await alive.all()
            #expect(second.hasSuffix("wwwwww"))
            // One that has said all it had to say.
            let half = try await Client.connect(port)
            try await half.send("GET /proxy/slow/50 HTTP/1.1\r\nHost: h\r\n\r\n")
            try await half.finish()
            let response = try await half.all()
            #expect(response.contains("after 50 ms"))
        }
    }

    @Test func clientsThatAskForLeaveGetIt() async throws {
        try await withGateway { _, port in
            for target in ["/kv/expected", "/proxy/echo"] {
                let client = try await Client.connect(port)
                try await client.send(
                    "PUT \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                let leave = try await client.text(until: "\r\n\r\n")
                // The echo begins its answer at once: it may have come together with the leave.
                #expect(leave.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n"), "\(target)")
                let final = String(leave.utf8.dropFirst(25)) ?? ""
                try await client.send("hello")
                let response = try await client.all()
                #expect((final + response).hasPrefix("HTTP/1.1 20"), "\(target): \(final + response)")
            }
            // No leave where the answer is known before.
            let client = try await Client.connect(port)
            try await client.send("PUT /kv/large HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n")
            let refused = try await client.all()
            #expect(refused.hasPrefix("HTTP/1.1 413 ") && refused.contains("connection: close\r\n"))
            let unknown = try await request(port, "PUT", "/kv/a", headers: "Expect: miracles\r\n", body: "x")
            #expect(unknown.hasPrefix("HTTP/1.1 417 "))
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET nothing HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /proxy/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /proxy/echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ])
    func malformedRequestsAreRefusedAndClosed(bytes: String) async throws {
        try await self.withSharedGateway { port in
            let client = try await Client.connect(port)
            // What follows is never a request of its own.
            try await client.send(bytes + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try await client.all()
            #expect(response.hasPrefix("HTTP/1.1 400 ") || response.hasPrefix("HTTP/1.1 501 "), "\(response)")
            #expect(response.split(separator: "HTTP/1.1 ").count == 1 && response.contains("onnection: close\r\n"))
            client.close()
        }
    }

    private func withSharedGateway(_ body: (Int) async throws -> Void) async throws {
        try await withGateway(["ACCESS_LOG": "off"]) { _, port in try await body(port) }
    }

    @Test func tooLargeAHeadIsRefused() async throws {
        try await self.withSharedGateway { port in
            let response = try await request(port, "GET", "/", headers: "X: \(String(repeating: "x", count: 20_000))\r\n")
            #expect(response.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func slowClientsAreClosed() async throws {
        try await withGateway(["CLIENT_TIMEOUT_MS": "200", "ACCESS_LOG": "off"]) { _, port in
            // No head, half a head, an idle connection, half a body.
            for start in ["", "GET / HTTP/1.1\r\nHo", "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n"] {
                let client = try await Client.connect(port)
                if !start.isEmpty { try await client.send(start) }
                let response = try await client.all()
                #expect(response.isEmpty || response.contains(" 404 "))
            }
            for target in ["/kv/slow", "/proxy/echo"] {
                let client = try await Client.connect(port)
                try await client.send("PUT \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
                let response = try await client.all()
                #expect(
                    response.hasPrefix("HTTP/1.1 408 ") || target == "/proxy/echo" && !response.contains("half\n"), "\(target): \(response)"
                )
            }
        }
    }

    /// A hundred megabytes to a client that reads when it likes: the gateway holds next to nothing of it.
    @Test func slowReadersCostNoMemory() async throws {
        try await self.withGatewayForLoad { program, port in
            let total = 100_000_000
            let before = program.residentBytes
            let client = try await Client.connect(port, readsByItself: false)
            try await client.send("GET /proxy/bytes/\(total) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            // While it does not read others are served, and the upstream has all the time it could want.
            for _ in 0..<200 {
                let response = try await request(port, "GET", "/proxy/bytes/1000")
                #expect(response.hasPrefix("HTTP/1.1 200 "))
            }
            #expect(program.residentBytes - before < 40_000_000)
            try await client.startReading()
            let counted = try await client.count(total + 100_000)
            #expect(counted >= total)
            #expect(program.residentBytes - before < 40_000_000)
        }
    }

    @Test func slowUpstreamsCostNoMemory() async throws {
        let upstream = try await EmbeddedUpstream.start(on: MultiThreadedEventLoopGroup.singleton).get()
        let proxy = try await FaultProxy.start(on: MultiThreadedEventLoopGroup.singleton, to: upstream.address).get()
        try await withGateway(["UPSTREAM_URL": "http://127.0.0.1:\(proxy.port)", "ACCESS_LOG": "off", "BACKEND_TIMEOUT_MS": "1000"]) {
            program, port in
            #expect(program.text.contains("upstream: http://127.0.0.1:\(proxy.port) (UPSTREAM_URL)"))
            _ = try await request(port, "GET", "/proxy/bytes/10")
            let before = program.residentBytes
            try await proxy.update { $0.stallsRequests = true }.get()
            let client = try await Client.connect(port)
            try await client.send("POST /proxy/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000000\r\n\r\n")
            for _ in 0..<300 { client.sendWithoutWaiting(ByteBuffer(repeating: 0, count: 1_000_000)) }
            let response = try await client.text(until: "\r\n\r\n")
            #expect(response.hasPrefix("HTTP/1.1 504 "), "\(response)")
            #expect(program.residentBytes - before < 40_000_000)
            client.close()
        }
        try await proxy.shutdown().get()
        try await upstream.shutdown().get()
    }

    private func withGatewayForLoad(_ body: (Program, Int) async throws -> Void) async throws {
        try await withGateway(["ACCESS_LOG": "off"], body)
    }

    // MARK: Back ends that fail

    @Test func backEndsThatAreNotThere() async throws {
        try await withGateway([
            "REDIS_URL": "redis://:secret@127.0.0.1:1", "UPSTREAM_URL": "http://127.0.0.1:1/base", "BACKEND_TIMEOUT_MS": "2000",
        ]) { program, port in
            #expect(program.text.contains("Redis: redis://127.0.0.1:1/0 (REDIS_URL)") && !program.text.contains("secret"))
            for target in ["/kv/a", "/proxy/a"] {
                let response = try await request(port, "GET", target)
                #expect(response.hasPrefix("HTTP/1.1 502 "), "\(target): \(response)")
            }
            let status = try await request(port, "GET", "/status")
            #expect(status.contains("\"embedded\" : false") && !status.contains("secret"))
        }
    }

    @Test func backEndsThatAreSilent() async throws {
        var faults = FaultProxy.Faults()
        faults.admission = .blackHole
        let hole = try await FaultProxy.start(
            on: MultiThreadedEventLoopGroup.singleton, to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), faults: faults
        ).get()
        try await withGateway([
            "REDIS_URL": "redis://127.0.0.1:\(hole.port)", "UPSTREAM_URL": "http://127.0.0.1:\(hole.port)", "BACKEND_TIMEOUT_MS": "300",
            "REDIS_CONNECTIONS": "1", "UPSTREAM_CONNECTIONS": "1", "LOOPS": "1",
        ]) { _, port in
            for target in ["/kv/a", "/proxy/a"] {
                let response = try await request(port, "GET", target)
                #expect(response.hasPrefix("HTTP/1.1 504 "), "\(target): \(response)")
            }
            // One connection for ten: the first waits for its response, the others for it.
            let statuses = try await Self.tenTimes(port, "/proxy/a")
            #expect(statuses.count { $0.hasPrefix("HTTP/1.1 503 ") && $0.contains("retry-after: ") } >= 1)
            #expect(statuses.allSatisfy { $0.hasPrefix("HTTP/1.1 503 ") || $0.hasPrefix("HTTP/1.1 504 ") })
            // All share one connection to Redis, which comes to no login: too slow, and down once that has failed.
            let values = try await Self.tenTimes(port, "/kv/a")
            #expect(values.allSatisfy { $0.hasPrefix("HTTP/1.1 502 ") || $0.hasPrefix("HTTP/1.1 504 ") }, "\(values)")
        }
        try await hole.shutdown().get()
    }

    /// A Redis that logs in and then says nothing: each command ends at its deadline.
    @Test func aRedisThatFallsSilent() async throws {
        let server = try await ScriptedServer.start(on: MultiThreadedEventLoopGroup.singleton) { _ in .redisHandshake + [.hold] }.get()
        try await withGateway(["REDIS_URL": "redis://127.0.0.1:\(server.port)", "BACKEND_TIMEOUT_MS": "300", "LOOPS": "1"]) { _, port in
            let values = try await Self.tenTimes(port, "/kv/a")
            #expect(values.allSatisfy { $0.hasPrefix("HTTP/1.1 504 ") }, "\(values)")
            #expect(try await server.acceptedConnections().get() == 1)
        }
        try await server.shutdown().get()
    }

    private static func tenTimes(_ port: Int, _ target: String) async throws -> [String] {
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<10 { group.addTask { try await request(port, "GET", target) } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
    }

    // MARK: Start and stop

    @Test(arguments: [SIGTERM, SIGINT]) func finishesWhatRunsAndStops(signal: Int32) async throws {
        let (program, port) = try await startGateway()
        let idle = try await Client.connect(port)
        let running = try await Client.connect(port)
        try await running.send("GET /proxy/slow/1500 HTTP/1.1\r\nHost: a\r\n\r\n")
        // Both are known to the gateway once it says so.
        var status = ""
        while !status.contains("\"active\" : 1") || !status.contains("\"clientConnections\" : 3") {
            status = try await request(port, "GET", "/status")
        }
        program.signal(signal)
        let nothing = try await idle.all()
        #expect(nothing.isEmpty)
        let response = try await running.all()
        #expect(response.contains("HTTP/1.1 200 ") && response.contains("connection: close\r\n") && response.hasSuffix("after 1500 ms\n"))
        await #expect(throws: (any Error).self) { _ = try await Client.connect(port) }
        let exit = await program.exitStatus()
        #expect(exit == 0)
        try await program.wait(for: "Gateway has stopped")
        #expect(program.text.contains("\"GET /proxy/slow/1500\" 200 "))
    }

    @Test func drainHasADeadline() async throws {
        try await stopGatewayWithUnansweredRequest(drainSeconds: 1) { program, _ in program.signal(SIGTERM) }
    }

    @Test func saysWhatIsWrongWhenItCannotStart() async throws {
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let port = taken.localAddress!.port!
        for (environment, message) in [
            (["PORT": "\(port)"], "cannot listen on 127.0.0.1:\(port): the port is taken"), (["PORT": "x"], "PORT must be a number"),
            (["PORT": "65536"], "PORT must be a number"), (["REDIS_URL": "localhost"], "REDIS_URL is malformed"),
            (["REDIS_URL": "redis://:secret@h:x"], "REDIS_URL is malformed: the port is no number"),
            (["REDIS_URL": "rediss://:secret@h#x"], "REDIS_URL is malformed"), (["UPSTREAM_URL": "ftp://h"], "UPSTREAM_URL is malformed"),
            (["UPSTREAM_URL": "https://h"], "TLS"), (["ACCESS_LOG": "perhaps"], "ACCESS_LOG must be on or off"),
        ] {
            let program = try Program("Gateway", environment: ["PORT": "0"].merging(environment) { $1 })
            let status = await program.exitStatus()
            try await program.wait(for: message)
            #expect(
                status == 1 && !program.text.contains("secret") && !program.text.contains("Fatal error"), "\(environment): \(program.text)")
        }
        try await taken.close().get()
    }
}

@Suite struct EchoServerTests {
    @Test func saysWhatIsWrongWhenItCannotStart() async throws {
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        for (port, message) in [
            ("\(taken.localAddress!.port!)", "EchoServer: "), ("x", "EchoServer: the port must be"),
            ("70000", "EchoServer: the port must be"),
            ("-1", "EchoServer: the port must be"),
        ] {
            let program = try Program("EchoServer", arguments: [port])
            let status = await program.exitStatus()
            try await program.wait(for: message)
            #expect(status == 1 && !program.text.contains("Fatal error"), "\(port): \(program.text)")
        }
        try await taken.close().get()
    }

    @Test func echoesAndStops() async throws {
        let program = try Program("EchoServer", arguments: ["0"])
        try await program.wait(for: "listens")
        try await program.wait(for: "[EchoServer]")
        let port = try #require(program.text.firstMatch(of: /127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) })
        let client = try await Client.connect(port)
        try await client.send("hello")
        let echo = try await client.text(until: "hello")
        #expect(echo == "hello")
        // More than all buffers hold, to a client that reads only then.
        let slow = try await Client.connect(port, readsByItself: false)
        slow.sendWithoutWaiting(ByteBuffer(repeating: 1, count: 30_000_000))
        try await client.send("again")
        let again = try await client.text(until: "again")
        #expect(again == "again")
        try await slow.startReading()
        let counted = try await slow.count(30_000_000)
        #expect(counted == 30_000_000)
        program.signal(SIGTERM)
        let status = await program.exitStatus()
        #expect(status == 0)
        try await program.wait(for: "echoed_bytes=30000010")
    }
}
