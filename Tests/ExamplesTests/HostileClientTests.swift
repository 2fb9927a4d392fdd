import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirTestKit

/// Clients that ask for more than they read, leave in the middle or offer what nobody takes, and ends that come at the wrong moment.
@Suite(.serialized) struct HostileClientTests {
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

    @Test func aSecondSignalEndsTheDrain() async throws {
        let program = try Program("Gateway", environment: ["PORT": "0", "DRAIN_SECONDS": "3600"])
        try await program.wait(for: "listens on")
        let port = try #require(program.text.firstMatch(of: /listens on http:\/\/127\.0\.0\.1:(\d+);/).flatMap { Int($0.1) })
        let running = try await Client.connect(port)
        try await running.send("GET /proxy/silent/ HTTP/1.1\r\nHost: a\r\n\r\n")
        var status = ""
        while !status.contains("\"active\" : 1") { status = try await request(port, "GET", "/status") }
        program.signal(SIGTERM)
        try await self.waitUntilRefused(port)
        program.signal(SIGINT)
        let response = try await running.all()
        #expect(response.isEmpty)
        let exit = await program.exitStatus()
        #expect(exit == 0)
    }

    @Test func anAccessLogThatNobodyReadsHoldsNothingUp() async throws {
        let program = try Program("Gateway", environment: ["PORT": "0"])
        try await program.wait(for: "listens on")
        let port = try #require(program.text.firstMatch(of: /listens on http:\/\/127\.0\.0\.1:(\d+);/).flatMap { Int($0.1) })
        program.stopReadingOutput()
        let client = try await Client.connect(port)
        // More lines than a pipe holds.
        let count = 5000
        try await client.send(String(repeating: "GET /nope HTTP/1.1\r\nHost: h\r\n\r\n", count: count - 1) + "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await client.text(until: "any method")
        client.close()
        program.signal(SIGTERM)
        let exit = await program.exitStatus()
        #expect(exit == 0)
    }
}
