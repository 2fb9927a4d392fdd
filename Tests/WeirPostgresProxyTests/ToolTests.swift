import Foundation
import NIOPosix
import Testing

@testable import WeirPostgres

/// What everyone has: psql and pgbench.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct ToolTests {
    /// Of their own: the others make the keys of logins, which the programs wait for.
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        return threads
    }()

    private static func run(_ program: String, _ arguments: [String], _ proxy: TestProxy, input: String = "") async throws -> (
        Int32, String
    ) {
        let port = proxy.port
        return try await Self.threads.runIfActive {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [program, "-h", "127.0.0.1", "-p", "\(port)", "-U", "bob"] + arguments
            let (standardInput, output) = (Pipe(), Pipe())
            process.standardInput = standardInput
            process.standardOutput = output
            process.standardError = output
            try process.run()
            standardInput.fileHandleForWriting.write(Data(input.utf8))
            try standardInput.fileHandleForWriting.close()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }
    }

    @Test func psql() async throws {
        try await TestProxy.with { proxy in
            let (status, text) = try await Self.run(
                "psql", ["-XAtq", "-d", "weir"], proxy,
                input: """
                    begin; create table tooled (a int);
                    \\copy tooled from stdin
                    1
                    2
                    \\.
                    select sum(a) from tooled;
                    \\copy tooled to stdout
                    select 1/0;
                    rollback;
                    select to_regclass('tooled') is null;
                    """)
            #expect(status == 0)
            #expect(text == "3\n1\n2\nERROR:  division by zero\nt\n")
        }
    }

    @Test(arguments: ["simple", "extended", "prepared"], [PostgresProxyConfiguration.Mode.transaction, .session])
    func pgbench(protocolMode: String, mode: PostgresProxyConfiguration.Mode) async throws {
        var configuration = PostgresProxyConfiguration()
        configuration.mode = mode
        let script = NSTemporaryDirectory() + "weir-pgbench-\(UUID().uuidString).sql"
        try "\\set n random(1, 1000)\nbegin;\nselect :n;\nselect :n + 1;\nend;\n".write(toFile: script, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: script) }
        // In session mode each has one of his own.
        try await TestProxy.with(configuration, connections: mode == .session ? 8 : 3) { proxy in
            // A thread for each, as it waits for what it prepares.
            let (status, text) = try await Self.run(
                "pgbench", ["-n", "-M", protocolMode, "-c", "8", "-j", "8", "-t", "20", "-f", script, "weir"], proxy)
            #expect(status == 0, "\(text)")
            #expect(text.contains("number of transactions actually processed: 160/160"), "\(text)")
        }
    }
}
