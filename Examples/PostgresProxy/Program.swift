import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals
import WeirCore
import WeirPostgres
import WeirServer

/// A Postgres server for clients of any language, in front of a real one: thousands of clients share a few connections of each loop.
///
///     POSTGRES_URL=postgres://shop:secret@10.0.0.7 swift run -c release PostgresProxy
///     psql -h 127.0.0.1 -p 6432 shop
///
/// What a client may leave behind, and what is done with it, ``PostgresProxyTable`` says. SIGTERM or SIGINT: no new clients, and transactions
/// are let end for up to `DRAIN_SECONDS`; another signal cuts that short. The environment is that of ``Settings``.
@main
struct Program {
    static func main() async {
        do {
            try await self.run(try Settings())
        } catch {
            LogDestination.standardError.write("PostgresProxy: \((error as? StartError)?.message ?? "\(error)")\n")
            exit(1)
        }
    }

    private static func run(_ settings: Settings) async throws {
        // From here on a signal is kept for the services, though they do not run yet.
        let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
        let metrics = MetricRegistry(group: group)
        let logs = try ProxyLogs(group, settings)
        let proxy = PostgresProxy(
            url: settings.postgres, group: group, configuration: settings.proxy, pool: settings.pool, metrics: metrics, logger: .quiet,
            observer: { logs.observer(on: $0) })
        let server = try await ProxyServer.bind(settings, group: group, proxy: proxy)
        let status = try await ProxyStatus.bind(settings, group: group, server: server, proxy: proxy, metrics: metrics)
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        LogDestination.standardOutput.write(
            "PostgresProxy listens on \(host):\(server.address.port ?? 0), in front of \(settings.postgres)\n")

        // Shut down from the last to the first: clients end before the connections that serve them.
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [.init(service: proxy), .init(service: server)], logger: .quiet))
        let watch = Task {
            var isFirst = true
            for await _ in signals {
                if isFirst { await services.triggerGracefulShutdown() } else { server.endDrain() }
                isFirst = false
            }
        }
        try await services.run()
        watch.cancel()
        try await status?.shutdown().get()
        await logs.close(saying: "PostgresProxy has stopped")
    }
}

extension Logger {
    /// Warnings and worse, on standard error.
    static var quiet: Logger {
        var logger = Logger(label: "postgres-proxy") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }
}
