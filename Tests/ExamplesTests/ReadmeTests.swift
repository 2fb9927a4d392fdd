import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirPool
import WeirRedis
import WeirTestKit

@Suite struct ReadmeTests {
    /// The first Swift code of the README is the file beside this one, to the letter, and short enough.
    @Test func codeIsWhatIsCompiled() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let readme = try String(contentsOf: here.appendingPathComponent("../../README.md").standardized, encoding: .utf8)
        let file = try String(contentsOf: here.appendingPathComponent("ReadmeHandler.swift"), encoding: .utf8)
        let fence = "```swift\n"
        let start = try #require(readme.firstRange(of: fence))
        let end = try #require(readme[start.upperBound...].firstRange(of: "```"))
        #expect(String(readme[start.upperBound..<end.lowerBound]) == file)
        #expect(file.split(separator: "\n", omittingEmptySubsequences: false).dropLast().count < 20)
    }

    @Test func handlerAnswers() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await EmbeddedRESPServer.start(on: group).get()
        let pool = RedisPool(url: RedisURL(host: "127.0.0.1", port: server.port), group: group, pool: PoolConfiguration(maximum: 64))
        let loop = group.any()
        try await loop.flatSubmit { pool[loop].send(.set(ByteBuffer(string: "greeting"), to: ByteBuffer(string: "hello"))) }.get()
        let listener = try await ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(LookupHandler(pool, on: channel.eventLoop))
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        let client = try await Client.connect(listener.localAddress!.port!)
        try await client.send("greeting")
        #expect(try await client.text(until: "hello") == "hello")
        try await client.send("nothing")
        #expect(try await client.text(until: "not found").hasSuffix("not found"))
        client.close()
        try await listener.close().get()
        try await pool.shutdown(deadline: .now() + .seconds(5)).get()
        try await server.shutdown().get()
    }
}
