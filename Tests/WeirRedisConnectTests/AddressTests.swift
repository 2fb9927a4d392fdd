import NIOCore
import NIOPosix
import Testing
import WeirCore
import WeirPool
import WeirRedis
import WeirTestKit

/// Several addresses, names with several addresses, and addresses that are not there.
@Suite struct AddressTests {
    /// A port that nobody listens on.
    private func closedPort() async throws -> Int {
        let server = try await ScriptedServer.start(on: testGroup) { _ in [.close] }.get()
        try await server.shutdown().get()
        return server.port
    }

    private func url(_ ports: Int...) -> RedisURL {
        RedisURL(addresses: ports.map { .tcp(host: "127.0.0.1", port: $0) }, user: "me", password: "very-secret")
    }

    /// Serves a login and PING for ever.
    private static let serving: [ScriptedServer.Step] = [
        .awaitString("HELLO\r\n"), .send("%0\r\n"), .awaitString("PING\r\n"), .send("+OK\r\n+OK\r\n+PONG\r\n"),
        .awaitString("PING\r\n"), .send("+PONG\r\n"), .close,
    ]

    @Test func goesToTheNextThatServes() async throws {
        let closed = try await self.closedPort()
        let loading = try await ScriptedServer.start(on: testGroup) { _ in [.awaitString("HELLO\r\n"), .send("-LOADING x\r\n"), .hold] }
            .get()
        let good = try await ScriptedServer.start(on: testGroup) { _ in Self.serving }.get()
        try await withRedis(self.url(closed, loading.port, good.port)) { (redis) async throws in
            try await redis.ask(.ping)
            // The script closes after one PING: the next connect begins with the one that worked. What comes before that is known fails.
            #expect(try await eventually { (try? await redis.ask(.ping)) != nil })
            #expect(try await eventually { (try? await redis.ask(.ping)) != nil })
        }
        #expect(try await loading.acceptedConnections().get() == 1)
        #expect(try await good.acceptedConnections().get() == 3)
        #expect(try await eventually { try await loading.openConnections().get() == 0 })
        try await loading.shutdown().get()
        try await good.shutdown().get()
    }

    @Test func aSilentOneHasItsShareOfTheTime() async throws {
        let silent = try await ScriptedServer.start(on: testGroup) { _ in [.hold] }.get()
        let good = try await ScriptedServer.start(on: testGroup) { _ in Self.serving }.get()
        var configuration = RedisConfiguration.patient
        configuration.addressTimeout = .seconds(3)
        try await withRedis(self.url(silent.port, good.port), configuration) { (redis) async throws in try await redis.ask(.ping) }
        #expect(try await silent.acceptedConnections().get() == 1)
        #expect(try await eventually { try await silent.openConnections().get() == 0 })
        try await silent.shutdown().get()
        try await good.shutdown().get()
    }

    /// When the pool's time is up with one that is silent, the next connect begins with another.
    @Test func oneThatWasGivenUpIsNotTheFirstAgain() async throws {
        let silent = try await ScriptedServer.start(on: testGroup) { _ in [.hold] }.get()
        let good = try await ScriptedServer.start(on: testGroup) { _ in Self.serving }.get()
        try await withRedis(self.url(silent.port, good.port), pool: impatientPool(connectTimeout: .seconds(3))) {
            (redis) async throws in
            await #expect(throws: RedisError.self) { try await redis.ask(.ping) }
            #expect(try await eventually { (try? await redis.ask(.ping)) != nil })
        }
        let connects = try await silent.acceptedConnections().get()
        #expect(connects == 1)
        try await silent.shutdown().get()
        try await good.shutdown().get()
    }

    @Test func saysWhyNoneServes() async throws {
        let closed = try await self.closedPort()
        let failure = try await ConnectFailure.of(self.url(closed, closed))
        #expect(failure.error.code == .connectFailed && failure.error.message.contains("none of the 2"))
        #expect((failure.error.cause as? RedisError)?.cause is IOError, "\(failure.error.debugDescription)")
    }

    /// A refused login is the same everywhere.
    @Test func aRefusedLoginIsNotTriedElsewhere() async throws {
        let refusing = try await ScriptedServer.start(on: testGroup) { _ in [.awaitString("HELLO\r\n"), .send("-WRONGPASS x\r\n"), .hold] }
            .get()
        let other = try await ScriptedServer.start(on: testGroup) { _ in Self.serving }.get()
        let failure = try await ConnectFailure.of(self.url(refusing.port, other.port))
        #expect(failure.error.code == .authenticationFailed)
        #expect(try await other.acceptedConnections().get() == 0)
        try await refusing.shutdown().get()
        try await other.shutdown().get()
    }

    /// `localhost` may be two addresses of which one is refused: each has a channel of its own, and one wins.
    @Test func allAddressesOfAName() async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        try await withRedis(RedisURL(host: "localhost", port: server.port)) { (redis) async throws in
            for _ in 0..<3 { try await redis.ask(.ping) }
            #expect(try await server.connectionCount().get() == 1)
        }
        try await server.shutdown().get()
    }

    @Test func aNameThatThereIsNot() async throws {
        let failure = try await ConnectFailure.of(
            RedisURL(host: "no-such-host.invalid", password: "very-secret"), pool: impatientPool(connectTimeout: .seconds(20)))
        #expect(failure.error.code == .connectFailed && failure.error.cause is NIOConnectionError, "\(failure.error.debugDescription)")
        #expect(!failure.shown.contains("very-secret"))
    }
}
