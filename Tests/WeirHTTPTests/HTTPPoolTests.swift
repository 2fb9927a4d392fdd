import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import WeirHTTP
import WeirPool
import WeirTestKit

@Suite struct HTTPPoolTests {
    private func withUpstream(connections: Int = 8, _ body: (HTTPPool, EmbeddedUpstream) async throws -> Void) async throws {
        let upstream = try await EmbeddedUpstream.start(on: testGroup).get()
        try await withHTTP(port: upstream.port, connections: connections) { (pool) async throws in try await body(pool, upstream) }
        try await upstream.shutdown().get()
    }

    @Test func keepsConnectionsAlive() async throws {
        try await self.withUpstream { (pool, upstream) async throws in
            let loop = testGroup.any()
            for uri in ["/bytes/5", "/chunked/100000", "/bytes/0", "/chunked/0", "/status/204", "/status/304", "/status/404", "/slow/1"] {
                let outcome = try await pool.send(.GET, uri, on: loop)
                #expect(outcome.error == nil, "\(uri)")
            }
            for uri in ["/bytes/5", "/status/200", "/chunked/5"] {
                let outcome = try await pool.send(.HEAD, uri, on: loop)
                #expect(outcome.error == nil && outcome.body.readableBytes == 0, "\(uri)")
            }
            for framing in [HTTPRequestBody.length(5), .chunked] {
                let outcome = try await pool.send(.POST, "/echo", body: [ByteBuffer(string: "hello")], framing: framing, on: loop)
                #expect(String(buffer: outcome.body) == "hello")
            }
            let accepted = try await upstream.acceptedConnections().get()
            #expect(accepted == 1)
            let statistics = try await pool.connections.statistics().get()
            #expect(statistics.idle == 1 && statistics.active == 0 && statistics.leases == 13)
        }
    }

    @Test func bodiesComeWhole() async throws {
        try await self.withUpstream { (pool, _) async throws in
            let loop = testGroup.any()
            let pieces = (0..<64).map { ByteBuffer(repeating: UInt8($0), count: 50_000) }
            let outcome = try await pool.send(.PUT, "/echo", body: pieces, on: loop)
            #expect(outcome.error == nil)
            #expect(outcome.body == pieces.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) })
            let chunked = try await pool.send(.GET, "/chunked/3000000", on: loop)
            #expect(chunked.body.readableBytes == 3_000_000)
        }
    }

    @Test func aHundredAtOnce() async throws {
        try await self.withUpstream { (pool, _) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let body = ByteBuffer(string: "number \(index)")
                        let outcome = try await pool.send(.POST, "/echo", body: [body], on: testGroup.next())
                        #expect(outcome.error == nil && outcome.body == body)
                    }
                }
                try await group.waitForAll()
            }
            let statistics = try await pool.connections.statistics().get()
            #expect(statistics.active == 0 && statistics.dropped == 0 && statistics.idle <= 8)
        }
    }

    @Test func writesTheHeadersOfItsConnection() async throws {
        try await self.withUpstream { (pool, _) async throws in
            let headers: HTTPHeaders = ["Connection": "close", "Transfer-Encoding": "gzip", "Content-Length": "7", "X-Mine": "1"]
            let outcome = try await pool.send(.GET, "/anything", headers: headers, on: testGroup.any())
            let text = String(buffer: outcome.body)
            #expect(text.hasPrefix("GET /anything\n") && text.contains("X-Mine: 1\n") && text.contains("host: 127.0.0.1:"))
            for name in ["connection", "transfer-encoding", "content-length"] { #expect(!text.lowercased().contains(name)) }
        }
    }

    @Test(arguments: [
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/a b"), HTTPRequestHead(version: .http1_1, method: .GET, uri: ""),
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/\r\nX: y"), HTTPRequestHead(version: .http1_1, method: .CONNECT, uri: "/"),
        HTTPRequestHead(version: .http1_1, method: .RAW(value: "GE T"), uri: "/"),
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["X-A": "b\r\nX-B: c"]),
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["X-A": "b\u{0}"]),
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["X A": "b"]),
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["": "b"]),
    ])
    func refusesToSendWhatInjects(head: HTTPRequestHead) async throws {
        try await self.withUpstream { (pool, upstream) async throws in
            let outcome = try await pool.send(head.method, head.uri, headers: head.headers, on: testGroup.any())
            #expect(outcome.error?.code == .invalidRequest && outcome.error?.mayHaveRun == false)
            let accepted = try await upstream.acceptedConnections().get()
            #expect(accepted == 0)
        }
    }

    @Test func bodyMustBeAsLongAsAnnounced() async throws {
        try await self.withUpstream { (pool, _) async throws in
            let loop = testGroup.any()
            for framing in [HTTPRequestBody.length(4), .length(6)] {
                let outcome = try await pool.send(.POST, "/echo", body: [ByteBuffer(string: "hello")], framing: framing, on: loop)
                #expect(outcome.error?.code == .requestBody, "\(framing)")
            }
            let outcome = try await pool.send(.POST, "/echo", body: [ByteBuffer(string: "hello")], on: loop)
            #expect(String(buffer: outcome.body) == "hello")
        }
    }
}
