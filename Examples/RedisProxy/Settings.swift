import Foundation
import NIOCore
import NIOSSL
import WeirCore
import WeirPool
import WeirRedis
import WeirServer

/// What the environment says, read once at the start; what is malformed is named and stops the program.
///
/// | variable | is |
/// | --- | --- |
/// | `HOST`, `PORT` | where clients connect to; 127.0.0.1 and 6380, port 0 for any free one |
/// | `REDIS_URL` | the server, `redis://127.0.0.1:6379`; its login is that of clients that have none of their own |
/// | `REDIS_CA` | PEM file of the authority that has signed the server's certificate (`rediss://`) |
/// | `MODE` | `shared`, or `pass-through`: a connection to the server for each client, byte for byte |
/// | `LOOPS` | threads; as many as processors |
/// | `CONNECTIONS` | to the server at most, over all loops; 512, and in `pass-through` as many as clients |
/// | `MAX_CLIENTS`, `MAX_CLIENTS_PER_ADDRESS` | 10,000, and no limit |
/// | `IDLE_SECONDS` | after which a silent client is disconnected; never; `shared` only |
/// | `TLS_CERTIFICATE`, `TLS_KEY` | PEM files; with them clients must speak TLS |
/// | `USERS_FILE` | who may use the proxy, see ``RedisUsers``; without it the server decides; `shared` only |
/// | `ACCESS_LOG` | `on` (standard output), `off`, or a file: a line for each client that left |
/// | `SLOW_MS` | commands that take longer are in the log, too; none; `shared` only |
/// | `STATUS_PORT` | for `/status` and `/metrics`, on 127.0.0.1; none |
/// | `DRAIN_SECONDS` | 30 |
struct Settings {
    let host: String
    let port: Int
    let redis: RedisURL
    let loops: Int
    let maximumClients: Int
    let maximumClientsPerAddress: Int?
    let statusPort: Int?
    let drain: TimeAmount
    let accessLog: LogDestination?
    let tls: NIOSSLContext?
    var proxy = RedisProxyConfiguration()
    var pool: PoolConfiguration

    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        let environment = environment.filter { !$0.value.isEmpty }
        func number(_ name: String, in range: ClosedRange<Int>) throws(StartError) -> Int? {
            guard let text = environment[name] else { return nil }
            guard let number = Int(text), range.contains(number) else {
                throw StartError("\(name) must be a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        self.host = environment["HOST"] ?? "127.0.0.1"
        self.port = try number("PORT", in: 0...65535) ?? 6380
        self.loops = try number("LOOPS", in: 1...1024) ?? System.coreCount
        self.maximumClients = try number("MAX_CLIENTS", in: 1...1_000_000) ?? 10_000
        self.maximumClientsPerAddress = try number("MAX_CLIENTS_PER_ADDRESS", in: 1...1_000_000)
        self.statusPort = try number("STATUS_PORT", in: 0...65535)
        self.drain = .seconds(Int64(try number("DRAIN_SECONDS", in: 0...3600) ?? 30))
        // The message repeats nothing of the URL: it may hold a password.
        do {
            self.redis = try RedisURL(environment["REDIS_URL"] ?? "redis://127.0.0.1:6379")
        } catch {
            throw StartError("REDIS_URL is malformed: \(error.message)")
        }
        self.accessLog =
            switch environment["ACCESS_LOG"] {
            case nil, "on": .standardOutput
            case "off": nil
            case .some(let path): .file(path: path)
            }
        self.tls = try Self.tls(certificate: environment["TLS_CERTIFICATE"], key: environment["TLS_KEY"])

        switch environment["MODE"] {
        case nil, "shared": self.proxy.mode = .shared
        case "pass-through": self.proxy.mode = .passThrough
        default: throw StartError("MODE must be shared or pass-through")
        }
        // None of them is silently without effect: one is a lock on the door.
        for name in ["USERS_FILE", "IDLE_SECONDS", "SLOW_MS"] where self.proxy.mode == .passThrough && environment[name] != nil {
            throw StartError("\(name) needs MODE=shared: what passes through is not looked at, and the server itself sees to such things")
        }
        if let path = environment["REDIS_CA"] {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(path)
            self.proxy.connection.tls = tls
        }
        if let path = environment["USERS_FILE"] {
            guard let list = try? String(contentsOfFile: path, encoding: .utf8) else { throw StartError("USERS_FILE cannot be read") }
            do { self.proxy.users = try RedisUsers(list: list) } catch { throw StartError("USERS_FILE: \(error)") }
        }
        self.proxy.idleTimeout = try number("IDLE_SECONDS", in: 1...1_000_000).map { .seconds(Int64($0)) }
        self.proxy.slowThreshold = try number("SLOW_MS", in: 1...3_600_000).map { .milliseconds(Int64($0)) }

        let isShared = self.proxy.mode == .shared
        // One of each loop is nobody else's, so that all clients of a pass-through fit, whatever loops they are on.
        self.pool = PoolConfiguration(
            maximum: try number("CONNECTIONS", in: self.loops...1_000_000)
                ?? (isShared ? max(512, self.loops) : self.maximumClients + self.loops - 1))
        self.pool.maximumWaiters = self.maximumClients
        self.pool.acquireTimeout = self.proxy.connectionTimeout
        self.pool.connectTimeout = self.proxy.connectionTimeout
        self.pool.idleTimeout = .seconds(60)
        self.pool.backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(1), multiplier: 2, jitter: .equal)
        // A server that restarts is waited for, as long as a command may wait.
        self.pool.circuitThreshold = 16
        // Who blocks or subscribes is content to wait for his turn.
        self.pool.overload = nil
        self.pool.maximumConcurrentConnects = 64
    }

    private static func tls(certificate: String?, key: String?) throws -> NIOSSLContext? {
        guard let certificate, let key else {
            if certificate == nil, key == nil { return nil }
            throw StartError("TLS_CERTIFICATE and TLS_KEY belong together")
        }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
            return try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
        } catch {
            throw StartError("TLS_CERTIFICATE or TLS_KEY cannot be used: \(error)")
        }
    }
}

/// Why the program does not start: printed on standard error, exit status 1.
struct StartError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
