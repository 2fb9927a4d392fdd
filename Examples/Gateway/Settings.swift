import Foundation
import NIOCore
import WeirHTTP
import WeirRedis

/// What the environment says. Read once, at the start; what is malformed is named and stops the program.
struct Settings {
    var host = "127.0.0.1"
    var port = 8080
    /// Nil: the embedded server.
    var redis: RedisURL?
    /// Nil: the embedded upstream.
    var upstream: HTTPBaseURL?
    var loops = System.coreCount
    /// Connections to each back end, over all loops.
    var redisConnections = 64
    var upstreamConnections = 256
    var drain = TimeAmount.seconds(30)
    var logsAccess = true
    /// How long to wait for clients and back ends; tests shorten it.
    var clientTimeout = TimeAmount.seconds(30)
    var backendTimeout = TimeAmount.seconds(10)

    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(StartError) {
        let environment = environment.filter { !$0.value.isEmpty }
        self.host = environment["HOST"] ?? self.host
        self.port = try Self.number("PORT", in: 0...65535, environment) ?? self.port
        self.loops = try Self.number("LOOPS", in: 1...1024, environment) ?? self.loops
        self.redisConnections = try Self.number("REDIS_CONNECTIONS", in: 1...65536, environment) ?? max(self.redisConnections, self.loops)
        self.upstreamConnections =
            try Self.number("UPSTREAM_CONNECTIONS", in: 1...65536, environment) ?? max(self.upstreamConnections, self.loops)
        guard self.loops <= min(self.redisConnections, self.upstreamConnections) else {
            throw StartError("REDIS_CONNECTIONS and UPSTREAM_CONNECTIONS must be at least LOOPS (\(self.loops))")
        }
        self.drain = try Self.number("DRAIN_SECONDS", in: 0...3600, environment).map { .seconds(Int64($0)) } ?? self.drain
        self.clientTimeout =
            try Self.number("CLIENT_TIMEOUT_MS", in: 1...3_600_000, environment).map { .milliseconds(Int64($0)) } ?? self.clientTimeout
        self.backendTimeout =
            try Self.number("BACKEND_TIMEOUT_MS", in: 1...3_600_000, environment).map { .milliseconds(Int64($0)) } ?? self.backendTimeout
        switch environment["ACCESS_LOG"]?.lowercased() {
        case nil, "on": self.logsAccess = true
        case "off": self.logsAccess = false
        default: throw StartError("ACCESS_LOG must be on or off")
        }
        // The messages of these errors repeat nothing of the URL: it may hold a password.
        if let url = environment["REDIS_URL"] {
            do { self.redis = try RedisURL(url) } catch { throw StartError("REDIS_URL is malformed: \(error.message)") }
        }
        if let url = environment["UPSTREAM_URL"] {
            do { self.upstream = try HTTPBaseURL(url) } catch { throw StartError("UPSTREAM_URL is malformed: \(error.message)") }
        }
    }

    private static func number(_ name: String, in range: ClosedRange<Int>, _ environment: [String: String]) throws(StartError) -> Int? {
        guard let text = environment[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw StartError("\(name) must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

/// Why the program does not start: printed on standard error, exit status 1.
struct StartError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
