import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals
import WeirCore
import WeirHTTP
import WeirPool
import WeirRedis
import WeirServer
import WeirTestKit

/// A small HTTP service in front of Redis and of another HTTP server: every request is answered on the loop of its client's
/// connection, with back-end connections of that same loop.
///
///     PUT, GET, DELETE /kv/{key}      values in Redis
///     any method       /proxy/…       streamed to and from the upstream
///     GET              /status        what it is doing, as JSON
///
/// SIGTERM or SIGINT: no new connections, and what runs is finished for up to `DRAIN_SECONDS`; another signal cuts that short.
///
/// Environment: `HOST`, `PORT` (0: any free one), `REDIS_URL`, `UPSTREAM_URL` (without them, servers inside the process),
/// `LOOPS`, `REDIS_CONNECTIONS`, `UPSTREAM_CONNECTIONS`, `DRAIN_SECONDS`, `CLIENT_TIMEOUT_MS`, `BACKEND_TIMEOUT_MS`,
/// `ACCESS_LOG` (`on`, `off`).
@main
struct Gateway {
    static func main() async {
        do {
            try await self.run(try Settings())
        } catch let error as StartError {
            LogDestination.standardError.write("Gateway: \(error.message)\n")
            exit(1)
        } catch {
            LogDestination.standardError.write("Gateway: \(error)\n")
            exit(1)
        }
    }

    private static func run(_ settings: Settings) async throws {
        // From here on a signal is kept for the services, though they do not run yet: no request is cut as the program starts.
        let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
        // On a thread of its own, so that what is measured is the gateway's work and not its back ends'.
        let embedded = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let backends = try await Backends(settings, group: group, embedded: embedded)
        let log = try AccessLog(group: group, isOn: settings.logsAccess)
        let server = try await GatewayServer.bind(settings, group: group, backends: backends, log: log)

        // Shut down from the last to the first: requests end before the pools that serve them.
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: backends.redis), .init(service: backends.http.connections), .init(service: server),
                ],
                logger: .quiet))
        let watch = Task {
            var isFirst = true
            for await _ in signals {
                if isFirst { await services.triggerGracefulShutdown() } else { server.endDrain() }
                isFirst = false
            }
        }
        try await services.run()
        watch.cancel()
        try await backends.shutdown()
        // Everything that ran on the loops has ended; they end with the process.
        await log.close(saying: "Gateway has stopped")
    }
}

extension Logger {
    /// Warnings and worse, on standard error.
    static var quiet: Logger {
        var logger = Logger(label: "gateway") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }
}
