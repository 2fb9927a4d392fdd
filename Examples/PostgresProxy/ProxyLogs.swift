import NIOCore
import WeirPostgres
import WeirServer

/// A line for each client that has left.
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
    func observer(on loop: any EventLoop) -> any PostgresProxyObserver { Observer(log: self.log?[loop]) }

    func close(saying text: String) async {
        if let log { _ = try? await log.close(saying: text).get() } else { LogDestination.standardOutput.write(text + "\n") }
    }

    private final class Observer: PostgresProxyObserver {
        private let log: LocalLineLog?

        init(log: LocalLineLog?) { self.log = log }

        /// Like `client 127.0.0.1:40112 alice@shop 17 transactions 612 bytes in 92 out 4.120 ms: the login took too long`.
        func postgresClientLeft(_ client: PostgresProxyClientSummary) {
            self.log?.add { line in
                line.writeStaticString("client ")
                line.writeAddress(client.address)
                line.writeStaticString(" ")
                line.writeEscaped(client.user ?? "-", maximumLength: 64)
                line.writeStaticString("@")
                line.writeEscaped(client.database ?? "-", maximumLength: 64)
                line.writeString(" \(client.transactions) transactions \(client.bytesReceived) bytes in \(client.bytesSent) out ")
                line.writeMilliseconds(client.duration)
                if let reason = client.reason {
                    line.writeStaticString(": ")
                    line.writeEscaped(reason, maximumLength: 256)
                }
            }
        }
    }
}
