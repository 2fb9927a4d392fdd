import NIOCore
import NIOSSL
import Testing
import WeirCore
import WeirPool
import WeirRedis
import WeirTestKit

/// Whom TLS trusts, and how connections over it end.
@Suite(.enabled(if: Services.certificates != nil, "needs dev/services")) struct TLSTests {
    private func configuration(_ tls: TLSConfiguration) -> RedisConfiguration {
        var configuration = RedisConfiguration.patient
        configuration.tls = tls
        return configuration
    }

    @Test func verifiesTheAddressOfAnIPAddress() async throws {
        let port = try RedisURL(Services.tls!).port
        try await withRedis(RedisURL(host: "127.0.0.1", port: port, usesTLS: true), self.configuration(Services.clientTLS())) {
            (redis) async throws in
            try await redis.ask(.ping)
        }
        // The certificate names only redis.example.
        let server = try await TLSServer.start(certificate: "named")
        let failure = try await ConnectFailure.of(RedisURL(host: "127.0.0.1", port: server.port), self.configuration(Services.clientTLS()))
        #expect(failure.error.code == .tlsFailed, "\(failure.error.debugDescription)")
        try await server.shutdown()
    }

    @Test func asksForTheNameThatIsSet() async throws {
        let server = try await TLSServer.start(certificate: "named")
        let url = RedisURL(host: "127.0.0.1", port: server.port, usesTLS: true)
        var configuration = self.configuration(try Services.clientTLS())
        configuration.tlsServerName = "redis.example"
        try await withRedis(url, configuration) { (redis) async throws in try await redis.ask(.ping) }
        #expect(server.names.first == "redis.example")
        configuration.tlsServerName = "other.example"
        #expect(try await ConnectFailure.of(url, configuration).error.code == .tlsFailed)
        try await server.shutdown()
    }

    @Test func refusesAnUnknownRoot() async throws {
        let url = try RedisURL(Services.tls!)
        for tls in [try Services.clientTLS(root: "other"), .makeClientConfiguration()] {
            let failure = try await ConnectFailure.of(url, self.configuration(tls))
            #expect(failure.error.code == .tlsFailed && failure.error.cause != nil)
            #expect(failure.error.debugDescription.contains("CERTIFICATE_VERIFY_FAILED"), "\(failure.error.debugDescription)")
        }
        // Without a configuration the roots of the system are asked.
        #expect(try await ConnectFailure.of(url).error.code == .tlsFailed)
    }

    @Test(arguments: ["named", "expired"])
    func refusesTheCertificate(name: String) async throws {
        let server = try await TLSServer.start(certificate: name)
        let url = RedisURL(host: "localhost", port: server.port, password: "very-secret", usesTLS: true)
        let failure = try await ConnectFailure.of(url, self.configuration(Services.clientTLS()))
        #expect(failure.error.code == .tlsFailed && !failure.shown.contains("very-secret"), "\(failure.error.debugDescription)")
        #expect(server.received == 0)
        #expect(try await eventually { server.open == 0 })
        try await server.shutdown()
    }

    @Test func clientCertificate() async throws {
        let url = try RedisURL(Services.mutualTLS!)
        try await withRedis(url, self.configuration(Services.clientTLS(client: "client"))) { (redis) async throws in
            try await redis.ask(.ping)
        }
        // The server refuses after its part of the handshake, and its reset may overtake its reason.
        let failure = try await ConnectFailure.of(url, self.configuration(Services.clientTLS()))
        #expect([.tlsFailed, .connectFailed].contains(failure.error.code) && !failure.shown.contains("p@ss:word"))
    }

    @Test func onlyOneSideSpeaksTLS() async throws {
        let server = try await EmbeddedRESPServer.start(on: testGroup).get()
        let plain = RedisURL(host: "127.0.0.1", port: server.port, usesTLS: true)
        let failure = try await ConnectFailure.of(plain, self.configuration(Services.clientTLS()))
        #expect(failure.error.code == .tlsFailed, "\(failure.error.debugDescription)")
        try await server.shutdown().get()
        // Redis waits for the end of what it takes for a line, as silent as any other.
        var real = try RedisURL(Services.plain!)
        real.usesTLS = true
        try await withRedis(real, self.configuration(Services.clientTLS()), pool: impatientPool(connectTimeout: .milliseconds(500))) {
            (redis) async throws in
            let error = await #expect(throws: RedisError.self) { try await redis.ask(.ping) }
            #expect(error?.code == .noConnection)
        }
        var encrypted = try RedisURL(Services.tls!)
        encrypted.usesTLS = false
        #expect(try await ConnectFailure.of(encrypted).error.code == .connectFailed)
    }

    @Test func configurationThatCannotBeUsed() async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file("/nowhere/root.crt")
        let failure = try await ConnectFailure.of(try RedisURL(Services.tls!), self.configuration(tls))
        #expect(failure.error.code == .tlsFailed && failure.error.cause != nil)
    }

    /// A peer that is silent where TLS should be: the pool's deadline holds, and the socket is not kept for a goodbye.
    @Test func silenceCountsInTheConnectDeadline() async throws {
        let server = try await ScriptedServer.start(on: testGroup) { _ in [.hold] }.get()
        let url = RedisURL(host: "127.0.0.1", port: server.port, usesTLS: true)
        try await withRedis(url, self.configuration(Services.clientTLS()), pool: impatientPool(connectTimeout: .milliseconds(500))) {
            (redis) async throws in
            let error = await #expect(throws: RedisError.self) { try await redis.ask(.ping) }
            #expect(error?.code == .noConnection)
            #expect(try await eventually { try await server.acceptedConnections().get() >= 1 })
            try await redis.shutdown(deadline: .now()).get()
            #expect(try await eventually { try await server.openConnections().get() == 0 })
        }
        try await server.shutdown().get()
    }

    /// One that is silent behind TLS is not waited for with a goodbye, which could take as long again.
    @Test func givesUpAtOnceBehindTLS() async throws {
        let server = try await TLSServer.start(certificate: "server", isDeaf: true)
        let url = RedisURL(host: "localhost", port: server.port, password: "very-secret", usesTLS: true)
        try await withRedis(url, self.configuration(Services.clientTLS()), pool: impatientPool(connectTimeout: .seconds(3))) {
            (redis) async throws in
            let error = await #expect(throws: RedisError.self) { try await redis.ask(.ping) }
            let refused = NIODeadline.now()
            #expect(error?.code == .noConnection && server.received > 0)
            #expect(try await eventually { server.open == 0 })
            // A goodbye takes five seconds.
            #expect(NIODeadline.now() - refused < .milliseconds(4500))
        }
        try await server.shutdown()
    }

    /// A cut without close_notify is a lost connection, as an end with one is, also where the server would still listen.
    @Test(arguments: ["CUT", "QUIT", "HALF"])
    func endOfAConnection(how: String) async throws {
        let server = try await TLSServer.start(certificate: "server")
        let url = RedisURL(host: "localhost", port: server.port, usesTLS: true)
        try await withRedis(url, self.configuration(Services.clientTLS())) { (redis) async throws in
            try await redis.ask(.ping)
            let error = await #expect(throws: RedisError.self) { try await redis.text("GET", how) }
            #expect(error?.code == .connectionLost && error?.mayHaveRun == true)
            if how == "CUT" { #expect(error?.cause as? NIOSSLError == .uncleanShutdown) }
            #expect(try await eventually { server.open == 0 })
            try await redis.ask(.ping)
            #expect(server.accepted == 2)
        }
        try await server.shutdown()
    }

    /// What is closed from this side says goodbye, and the pool's shutdown waits for the socket.
    @Test func closesTheSocketAtShutdown() async throws {
        let server = try await TLSServer.start(certificate: "server")
        try await withRedis(RedisURL(host: "localhost", port: server.port), self.configuration(Services.clientTLS())) {
            (redis) async throws in
            try await redis.ask(.ping)
            #expect(server.open == 1)
        }
        #expect(try await eventually { server.open == 0 && server.cleanShutdowns == 1 })
        try await server.shutdown()
    }
}
