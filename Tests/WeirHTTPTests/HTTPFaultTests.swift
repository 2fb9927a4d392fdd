import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import WeirHTTP
import WeirPool
import WeirTestKit

/// Servers that break off, lie about lengths, say too much or too little. Each time the next request is served well, on a new
/// connection where the old one is in doubt.
@Suite struct HTTPFaultTests {
    private static let good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"

    private struct Result {
        var outcome: Outcome
        var next: Outcome
        var connects: UInt64
    }

    /// The first connection does as the script says; what becomes of a request on it, and of the next one.
    private func result(
        of response: [ScriptedServer.Step], method: HTTPMethod = .GET, deadlines: HTTPDeadlines? = nil
    ) async throws -> Result {
        let server = try await ScriptedServer.start(on: testGroup) { number in
            number == 1 ? [.awaitString("\r\n\r\n")] + response : [.awaitString("\r\n\r\n"), .send(Self.good), .again]
        }.get()
        var result: Result?
        try await withHTTP(port: server.port) { (pool) async throws in
            let loop = testGroup.any()
            let outcome = try await pool.send(method, "/", deadlines: deadlines, on: loop)
            let next = try await pool.send(.GET, "/", on: loop)
            result = Result(outcome: outcome, next: next, connects: try await pool.connections.statistics().get().connects)
        }
        try await server.shutdown().get()
        return try #require(result)
    }

    private func expectFailure(_ code: HTTPError.Code, _ response: ScriptedServer.Step..., deadlines: HTTPDeadlines? = nil) async throws {
        let result = try await self.result(of: response, deadlines: deadlines)
        #expect(result.outcome.error?.code == code, "\(String(describing: result.outcome.error)) for \(response)")
        #expect(String(buffer: result.next.body) == "good" && result.connects == 2, "\(response)")
    }

    @Test func endsTooEarly() async throws {
        try await self.expectFailure(.connectionLost, .close)
        try await self.expectFailure(.connectionLost, .reset)
        try await self.expectFailure(.connectionLost, .send("HTTP/1.1 200 OK\r\nContent-Le"), .close)
        try await self.expectFailure(.prematureClose, .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), .close)
        try await self.expectFailure(.prematureClose, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), .close)
        try await self.expectFailure(
            .prematureClose, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n"), .close)
        try await self.expectFailure(.prematureClose, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nha"), .reset)
    }

    @Test func lengthsThatCanBeReadTwoWays() async throws {
        for headers in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked", "Content-Length: 4\r\nContent-Length: 5",
            "Content-Length: 4\r\nContent-Length: 4",
            "Content-Length: 4, 4", "Content-Length: +4", "Content-Length: 0x4", "Content-Length: 4 4", "Content-Length: -4",
            "Content-Length:",
            "Content-Length: 99999999999999999999", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: xchunked", "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding:", "Transfer-Encoding\u{b}: chunked", "Content-Length : 4",
        ] {
            let result = try await self.result(of: [.send("HTTP/1.1 200 OK\r\n\(headers)\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"), .hold])
            let code = result.outcome.error?.code
            #expect(code == .ambiguousLength || code == .malformedResponse, "\(headers): \(String(describing: code))")
            #expect(String(buffer: result.next.body) == "good" && result.connects == 2, "\(headers)")
        }
        try await self.expectFailure(.ambiguousLength, .send("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), .hold)
    }

    @Test func isNotHTTP() async throws {
        for garbage in [
            "+PONG\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "HTTP/1.1 200 OK\r\nA\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcdef\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
        ] {
            var deadlines = HTTPDeadlines()
            deadlines.firstByte = .seconds(20)
            let result = try await self.result(of: [.send(garbage), .hold], deadlines: deadlines)
            #expect(
                result.outcome.error?.code == .malformedResponse, "\(garbage.debugDescription): \(String(describing: result.outcome.error))"
            )
            #expect(String(buffer: result.next.body) == "good" && result.connects == 2)
        }
    }

    @Test func tooLargeAHead() async throws {
        let field = "A: " + String(repeating: "x", count: 20_000) + "\r\n"
        try await self.expectFailure(.malformedResponse, .send("HTTP/1.1 200 OK\r\n" + field), .hold)
        try await self.expectFailure(.malformedResponse, .send("HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 500)), .hold)
    }

    /// Statuses below 200 that the parser gives a body: not a byte of it may reach the caller, who has no head yet.
    @Test(arguments: ["000", "001", "099", "100", "104", "199"]) func bodiesBeforeTheFinalHead(status: String) async throws {
        for framing in ["Content-Length: 4\r\n\r\nevil", "Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"] {
            let result = try await self.result(of: [.send("HTTP/1.1 \(status) X\r\n\(framing)"), .close])
            #expect(result.outcome.error?.code == .malformedResponse, "\(String(describing: result.outcome.error)) for \(status)")
            #expect(result.outcome.body.readableBytes == 0 && String(buffer: result.next.body) == "good")
        }
    }

    @Test func informationalWithoutEnd() async throws {
        let hints = String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 2000)
        try await self.expectFailure(.informationalResponse, .send(hints), .hold)
        try await self.expectFailure(.informationalResponse, .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), .hold)
        let result = try await self.result(of: [.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + Self.good), .again])
        #expect(result.outcome.error == nil && String(buffer: result.outcome.body) == "good")
    }

    /// The response is good; what follows it must not become the answer to the next request.
    @Test func saysMoreThanWasAsked() async throws {
        let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        for (response, body) in [
            (Self.good, "good"), ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n", "good"),
            ("HTTP/1.1 204 No Content\r\n\r\n", ""), ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
            ("HTTP/1.1 304 Not Modified\r\n\r\n", ""),
        ] {
            // All of it at once, the beginning of it, one byte, and the same a moment later on the idle connection.
            for extra in [poison, "HTTP/1.1 200 OK\r\nContent-Le", "H", "\n", "\r\n"] {
                let result = try await self.result(of: [.send(response + extra), .awaitString("\r\n\r\n"), .send(poison), .hold])
                #expect(result.outcome.error == nil && String(buffer: result.outcome.body) == body, "\(response) \(extra)")
                #expect(String(buffer: result.next.body) == "good" && result.connects == 2, "\(response) \(extra)")
            }
        }
        let head = try await self.result(of: [.send(Self.good), .awaitString("\r\n\r\n"), .send(poison), .hold], method: .HEAD)
        #expect(head.outcome.error == nil && head.outcome.body.readableBytes == 0)
        #expect(String(buffer: head.next.body) == "good" && head.connects == 2)
    }

    @Test func speaksOnAnIdleConnection() async throws {
        // The server says its second piece when it likes: as soon as it is seen, the connection is gone.
        let server = try await ScriptedServer.start(on: testGroup) { number in
            number == 1
                ? [.awaitString("\r\n\r\n"), .send(Self.good), .awaitString("\r\n\r\n"), .send(Self.good + "HTTP/1.1 2"), .hold]
                : [.awaitString("\r\n\r\n"), .send(Self.good), .again]
        }.get()
        try await withHTTP(port: server.port) { (pool) async throws in
            let loop = testGroup.any()
            for _ in 0..<4 {
                let outcome = try await pool.send(.GET, "/", on: loop)
                #expect(String(buffer: outcome.body) == "good")
            }
            let statistics = try await pool.connections.statistics().get()
            #expect(statistics.connects == 2)
        }
        try await server.shutdown().get()
    }

    @Test func everySplitOfAResponseIsTheSame() throws {
        let response =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nab\r\nc\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n"
        let wire = ByteBuffer(string: response)
        // In memory the cuts are exact: a network may join them again.
        for cut in 0...wire.readableBytes {
            let outcome = try BoundaryFixture.run([
                wire.getSlice(at: 0, length: cut)!, wire.getSlice(at: cut, length: wire.readableBytes - cut)!,
            ])
            #expect(outcome.body == "ab\r\ncd" && outcome.isReusable, "cut at \(cut)")
        }
        var bytes = wire
        var drips: [ByteBuffer] = []
        while let byte = bytes.readSlice(length: 1) { drips.append(byte) }
        let dripped = try BoundaryFixture.run(drips)
        #expect(dripped.body == "ab\r\ncd" && dripped.isReusable)
    }

    @Test func bodyUntilCloseIsWholeAndNotReused() async throws {
        let result = try await self.result(of: [.send("HTTP/1.1 200 OK\r\n\r\nuntil the end"), .close])
        #expect(result.outcome.error == nil && String(buffer: result.outcome.body) == "until the end")
        #expect(result.connects == 2)
        for headers in [
            "HTTP/1.1 200 OK\r\nConnection: close\r\n", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\n",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n",
        ] {
            let result = try await self.result(of: [.send(headers + "Content-Length: 4\r\n\r\ngood"), .hold])
            #expect(result.outcome.error == nil && result.connects == 2, "\(headers)")
        }
    }

    @Test func silence() async throws {
        var deadlines = HTTPDeadlines()
        deadlines.firstByte = .milliseconds(50)
        try await self.expectFailure(.firstByteTimeout, .hold, deadlines: deadlines)
        deadlines.firstByte = .seconds(20)
        deadlines.idle = .milliseconds(50)
        try await self.expectFailure(.idleTimeout, .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), .hold, deadlines: deadlines)
    }

    @Test func closedJustAsItWasUsed() async throws {
        // The server takes a second request on the connection and closes on it, as if its idle timeout had come just then.
        let server = try await ScriptedServer.start(on: testGroup) { _ in
            [.awaitString("\r\n\r\n"), .send(Self.good), .awaitString("\r\n\r\n"), .close]
        }.get()
        try await withHTTP(port: server.port) { (pool) async throws in
            let loop = testGroup.any()
            for method in [HTTPMethod.GET, .GET, .GET, .DELETE, .HEAD] {
                let outcome = try await pool.send(method, "/", on: loop)
                #expect(outcome.error == nil, "\(method)")
            }
            // What may have run and is not idempotent is not sent again.
            _ = try await pool.send(.GET, "/", on: loop)
            var failures = 0
            for _ in 0..<2 {
                let outcome = try await pool.send(.POST, "/", body: [ByteBuffer(string: "x")], on: loop)
                if outcome.error?.code == .connectionLost, outcome.error?.mayHaveRun == true { failures += 1 }
            }
            #expect(failures == 1)
        }
        try await server.shutdown().get()
    }

    @Test func answerBeforeTheBodyEnds() async throws {
        let early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nlong"
        let server = try await ScriptedServer.start(on: testGroup) { number in
            number == 1 ? [.awaitString("\r\n\r\n"), .send(early), .hold] : [.awaitString("\r\n\r\n"), .send(Self.good), .again]
        }.get()
        try await withHTTP(port: server.port) { (pool) async throws in
            let loop = testGroup.any()
            // So much that it cannot all have been sent when the answer comes.
            let pieces = Array(repeating: ByteBuffer(repeating: 0, count: 1 << 20), count: 64)
            let outcome = try await pool.send(.POST, "/", body: pieces, on: loop)
            #expect(outcome.error == nil && outcome.status == .payloadTooLarge)
            let next = try await pool.send(.GET, "/", on: loop)
            #expect(String(buffer: next.body) == "good")
            let statistics = try await pool.connections.statistics().get()
            #expect(statistics.connects == 2)
        }
        try await server.shutdown().get()
    }
}
