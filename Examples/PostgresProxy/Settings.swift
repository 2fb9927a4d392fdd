import Foundation
import NIOCore
import NIOSSL
import WeirCore
import WeirPool
import WeirPostgres
import WeirServer

/// What the environment says, read once at the start; what is malformed is named and stops the program.
///
/// | variable | is |
/// | --- | --- |
/// | `HOST`, `PORT` | where clients connect to; 127.0.0.1 and 6432, port 0 for any free one |
/// | `POSTGRES_URL` | the server, `postgres://postgres@127.0.0.1`, as whom to log in there and how to speak TLS; clients say the database |
/// | `MODE` | `transaction`, or `session` |
/// | `LOOPS` | threads; as many as processors |
/// | `CONNECTIONS` | to the server at most for each user and database, over all loops; 20 or as many as loops |
/// | `WAIT_SECONDS` | how long a transaction waits for one of them; 30 |
/// | `USERS_FILE` | who may use the proxy, as ``PostgresProxyUsers`` has it; without it anyone, so listen only where that is right |
/// | `LOGIN_AS_CLIENT` | `yes`: at the server as the client's user, with the password of the list |
/// | `IGNORE_STARTUP` | start-up parameters to pass over, by commas |
/// | `MAX_CLIENTS`, `MAX_CLIENTS_PER_ADDRESS` | 10,000, and no limit |
/// | `TLS_CERTIFICATE`, `TLS_KEY` | PEM files; with them clients may speak TLS |
/// | `TLS_REQUIRED` | `yes`: they must |
/// | `ACCESS_LOG` | `on` (standard output), `off`, or a file: a line for each client that left |
/// | `STATUS_PORT` | for `/status` and `/metrics`, on 127.0.0.1; none |
/// | `DRAIN_SECONDS` | 30 |
struct Settings {
    let host: String
    let port: Int
    let postgres: PostgresURL
    let loops: Int
    let maximumClients: Int
    let maximumClientsPerAddress: Int?
    let statusPort: Int?
    let drain: TimeAmount
    let accessLog: LogDestination?
    var proxy = PostgresProxyConfiguration()
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
        func flag(_ name: String) throws(StartError) -> Bool {
            switch environment[name] {
            case nil, "no": return false
            case "yes": return true
            default: throw StartError("\(name) must be yes or no")
            }
        }
        self.host = environment["HOST"] ?? "127.0.0.1"
        self.port = try number("PORT", in: 0...65535) ?? 6432
        self.loops = try number("LOOPS", in: 1...1024) ?? System.coreCount
        self.maximumClients = try number("MAX_CLIENTS", in: 1...1_000_000) ?? 10_000
        self.maximumClientsPerAddress = try number("MAX_CLIENTS_PER_ADDRESS", in: 1...1_000_000)
        self.statusPort = try number("STATUS_PORT", in: 0...65535)
        self.drain = .seconds(Int64(try number("DRAIN_SECONDS", in: 0...3600) ?? 30))
        // The message repeats nothing of the URL: it may hold a password.
        do {
            self.postgres = try PostgresURL(environment["POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1")
        } catch {
            throw StartError("POSTGRES_URL is malformed: \(error.message)")
        }
        self.accessLog =
            switch environment["ACCESS_LOG"] {
            case nil, "on": .standardOutput
            case "off": nil
            case .some(let path): .file(path: path)
            }
        switch environment["MODE"] {
        case nil, "transaction": self.proxy.mode = .transaction
        case "session": self.proxy.mode = .session
        default: throw StartError("MODE must be transaction or session")
        }
        if let path = environment["USERS_FILE"] {
            guard let list = try? String(contentsOfFile: path, encoding: .utf8) else { throw StartError("USERS_FILE cannot be read") }
            do {
                self.proxy.authentication = .scram(try PostgresProxyUsers(list: list))
            } catch {
                throw StartError("USERS_FILE: \(error)")
            }
        }
        self.proxy.tls = try Self.tls(certificate: environment["TLS_CERTIFICATE"], key: environment["TLS_KEY"])
        self.proxy.requiresTLS = try flag("TLS_REQUIRED")
        guard !self.proxy.requiresTLS || self.proxy.tls != nil else { throw StartError("TLS_REQUIRED needs TLS_CERTIFICATE and TLS_KEY") }
        if try flag("LOGIN_AS_CLIENT") { self.proxy.serverLogin = .client }
        self.proxy.ignoredStartupParameters = Set((environment["IGNORE_STARTUP"] ?? "").split(separator: ",").map(String.init))

        self.pool = PoolConfiguration(maximum: try number("CONNECTIONS", in: self.loops...100_000) ?? max(20, self.loops))
        self.pool.maximumWaiters = self.maximumClients
        self.pool.acquireTimeout = .seconds(Int64(try number("WAIT_SECONDS", in: 1...3600) ?? 30))
        self.pool.backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(2), multiplier: 2, jitter: .equal)
        // A server that restarts is waited for, as long as a transaction may wait.
        self.pool.circuitThreshold = 16
        // With more clients than connections a queue is no sign of trouble.
        self.pool.overload = nil
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
