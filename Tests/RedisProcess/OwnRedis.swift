package import Foundation
package import NIOCore
import NIOPosix
package import WeirRESP
package import WeirRedis

/// A Redis of one test, which may be stopped, killed and started again at the same port.
package final class OwnRedis {
    package let port: Int
    private let arguments: [String]
    /// Where it works: a replica keeps a file there.
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent("weir-redis-\(UUID().uuidString)")
    private var process: Process?

    /// Where the program is, if it is there.
    package static let program: URL? = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").map { URL(fileURLWithPath: String($0)).appendingPathComponent("redis-server") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    private init(port: Int, arguments: [String]) {
        self.port = port
        self.arguments = arguments
    }

    deinit {
        self.signal(SIGKILL)
        try? FileManager.default.removeItem(at: self.directory)
    }

    package var url: RedisURL { RedisURL(host: "127.0.0.1", port: self.port) }
    package var address: SocketAddress { try! SocketAddress(ipAddress: "127.0.0.1", port: self.port) }

    /// Starts one and waits until it answers.
    package static func start(_ arguments: String...) async throws -> OwnRedis { try await self.start(arguments) }

    package static func start(_ arguments: [String]) async throws -> OwnRedis {
        // Another program may take the port between the look and the bind.
        for _ in 0..<10 {
            let probe = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
            let port = probe.localAddress!.port!
            try await probe.close().get()
            let redis = OwnRedis(port: port, arguments: arguments)
            if try await redis.restart() { return redis }
        }
        throw NoRedis()
    }

    /// - Returns: false if it ended at once.
    @discardableResult
    package func restart() async throws -> Bool {
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = Self.program
        process.currentDirectoryURL = self.directory
        process.arguments =
            ["--port", "\(self.port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--enable-debug-command", "local"]
            + self.arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        while process.isRunning {
            let info = try? await self.ask("INFO", "server").bytes.map { String(buffer: $0) }
            if info?.contains("process_id:\(process.processIdentifier)") == true { return true }
            await Task.yield()
        }
        return false
    }

    package func signal(_ number: Int32) {
        guard let process, process.isRunning else { return }
        kill(process.processIdentifier, number)
    }

    /// kill -9, and waits for it.
    package func crash() async {
        self.signal(SIGKILL)
        while self.process?.isRunning == true { await Task.yield() }
    }

    /// One command over a connection of its own.
    @discardableResult
    package func ask(_ words: String...) async throws -> RESPValue { try await Self.ask(self.address, words) }

    package static func ask(_ address: SocketAddress, _ words: String...) async throws -> RESPValue { try await self.ask(address, words) }

    private static func ask(_ address: SocketAddress, _ words: [String]) async throws -> RESPValue {
        try await RawConnection.with(address) { send in try await send(words) }
    }
}

/// No Redis could be started.
private struct NoRedis: Error {}
