import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import WeirServer

@Suite struct StatusServerTests {
    struct Failure: Error {}

    @Test func answersGetAndHead() async throws {
        try await Self.withServer { address, asked in
            let get = try await Self.ask(address, "GET /json?pretty=1 HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(
                get
                    == "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\ncache-control: no-store\r\nconnection: close\r\n\r\n{\"a\": 1}"
            )
            let head = try await Self.ask(address, "HEAD /json HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(head == String(get.dropLast(8)))
            let old = try await Self.ask(address, "GET /metrics HTTP/1.0\r\n\r\n")
            #expect(old.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n") && old.hasSuffix("\r\n\r\nup 1\n"))
            let missing = try await Self.ask(address, "GET /js%6Fn HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(missing.hasPrefix("HTTP/1.1 404 "))
            let failed = try await Self.ask(address, "GET /failure HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(failed.hasPrefix("HTTP/1.1 500 ") && !failed.contains("Failure"))
            #expect(asked.withLockedValue { $0 } == ["/json", "/json", "/metrics", "/js%6Fn", "/failure"])
        }
    }

    @Test(arguments: [
        ("POST /json HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "405"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "405"),
        ("DELETE /json HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "405"),
        ("GET /json HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", "413"),
        ("GET /json HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "413"),
        ("GET /json HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "413"),
        ("GET http://h/json HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
        ("GET /json HTTP/3.0\r\nHost: h\r\n\r\n", "[45]0[05]"),
        ("GET /json HTTP/1.1\r\nHost : h\r\n\r\n", "400"),
        ("GET /json\r\n\r\n", "[45]0[05]"),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", "400"),
        ("*1\r\n$4\r\nPING\r\n", "400"),
        ("GET /" + String(repeating: "x", count: 20_000) + " HTTP/1.1\r\n\r\n", "4[03][01]"),
        ("GET /json HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 100) + "\r\n", "431"),
    ]) func refuses(request: String, status: String) async throws {
        try await Self.withServer { address, asked in
            let response = try await Self.ask(address, request)
            let expected = try Regex("HTTP/1\\.1 \(status) [^$]*\r\nconnection: close\r\n\r\n[^$]*").ignoresCase()
            #expect(response.wholeMatch(of: expected) != nil, "\(response)")
            #expect(status != "405" || response.contains("\r\nallow: GET, HEAD\r\n"))
            #expect(asked.withLockedValue { $0 }.isEmpty)
            let after = try await Self.ask(address, "GET /json HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(after.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func aHeaderOfAMegabyteIsRefusedBeforeItIsThere() async throws {
        try await Self.withServer { address, asked in
            let peer = try await Peer.connect(to: address)
            peer.sendWithoutWaiting("GET /json HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 1 << 20) + "\r\n\r\n")
            // Answered, and not reset under the answer.
            let response = try await peer.all()
            #expect(response.hasPrefix("HTTP/1.1 431 ") && response.hasSuffix("\r\n\r\ntoo large a head\n"))
            #expect(asked.withLockedValue { $0 }.isEmpty)
            try? await peer.close()
        }
    }

    @Test func ofManyRequestsAtOnceTheFirstIsAnswered() async throws {
        try await Self.withServer { address, asked in
            let request = "GET /json HTTP/1.1\r\nHost: h\r\n\r\n"
            let response = try await Self.ask(address, String(repeating: request, count: 1000))
            #expect(response.hasSuffix("connection: close\r\n\r\n{\"a\": 1}") && response.matches(of: /HTTP\/1.1/).count == 1)
            // And when the answer takes its time.
            let slow = try await Self.ask(address, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" + request + "garbage")
            #expect(slow.hasSuffix("\r\n\r\nslow") && slow.matches(of: /HTTP\/1.1/).count == 1)
            #expect(asked.withLockedValue { $0 } == ["/json", "/slow"])
        }
    }

    @Test func aClientThatHasSaidAllGetsItsAnswer() async throws {
        try await Self.withServer { address, _ in
            for path in ["/json", "/slow"] {
                let peer = try await Peer.connect(to: address)
                try await peer.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
                try await peer.finish()
                #expect(try await peer.all().hasPrefix("HTTP/1.1 200 "))
            }
            // Half a request and an end: there is nothing to answer.
            let peer = try await Peer.connect(to: address)
            try await peer.send("GET /json HTTP/1.1\r\n")
            try await peer.finish()
            let response = try await peer.all()
            #expect(response.isEmpty || response.hasPrefix("HTTP/1.1 400 "), "\(response)")
        }
    }

    /// Silent, one byte at a time, and one that never takes its answer or never gets it.
    @Test func nobodyStaysLongerThanHisTime() async throws {
        var limits = StatusLimits()
        limits.time = .milliseconds(200)
        try await Self.withServer(limits) { address, _ in
            let silent = try await Peer.connect(to: address)
            let begun = try await Peer.connect(to: address)
            try await begun.send("GET /json HTTP/1.1\r\n")
            let unanswered = try await Peer.connect(to: address)
            try await unanswered.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            let idler = try await Peer.connect(to: address)
            try await idler.channel.setOption(.autoRead, value: false).boundedGet()
            try await idler.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            let dripping = Task {
                let peer = try await Peer.connect(to: address)
                while peer.channel.isActive { try await peer.send("GET /json HTTP/1.1\r\nX: x") }
            }
            #expect(try await silent.all() == "")
            #expect(try await begun.all() == "")
            #expect(try await unanswered.all() == "")
            _ = await dripping.result
            try await idler.channel.setOption(.autoRead, value: true).boundedGet()
            let part = try await idler.all()
            #expect(part.utf8.count < 64 << 20)
        }
    }

    @Test func thereIsRoomForSoMany() async throws {
        var limits = StatusLimits()
        limits.maximumConnections = 3
        try await Self.withServer(limits) { address, asked in
            var waiting: [Peer] = []
            for _ in 0..<3 {
                let peer = try await Peer.connect(to: address)
                try await peer.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
                waiting.append(peer)
            }
            try await wait { asked.withLockedValue { $0.count } == 3 }
            for _ in 0..<20 {
                let peer = try await Peer.connect(to: address)
                #expect(try await peer.all() == "")
            }
            try await waiting[0].reset()
            try await wait { (try? await Self.ask(address, "GET /json HTTP/1.1\r\nHost: h\r\n\r\n").hasPrefix("HTTP/1.1 200 ")) == true }
        }
    }

    @Test func clientsThatComeAndGoDoNoHarm() async throws {
        try await Self.withServer { address, _ in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<200 {
                    tasks.addTask {
                        guard let peer = try? await Peer.connect(to: address) else { return }
                        if number % 2 == 0 { peer.sendWithoutWaiting("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n") }
                        if number % 3 == 0 { try? await peer.reset() } else { try? await peer.close() }
                    }
                }
                try await tasks.waitForAll()
            }
            try await wait { (try? await Self.ask(address, "GET /json HTTP/1.1\r\nHost: h\r\n\r\n").hasPrefix("HTTP/1.1 200 ")) == true }
        }
    }

    @Test func shutdownLetsARequestEnd() async throws {
        try await withLoops(2) { group in
            let isAsked = group.next().makePromise(of: Void.self)
            let answer = group.next().makePromise(of: StatusReply?.self)
            let server = try await StatusServer.bind(host: "127.0.0.1", port: 0, group: group) { path, _ in
                isAsked.succeed()
                return answer.futureResult
            }.boundedGet()
            let idle = try await Peer.connect(to: server.address)
            let busy = try await Peer.connect(to: server.address)
            try await busy.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            try await isAsked.futureResult.boundedGet()
            let down = server.shutdown(until: .now() + .hours(1))
            #expect(try await idle.all() == "")
            answer.succeed(.text("bye"))
            #expect(try await busy.all().hasSuffix("bye"))
            try await busy.close()
            try await down.boundedGet()
            try await server.shutdown().boundedGet()
            _ = await #expect(throws: (any Error).self) { try await Peer.connect(to: server.address) }
        }
    }

    @Test func shutdownWaitsForNoAnswerForEver() async throws {
        try await withLoops(1) { group in
            let isAsked = group.next().makePromise(of: Void.self)
            let never = group.next().makePromise(of: StatusReply?.self)
            let server = try await StatusServer.bind(host: "127.0.0.1", port: 0, group: group) { _, _ in
                isAsked.succeed()
                return never.futureResult
            }.boundedGet()
            let peer = try await Peer.connect(to: server.address)
            try await peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            try await isAsked.futureResult.boundedGet()
            try await server.shutdown(until: .now() + .milliseconds(50)).boundedGet()
            #expect(try await peer.all() == "")
            // Comes too late for anybody.
            never.succeed(.text("late"))
        }
    }

    @Test func aPortThatIsTakenIsAnError() async throws {
        try await Self.withServer { address, _ in
            try await withLoops(1) { group in
                _ = await #expect(throws: IOError.self) {
                    try await StatusServer.bind(host: "127.0.0.1", port: address.port!, group: group) { _, loop in
                        loop.makeSucceededFuture(nil)
                    }.boundedGet()
                }
            }
        }
    }

    // MARK: Support

    private static func ask(_ address: SocketAddress, _ request: String) async throws -> String {
        let peer = try await Peer.connect(to: address)
        peer.sendWithoutWaiting(request)
        let response = try await peer.all()
        try? await peer.close()
        return response
    }

    private static func withServer(
        _ limits: StatusLimits = StatusLimits(), _ body: (SocketAddress, NIOLockedValueBox<[String]>) async throws -> Void
    ) async throws {
        try await withLoops(2) { group in
            let asked = NIOLockedValueBox<[String]>([])
            let other = group.next()
            let never = other.makePromise(of: StatusReply?.self)
            let server = try await StatusServer.bind(host: "127.0.0.1", port: 0, group: group, limits: limits) { path, loop in
                asked.withLockedValue { $0.append(path) }
                switch path {
                case "/json": return loop.makeSucceededFuture(.json(ByteBuffer(string: "{\"a\": 1}")))
                case "/metrics": return loop.makeSucceededFuture(.prometheus(ByteBuffer(string: "up 1\n")))
                // From another loop.
                case "/slow": return other.scheduleTask(in: .milliseconds(20)) { .text("slow") }.futureResult
                case "/large": return loop.makeSucceededFuture(.json(ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 << 20)))
                case "/never": return never.futureResult
                case "/failure": return loop.makeFailedFuture(Failure())
                default: return loop.makeSucceededFuture(nil)
                }
            }.boundedGet()
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(server.address, asked)) } catch { outcome = .failure(error) }
            never.succeed(nil)
            try await server.shutdown(until: .now()).boundedGet()
            try outcome.get()
        }
    }
}
