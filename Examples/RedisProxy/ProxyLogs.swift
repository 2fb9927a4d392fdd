import NIOCore
import WeirRedis
import WeirServer

/// A line for each client that has left, and for each command that was slow.
final class ProxyLogs: Sendable {
    private let log: LineLog?

    init(_ group: any EventLoopGroup, _ settings: Settings) throws {
        do {
            self.log = try settings.accessLog.map { try LineLog(group, to: $0, name: "the access log") }
        } catch {
            throw StartError("ACCESS_LOG cannot be opened: \(error)")
        }
    }

    /// Writes what happens on a loop.
    func observer(on loop: any EventLoop) -> any RedisProxyObserver { Observer(log: self.log?[loop]) }

    func close(saying text: String) async {
        if let log { _ = try? await log.close(saying: text).get() } else { LogDestination.standardOutput.write(text + "\n") }
    }

    private final class Observer: RedisProxyObserver {
        private let log: LocalLineLog?

        init(log: LocalLineLog?) { self.log = log }

        /// Like `client 127.0.0.1:40112 alice 17 commands 612 bytes in 92 out 4.120 s: was idle`.
        func redisClientLeft(_ client: RedisProxyClientSummary) {
            self.log?.add { line in
                line.writeStaticString("client ")
                line.writeAddress(client.address)
                line.writeStaticString(" ")
                line.writeEscaped(client.user ?? "-", maximumLength: 64)
                line.writeString(" \(client.commands) commands \(client.bytesReceived) bytes in \(client.bytesSent) out ")
                line.writeMilliseconds(client.duration)
                if let reason = client.reason { line.writeString(": \(reason)") }
            }
        }

        /// Like `slow 127.0.0.1:40112 "EVAL" 1 commands 312.400 ms`.
        func redisCommandWasSlow(_ command: RedisSlowCommand) {
            self.log?.add { line in
                line.writeStaticString("slow ")
                line.writeAddress(command.address)
                line.writeStaticString(" \"")
                line.writeEscaped(command.name)
                line.writeString("\" \(command.count) commands ")
                line.writeMilliseconds(command.duration)
            }
        }
    }
}
