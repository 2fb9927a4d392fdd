import Foundation
import Synchronization
import Testing

/// A built example, run as a process.
final class Program: @unchecked Sendable {
    // Proof: `process` is used by the test that made it and by nobody else at the same time; the rest is Sendable.
    private let process = Process()
    private let output = Output()
    private let ended: AsyncStream<Int32>

    /// What the process wrote to both of its streams.
    private final class Output: Sendable {
        private let state = Mutex((bytes: Data(), isRead: true))

        var text: String { self.state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
        func stopReading() { self.state.withLock { $0.isRead = false } }

        /// Reads until the end on a thread of its own: `readabilityHandler` makes libdispatch follow a pointer that is none, once in a while.
        func read(_ pipe: Pipe) {
            let handle = pipe.fileHandleForReading
            Thread.detachNewThread {
                while self.state.withLock({ $0.isRead }) {
                    let data = handle.availableData
                    if data.isEmpty { return }
                    self.state.withLock { $0.bytes.append(data) }
                }
            }
        }
    }

    /// - Parameter maximumDescriptors: how many descriptors it may have open, if not as many as the tests.
    init(
        _ name: String, arguments: [String] = [], environment: [String: String] = [:], maximumDescriptors: Int? = nil
    ) throws {
        // Beside the test bundle, where the build put both.
        let directory = Bundle.main.executableURL!.deletingLastPathComponent()
        let program = directory.appendingPathComponent(name)
        if let maximumDescriptors {
            self.process.executableURL = URL(fileURLWithPath: "/bin/sh")
            self.process.arguments = ["-c", "ulimit -n \(maximumDescriptors) && exec \"$0\" \"$@\"", program.path] + arguments
        } else {
            self.process.executableURL = program
            self.process.arguments = arguments
        }
        self.process.environment = environment
        let pipes = (out: Pipe(), error: Pipe())
        self.process.standardOutput = pipes.out
        self.process.standardError = pipes.error
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.ended = stream
        self.process.terminationHandler = { process in
            continuation.yield(process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
            continuation.finish()
        }
        try self.process.run()
        self.output.read(pipes.out)
        self.output.read(pipes.error)
    }

    var text: String { self.output.text }

    /// From here on, or after what it writes next, it writes to pipes that fill up.
    func stopReadingOutput() { self.output.stopReading() }

    /// Waits, for at most half a minute, until it has written this.
    func wait(for text: String) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !self.text.contains(text) {
            try #require(ContinuousClock.now < deadline, "the program wrote only: \(self.text)")
            await Task.yield()
        }
    }

    /// Its resident memory in bytes.
    var residentBytes: Int {
        let status = (try? String(contentsOfFile: "/proc/\(self.process.processIdentifier)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1024 } ?? 0
    }

    /// The processor time it has used, in hundredths of a second.
    var processorTicks: Int {
        let statistics = (try? String(contentsOfFile: "/proc/\(self.process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        // The name, in parentheses, may hold anything. Behind it user and system time are the 12th and 13th.
        let fields = statistics[(statistics.lastIndex(of: ")") ?? statistics.startIndex)...].split(separator: " ")
        return fields.count > 13 ? (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0) : 0
    }

    func signal(_ number: Int32) { kill(self.process.processIdentifier, number) }

    /// Its exit status; minus the signal's number if one ended it. It is killed after half a minute.
    func exitStatus() async -> Int32 {
        let guardian = Task {
            try await Task.sleep(for: .seconds(30))
            self.signal(SIGKILL)
        }
        defer { guardian.cancel() }
        var status: Int32 = -1
        for await value in self.ended { status = value }
        return status
    }

    func stop() async {
        self.signal(SIGKILL)
        _ = await self.exitStatus()
    }
}

/// An example on a port of its own, which it names behind `announcement`. The test stops it.
func startExample(
    _ name: String, announcing announcement: String, _ environment: [String: String] = [:], maximumDescriptors: Int? = nil
) async throws -> (program: Program, port: Int) {
    let program = try Program(name, environment: ["PORT": "0"].merging(environment) { $1 }, maximumDescriptors: maximumDescriptors)
    do {
        try await program.wait(for: announcement)
        let port = program.text.range(of: announcement).flatMap { Int(program.text[$0.upperBound...].prefix(while: \.isNumber)) }
        return (program, try #require(port))
    } catch {
        await program.stop()
        throw error
    }
}

/// A gateway, with servers inside it unless the environment names others. The test stops it.
func startGateway(_ environment: [String: String] = [:], maximumDescriptors: Int? = nil) async throws -> (program: Program, port: Int) {
    try await startExample(
        "Gateway", announcing: "Gateway listens on http://127.0.0.1:", environment, maximumDescriptors: maximumDescriptors)
}

/// A gateway while `body` runs.
func withGateway(
    _ environment: [String: String] = [:], maximumDescriptors: Int? = nil, _ body: (Program, Int) async throws -> Void
) async throws {
    let (program, port) = try await startGateway(environment, maximumDescriptors: maximumDescriptors)
    try await stopping(program) { try await body(program, port) }
}

/// Stops the program when `body` has run, and checks that it ends well.
func stopping(_ program: Program, after body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch {
        await program.stop()
        throw error
    }
    program.signal(SIGTERM)
    let status = await program.exitStatus()
    #expect(status == 0, "\(program.text)")
}

/// Stops a gateway that waits for an upstream's answer which never comes, and checks that the request ends without a response.
///
/// - Parameter stop: has to make it end; given the gateway and its port.
func stopGatewayWithUnansweredRequest(drainSeconds: Int, _ stop: (Program, Int) async throws -> Void) async throws {
    let (program, port) = try await startGateway(["DRAIN_SECONDS": "\(drainSeconds)"])
    do {
        let running = try await Client.connect(port)
        try await running.send("GET /proxy/silent/ HTTP/1.1\r\nHost: a\r\n\r\n")
        var status = ""
        while !status.contains("\"active\" : 1") { status = try await request(port, "GET", "/status") }
        try await stop(program, port)
        let response = try await running.all()
        #expect(response.isEmpty)
    } catch {
        await program.stop()
        throw error
    }
    let exit = await program.exitStatus()
    #expect(exit == 0)
}

/// One request on a connection of its own, closed by the server: the whole response.
func request(_ port: Int, _ method: String, _ target: String, headers: String = "", body: String = "") async throws -> String {
    let client = try await Client.connect(port)
    let length = body.isEmpty ? "" : "Content-Length: \(body.utf8.count)\r\n"
    try await client.send("\(method) \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(headers)\(length)\r\n\(body)")
    let response = try await client.all()
    client.close()
    return response
}
