// swift-tools-version:6.2
import PackageDescription

// Fuzz targets, in a package of their own so that no other build needs the fuzzer. dev/fuzz builds and runs them.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The fuzzer brings the main function.
let fuzzer: [SwiftSetting] = settings + [.unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"])]
let linkedFuzzer: [LinkerSetting] = [.unsafeFlags(["-sanitize=fuzzer"])]

let weirRESP = Target.Dependency.product(name: "WeirRESP", package: "weir")
let weirPostgresWire = Target.Dependency.product(name: "WeirPostgresWire", package: "weir")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")

let package = Package(
    name: "weir-fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Named, because the directory of a checkout may be called anything.
        .package(name: "weir", path: ".."),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    ],
    targets: [
        .target(name: "FuzzSupport", dependencies: [weirRESP, weirPostgresWire, nioCore], swiftSettings: settings),
        .executableTarget(
            name: "FuzzFrames", dependencies: ["FuzzSupport", weirRESP, nioCore], swiftSettings: fuzzer, linkerSettings: linkedFuzzer),
        .executableTarget(
            name: "FuzzRequests", dependencies: ["FuzzSupport", weirRESP, nioCore], swiftSettings: fuzzer, linkerSettings: linkedFuzzer),
        .executableTarget(
            name: "FuzzPostgresBackend", dependencies: ["FuzzSupport", weirPostgresWire, nioCore], swiftSettings: fuzzer,
            linkerSettings: linkedFuzzer),
        .executableTarget(
            name: "FuzzPostgresFrontend", dependencies: ["FuzzSupport", weirPostgresWire, nioCore], swiftSettings: fuzzer,
            linkerSettings: linkedFuzzer),
    ]
)
