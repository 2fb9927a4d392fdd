// swift-tools-version:6.2
import PackageDescription

// Own warnings are errors where the environment asks for it: dev/test and CI do.
let strict: [SwiftSetting] = Context.environment["WEIR_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
    strict + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioConcurrencyHelpers = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTestUtils = Target.Dependency.product(name: "NIOTestUtils", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "weir",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "WeirCore", targets: ["WeirCore"]),
        .library(name: "WeirPool", targets: ["WeirPool"]),
        .library(name: "WeirRESP", targets: ["WeirRESP"]),
        .library(name: "WeirRedis", targets: ["WeirRedis"]),
        .library(name: "WeirPostgresWire", targets: ["WeirPostgresWire"]),
        .library(name: "WeirPostgres", targets: ["WeirPostgres"]),
        .library(name: "WeirPostgresFoundation", targets: ["WeirPostgresFoundation"]),
        .library(name: "WeirHTTP", targets: ["WeirHTTP"]),
        .library(name: "WeirServer", targets: ["WeirServer"]),
        .library(name: "WeirTestKit", targets: ["WeirTestKit"]),
        .executable(name: "Gateway", targets: ["Gateway"]),
        .executable(name: "EchoServer", targets: ["EchoServer"]),
        .executable(name: "RedisProxy", targets: ["RedisProxy"]),
        .executable(name: "PostgresProxy", targets: ["PostgresProxy"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-atomics.git", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.36.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // Loop-local storage, loop executor, deadlines, counters, permits, errors.
        .target(
            name: "WeirCore", dependencies: [nioCore, nioPosix, nioConcurrencyHelpers, atomics, coreMetrics, serviceLifecycle],
            swiftSettings: settings),
        // The generic pool. Knows no socket and no protocol.
        .target(name: "WeirPool", dependencies: ["WeirCore", nioCore, logging, serviceLifecycle], swiftSettings: settings),
        // Codecs: NIOCore and nothing of ours.
        .target(name: "WeirRESP", dependencies: [nioCore], swiftSettings: settings),
        .target(name: "WeirPostgresWire", dependencies: [nioCore], swiftSettings: settings),
        // What clients of every protocol want of sockets.
        .target(name: "WeirSockets", dependencies: [nioCore, nioSSL], swiftSettings: settings),
        // Protocol rooms: client and pool of each protocol.
        .target(
            name: "WeirRedis",
            dependencies: [
                "WeirCore", "WeirPool", "WeirRESP", "WeirSockets", nioCore, nioPosix, nioSSL, crypto, logging, serviceLifecycle,
            ],
            swiftSettings: settings),
        .target(
            name: "WeirPostgres",
            dependencies: [
                "WeirCore", "WeirPool", "WeirPostgresWire", "WeirSockets", nioCore, nioPosix, nioSSL, nioConcurrencyHelpers, crypto,
                cryptoExtras, asn1, logging, serviceLifecycle,
            ],
            swiftSettings: settings),
        // Foundation's types as values: apart, so that the client needs no Foundation.
        .target(name: "WeirPostgresFoundation", dependencies: ["WeirPostgres", "WeirPostgresWire", nioCore], swiftSettings: settings),
        .target(name: "WeirHTTP", dependencies: ["WeirCore", "WeirPool", nioCore, nioPosix, nioHTTP1, logging], swiftSettings: settings),
        // The front door of servers and proxies: knows no protocol of theirs.
        .target(
            name: "WeirServer", dependencies: ["WeirCore", nioCore, nioPosix, nioHTTP1, nioConcurrencyHelpers], swiftSettings: settings),
        // The fakes, for our tests and everyone else's.
        .target(name: "WeirTestKit", dependencies: ["WeirRESP", nioCore, nioPosix, nioHTTP1], swiftSettings: settings),

        .executableTarget(
            name: "Gateway",
            dependencies: [
                "WeirCore", "WeirPool", "WeirRESP", "WeirRedis", "WeirHTTP", "WeirServer", "WeirTestKit", nioCore, nioPosix, nioHTTP1,
                logging, serviceLifecycle, unixSignals,
            ],
            path: "Examples/Gateway", swiftSettings: settings),
        .executableTarget(
            name: "EchoServer", dependencies: ["WeirCore", "WeirServer", nioCore, nioPosix, logging, serviceLifecycle, unixSignals],
            path: "Examples/EchoServer", swiftSettings: settings),

        .executableTarget(
            name: "RedisProxy",
            dependencies: [
                "WeirCore", "WeirPool", "WeirRedis", "WeirServer", nioCore, nioPosix, nioFoundation, nioSSL, logging, serviceLifecycle,
                unixSignals,
            ],
            path: "Examples/RedisProxy", swiftSettings: settings),

        .executableTarget(
            name: "PostgresProxy",
            dependencies: [
                "WeirCore", "WeirPool", "WeirPostgres", "WeirServer", nioCore, nioPosix, nioFoundation, nioSSL, logging, serviceLifecycle,
                unixSignals,
            ],
            path: "Examples/PostgresProxy", swiftSettings: settings),

        .testTarget(
            name: "WeirCoreTests",
            dependencies: [
                "WeirCore", nioCore, nioPosix, nioEmbedded, nioConcurrencyHelpers, coreMetrics, logging, serviceLifecycle,
            ],
            swiftSettings: settings),
        .testTarget(name: "WeirRESPTests", dependencies: ["WeirRESP", nioCore, nioEmbedded, nioTestUtils], swiftSettings: settings),
        .testTarget(
            name: "WeirRedisTests",
            dependencies: [
                "RedisProcess", "WeirRedis", "WeirRESP", "WeirSockets", "WeirTestKit", "WeirPool", "WeirCore", nioCore, nioPosix,
                nioEmbedded, nioConcurrencyHelpers,
            ],
            swiftSettings: settings),
        // Connecting: URLs, TLS, Unix sockets, handshakes.
        .testTarget(
            name: "WeirRedisConnectTests",
            dependencies: [
                "WeirRedis", "WeirRESP", "WeirTestKit", "WeirPool", "WeirCore", nioCore, nioPosix, nioSSL, nioConcurrencyHelpers,
            ],
            swiftSettings: settings),
        // A redis-server of a test's own.
        .target(
            name: "RedisProcess", dependencies: ["WeirRedis", "WeirRESP", nioCore, nioPosix], path: "Tests/RedisProcess",
            swiftSettings: settings),
        // Clients of the proxy against servers of the tests' own.
        .testTarget(
            name: "WeirRedisProxyTests",
            dependencies: [
                "RedisProcess", "WeirRedis", "WeirRESP", "WeirTestKit", "WeirPool", "WeirCore", nioCore, nioPosix, nioConcurrencyHelpers,
                crypto,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WeirRedisCommandTests", dependencies: ["WeirRedis", "WeirRESP", "WeirPool", "WeirCore", nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "WeirPostgresWireTests", dependencies: ["WeirPostgresWire", nioCore, nioEmbedded, nioTestUtils], swiftSettings: settings),
        .testTarget(
            name: "WeirPostgresTests",
            dependencies: [
                "WeirPostgres", "WeirPostgresWire", "WeirPool", "WeirCore", "WeirTestKit", nioCore, nioPosix, nioEmbedded,
                nioConcurrencyHelpers, nioSSL,
            ],
            swiftSettings: settings),
        // Clients of the proxy, psql and pgbench among them, against the server of dev/services and fakes.
        .testTarget(
            name: "WeirPostgresProxyTests",
            dependencies: ["WeirPostgres", "WeirPostgresWire", "WeirPool", "WeirCore", nioCore, nioPosix, nioSSL, nioConcurrencyHelpers],
            swiftSettings: settings),
        .testTarget(
            name: "WeirPostgresTypeTests", dependencies: ["WeirPostgres", "WeirPostgresFoundation", "WeirPostgresWire", nioCore],
            exclude: ["make-server-values.py"], swiftSettings: settings),
        .testTarget(
            name: "WeirHTTPTests",
            dependencies: ["WeirHTTP", "WeirTestKit", "WeirPool", "WeirCore", nioCore, nioPosix, nioHTTP1, nioEmbedded],
            swiftSettings: settings),
        .testTarget(
            name: "WeirServerTests", dependencies: ["WeirServer", "WeirCore", nioCore, nioPosix, nioEmbedded, nioConcurrencyHelpers],
            swiftSettings: settings),
        // Run the built examples as processes and talk to them over sockets.
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "RedisProcess", "WeirRedis", "WeirRESP", "WeirPool", "WeirTestKit", nioCore, nioPosix, nioSSL, nioConcurrencyHelpers,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WeirPoolTests",
            dependencies: ["WeirPool", "WeirCore", nioCore, nioPosix, nioEmbedded, nioConcurrencyHelpers, logging, serviceLifecycle],
            swiftSettings: settings),
    ]
)

// Only these tests, where a build takes long: dev/test says which are worth it under thread sanitizer.
if let wanted = Context.environment["WEIR_TEST_TARGETS"]?.split(separator: " ") {
    package.targets.removeAll { target in target.type == .test && !wanted.contains { $0 == target.name } }
}
