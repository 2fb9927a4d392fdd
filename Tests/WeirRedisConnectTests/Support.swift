import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing
import WeirCore
import WeirPool
import WeirRESP
import WeirRedis

/// Everything here lives on loops that no test shuts down: pools are shut down, loops stay.
let testGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

/// What `dev/services` has started; tests of what is not there are skipped.
enum Services {
    static let plain = Self.variable("WEIR_REDIS_URL")
    static let tls = Self.variable("WEIR_REDIS_TLS_URL")
    static let unix = Self.variable("WEIR_REDIS_UNIX_URL")
    static let acl = Self.variable("WEIR_REDIS_ACL_URL")
    static let aclLimited = Self.variable("WEIR_REDIS_ACL_LIMITED_URL")
    static let aclDefault = Self.variable("WEIR_REDIS_ACL_DEFAULT_URL")
    static let mutualTLS = Self.variable("WEIR_REDIS_MTLS_URL")
    static let certificates = Self.variable("WEIR_REDIS_CERTIFICATES")

    /// All that serve a login with every right, or need none.
    static var full: [String] { [Self.plain, Self.tls, Self.unix, Self.acl].compactMap { $0 } }

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    static func certificate(_ name: String) -> String { "\(Self.certificates!)/\(name).crt" }
    static func key(_ name: String) -> String { "\(Self.certificates!)/\(name).key" }

    /// Trusts one root and nothing else.
    static func clientTLS(root: String = "root", client: String? = nil) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(Self.certificate(root))
        if let client {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(Self.certificate(client)).map { .certificate($0) }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: Self.key(client), format: .pem))
        }
        return tls
    }
}

/// A configuration that connects to any of the services.
func serviceConfiguration() throws -> RedisConfiguration {
    var configuration = RedisConfiguration.patient
    if Services.certificates != nil { configuration.tls = try Services.clientTLS() }
    return configuration
}

/// For the URL of a service. TLS would be spoken on any TCP connection; a Unix socket is none.
func serviceConfiguration(for url: String) throws -> RedisConfiguration {
    var configuration = try serviceConfiguration()
    if url.hasPrefix("redis://") { configuration.tls = nil }
    return configuration
}

/// A pool whose first failed connect fails what waits.
func impatientPool(connectTimeout: TimeAmount = .seconds(30)) -> PoolConfiguration {
    var pool = PoolConfiguration(maximum: Array(testGroup.makeIterator()).count * 2)
    pool.circuitThreshold = 1
    pool.overload = nil
    (pool.connectTimeout, pool.acquireTimeout) = (connectTimeout, .seconds(120))
    return pool
}

/// Runs `body` with a pool and shuts it down.
func withRedis<Result>(
    _ url: RedisURL, _ configuration: RedisConfiguration = .patient, pool: PoolConfiguration = impatientPool(),
    _ body: (RedisPool) async throws -> Result
) async throws -> Result {
    let redis = RedisPool(url: url, group: testGroup, configuration: configuration, pool: pool)
    do {
        let result = try await body(redis)
        try await redis.shutdown(deadline: .now() + .seconds(30)).get()
        return result
    } catch {
        try await redis.shutdown(deadline: .now()).get()
        throw error
    }
}

extension RedisPool {
    /// Runs a command from outside, on the same loop each time unless told otherwise.
    func ask<Reply: Sendable>(_ command: RedisCommand<Reply>, on loop: any EventLoop = firstLoop) async throws -> Reply {
        try await loop.flatSubmit { self[loop].send(command) }.get()
    }

    /// What a command of words is answered, as text.
    func text(_ words: String...) async throws -> String {
        let frame = try await self.ask(.raw(words.map { ByteBuffer(string: $0) }))
        return frame.string.map { String(buffer: $0) } ?? frame.integer.map(String.init) ?? "\(frame.kind)"
    }
}

let firstLoop = testGroup.next()

/// How a connect fails, and everything that is shown of it.
struct ConnectFailure {
    let error: RedisError
    let shown: String

    /// Asks for one `PING` and expects that there is no connection.
    static func of(
        _ url: RedisURL, _ configuration: RedisConfiguration = .patient, pool: PoolConfiguration = impatientPool(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ConnectFailure {
        try await withRedis(url, configuration, pool: pool) { (redis) async throws in
            do {
                try await redis.ask(.ping)
            } catch let outer as RedisError {
                #expect(outer.code == .noConnection && !outer.mayHaveRun, sourceLocation: sourceLocation)
                let refusal = try #require(outer.cause as? PoolError, sourceLocation: sourceLocation)
                let inner = try #require(refusal.cause as? RedisError, "\(refusal.debugDescription)", sourceLocation: sourceLocation)
                var dumped = ""
                dump(outer, to: &dumped)
                dump(redis.url, to: &dumped)
                return ConnectFailure(
                    error: inner, shown: "\(outer) \(outer.debugDescription) \(inner) \(inner.debugDescription) \(redis.url) \(dumped)")
            }
            Issue.record("it could be connected to", sourceLocation: sourceLocation)
            throw ChannelError.eof
        }
    }
}

/// Waits until something is so; false if it is not within half a minute.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let end = NIODeadline.now() + .seconds(30)
    while NIODeadline.now() < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}

extension RedisConfiguration {
    /// Deadlines that only a hang reaches.
    static var patient: RedisConfiguration {
        var configuration = RedisConfiguration()
        configuration.commandTimeout = .seconds(60)
        configuration.stallTimeout = .seconds(60)
        configuration.addressTimeout = .seconds(60)
        return configuration
    }
}
