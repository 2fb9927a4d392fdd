import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

@testable import WeirPostgres

/// A server of one test, from the template of dev/services: it may be stopped, killed and promoted.
final class OwnPostgres: Sendable {
    let port: Int
    private let directory: String
    private let process = NIOLockedValueBox<Process?>(nil)

    /// What it takes is there.
    static var isThere: Bool { TestServer.variable("TEMPLATE") != nil && TestServer.variable("BINARIES") != nil }

    struct Failed: Error {}

    private init(port: Int) throws {
        self.port = port
        self.directory = NSTemporaryDirectory() + "weir-postgres-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: false)
        _ = chmod(self.directory, 0o755)
    }

    deinit {
        self.signalAll(SIGCONT)
        if let process = self.process.withLockedValue({ $0 }), process.isRunning {
            kill(process.processIdentifier, SIGQUIT)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(atPath: self.directory)
    }

    private var data: String { self.directory + "/data" }

    /// The superuser, trusted.
    func url(_ options: String = "sslmode=disable") throws -> PostgresURL {
        try PostgresURL("postgres://weir@127.0.0.1:\(self.port)/postgres?\(options)")
    }

    /// Starts one and waits until it answers.
    static func start(_ options: String..., answers: Bool = true, standby: Bool = false, certificate: String? = nil) async throws
        -> OwnPostgres
    {
        try await self.made { server in
            try server.run("/bin/cp", ["-a", TestServer.variable("TEMPLATE")!, server.data])
            if standby { try server.touch("standby.signal") }
            if let certificate {
                for suffix in ["crt", "key"] {
                    let file = "\(server.data)/server.\(suffix)"
                    try server.run("/bin/cp", ["\(certificate).\(suffix)", file])
                    try server.own(file, mode: "600")
                }
            }
            return try await server.restart(options, answers: answers)
        }
    }

    /// A standby of this one.
    func standby() async throws -> OwnPostgres {
        try await Self.made { server in
            try server.touch("", mode: "700")
            try server.runAsServer(
                "pg_basebackup",
                [
                    "-h", "127.0.0.1", "-p", "\(self.port)", "-U", "weir", "-D", server.data, "-R", "-X", "stream",
                    "--checkpoint=fast", "--no-sync",
                ])
            return try await server.restart([])
        }
    }

    private static func made(_ start: (OwnPostgres) async throws -> Bool) async throws -> OwnPostgres {
        // Another program may take the port between the look and the bind.
        for _ in 0..<5 {
            let probe = try await ServerBootstrap(group: testGroup).bind(host: "127.0.0.1", port: 0).get()
            let port = probe.localAddress!.port!
            try await probe.close().get()
            let server = try OwnPostgres(port: port)
            if try await start(server) { return server }
        }
        throw Failed()
    }

    /// - Returns: false if it ended at once.
    @discardableResult
    func restart(_ options: [String] = [], answers: Bool = true) async throws -> Bool {
        let process = try self.asServer("postgres", ["-D", self.data, "-p", "\(self.port)"] + options)
        try process.run()
        self.process.withLockedValue { $0 = process }
        while process.isRunning {
            let error: PostgresError?
            do {
                try await Connecting.with(try self.url()) { _ in }
                return true
            } catch let failure as PostgresError { error = failure }
            // It is there, and that is all that is wanted.
            if !answers, error?.sqlState == .cannotConnectNow { return true }
            try await testGroup.any().scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
        }
        return false
    }

    /// pg_ctl stop -m immediate.
    func crash() async throws {
        guard let process = self.process.withLockedValue({ $0 }) else { return }
        kill(process.processIdentifier, SIGQUIT)
        while process.isRunning { try await testGroup.any().scheduleTask(in: .milliseconds(5)) {}.futureResult.get() }
    }

    /// pg_ctl promote.
    func promote() throws {
        try self.touch("promote")
        if let process = self.process.withLockedValue({ $0 }) { kill(process.processIdentifier, SIGUSR1) }
    }

    /// To the server and all of its processes, each of which has a session of its own.
    func signalAll(_ number: Int32) {
        guard let process = self.process.withLockedValue({ $0 }), process.isRunning else { return }
        let server = process.processIdentifier
        let children = (try? String(contentsOfFile: "/proc/\(server)/task/\(server)/children", encoding: .utf8)) ?? ""
        for child in [server] + children.split(separator: " ").compactMap({ pid_t($0) }) { kill(child, number) }
    }

    // MARK: Programs

    private func touch(_ name: String, mode: String = "600") throws {
        let path = name.isEmpty ? self.data : "\(self.data)/\(name)"
        if name.isEmpty {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        } else {
            try Data().write(to: URL(fileURLWithPath: path))
        }
        try self.own(path, mode: mode)
    }

    private func own(_ path: String, mode: String) throws {
        try self.run("/bin/chmod", [mode, path])
        if let user = TestServer.variable("USER") { try self.run("/bin/chown", [user, path]) }
    }

    private func asServer(_ program: String, _ arguments: [String]) throws -> Process {
        let program = "\(TestServer.variable("BINARIES")!)/\(program)"
        let process = Process()
        process.currentDirectoryURL = URL(fileURLWithPath: self.directory)
        if let user = TestServer.variable("USER") {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
            process.arguments = ["--reuid=\(user)", "--regid=\(user)", "--init-groups", program] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
        }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }

    private func runAsServer(_ program: String, _ arguments: [String]) throws {
        let process = try self.asServer(program, arguments)
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
    }

    private func run(_ program: String, _ arguments: [String]) throws {
        let process = try Process.run(URL(fileURLWithPath: program), arguments: arguments)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed() }
    }
}
