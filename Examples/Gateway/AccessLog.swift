import NIOCore
import WeirServer

/// One line for each request on standard output, written by a thread of its own: a slow reader of the log slows no request.
final class AccessLog: Sendable {
    private let isOn: Bool
    private let lines: LineLog

    init(group: any EventLoopGroup, isOn: Bool) throws {
        self.isOn = isOn
        self.lines = try LineLog(group, to: .standardOutput, name: "the access log")
    }

    /// Nil if there is no log. On the loop only.
    func local(_ loop: any EventLoop) -> LocalAccessLog? { self.isOn ? LocalAccessLog(lines: self.lines[loop]) : nil }

    /// Writes what waits, and this last, and ends. Where nobody reads standard output it gives up after a second.
    func close(saying text: String) async { _ = try? await self.lines.close(saying: text).get() }
}

/// The log of one loop. On that loop only.
struct LocalAccessLog {
    let lines: LocalLineLog

    /// Adds a line, like `127.0.0.1:40112 "GET /kv/a HTTP/1.1" 200 5 0.412 ms`. The target is escaped and cut: a client chose it.
    func add(client: String, method: String, target: String, status: Int, bytes: Int, duration: TimeAmount, wasCut: Bool) {
        self.lines.add { line in
            line.writeString(client)
            line.writeStaticString(" \"")
            line.writeString(method)
            line.writeStaticString(" ")
            line.writeEscaped(target)
            line.writeStaticString("\" ")
            line.writeString(String(status))
            line.writeStaticString(" ")
            line.writeString(String(bytes))
            line.writeStaticString(" ")
            let microseconds = duration.nanoseconds / 1000
            line.writeString("\(microseconds / 1000).\(String(microseconds % 1000 + 1000).dropFirst()) ms")
            if wasCut { line.writeStaticString(" cut") }
        }
    }
}
