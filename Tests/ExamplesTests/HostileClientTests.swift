import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirTestKit

/// Clients that ask for more than they read, leave in the middle or offer what nobody takes, and ends that come at the wrong moment.
@Suite(.serialized) struct HostileClientTests {
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
}
