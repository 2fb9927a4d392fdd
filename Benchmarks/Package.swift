// swift-tools-version:6.2
import PackageDescription

// What is measured, in a package of its own so that its dependencies never reach a user's build. dev/bench and dev/counts run it.
let strict: [SwiftSetting] = Context.environment["WEIR_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
    strict + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]

let weirCore = Target.Dependency.product(name: "WeirCore", package: "weir")
let weirPool = Target.Dependency.product(name: "WeirPool", package: "weir")
let weirRESP = Target.Dependency.product(name: "WeirRESP", package: "weir")
let weirRedis = Target.Dependency.product(name: "WeirRedis", package: "weir")
let weirPostgres = Target.Dependency.product(name: "WeirPostgres", package: "weir")
let weirPostgresWire = Target.Dependency.product(name: "WeirPostgresWire", package: "weir")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")

let package = Package(
    name: "weir-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Named, because the directory of a checkout may be called anything.
        .package(name: "weir", path: ".."),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-atomics.git", from: "1.3.0"),
    ],
    targets: [
        // Samples, sinks, counters: what every benchmark shares.
        .target(name: "Measuring", dependencies: [nioCore, nioPosix, atomics], swiftSettings: settings),
        .executableTarget(
            name: "bench-core",
            dependencies: ["Measuring", weirCore, nioCore, nioPosix, atomics],
            path: "Sources/BenchCore",
            swiftSettings: settings
        ),
        // Pools of resources that cost nothing, like the stub connections of the Java peers.
        .target(name: "StubPool", dependencies: [weirPool, nioCore], swiftSettings: settings),
        .executableTarget(
            name: "bench-pool",
            dependencies: ["Measuring", "StubPool", weirPool, nioCore],
            path: "Sources/BenchPool",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-redis",
            dependencies: ["Measuring", weirCore, weirPool, weirRESP, weirRedis, nioCore, nioPosix],
            path: "Sources/BenchRedis",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-postgres",
            dependencies: ["Measuring", weirCore, weirPool, weirPostgres, weirPostgresWire, nioCore, nioPosix],
            path: "Sources/BenchPostgres",
            swiftSettings: settings
        ),
        // Runs one scenario N times, for dev/counts.
        .executableTarget(
            name: "counts",
            dependencies: [
                "Measuring", "StubPool", weirCore, weirPool, weirRESP, weirRedis, weirPostgres, weirPostgresWire, nioCore, nioPosix,
            ],
            path: "Sources/Counts",
            swiftSettings: settings
        ),
    ]
)
