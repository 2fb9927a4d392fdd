import Foundation
import NIOCore
import NIOFoundationCompat
import WeirCore
import WeirPool
import WeirPostgres
import WeirServer

/// `/status` as JSON and `/metrics` as text, for people and for Prometheus.
enum ProxyStatus {
    /// What `/status` answers.
    private struct Status: Codable {
        var clients = 0
        var clientsAtMost = 0
        var clientsAdmitted: UInt64 = 0
        var clientsRefused: UInt64 = 0
        var connections = 0
        var connectionsIdle = 0
        var connectionsOpening = 0
        /// Of each user and database.
        var connectionsAtMost = 0
        var clientsWaitingForConnections = 0
        var connectFailures: UInt64 = 0
        var counters: [String: UInt64] = [:]
    }

    /// Listens if there is a port to listen on.
    static func bind(
        _ settings: Settings, group: any EventLoopGroup, server: ProxyServer, proxy: PostgresProxy, metrics: MetricRegistry
    ) async throws -> StatusServer? {
        guard let port = settings.statusPort else { return nil }
        do {
            let status = try await StatusServer.bind(host: "127.0.0.1", port: port, group: group) { path, loop in
                switch path {
                case "/status":
                    let pools = proxy.connections.map { $0.pool.statistics().hop(to: loop) }
                    return EventLoopFuture.whenAllSucceed(pools, on: loop).flatMapThrowing { pools in
                        .json(try Self.json(server.gate, pools, settings.pool.maximum, metrics.snapshot()))
                    }
                case "/metrics":
                    return loop.makeSucceededFuture(.prometheus(Self.text(metrics.snapshot())))
                default:
                    return loop.makeSucceededFuture(nil)
                }
            }.get()
            LogDestination.standardOutput.write("status on http://\(status.address.ipAddress ?? ""):\(status.address.port ?? 0)/status\n")
            return status
        } catch {
            throw StartError("cannot listen on STATUS_PORT \(port): \(error)")
        }
    }

    private static func json(
        _ gate: ClientGate, _ pools: [PoolStatistics], _ maximum: Int, _ metrics: MetricsSnapshot
    ) throws -> ByteBuffer {
        var status = Status()
        let clients = gate.statistics
        (status.clients, status.clientsAtMost, status.clientsAdmitted) = (clients.current, gate.maximum, clients.admitted)
        status.clientsRefused = clients.refused + clients.refusedForAddress
        status.connectionsAtMost = maximum
        for pool in pools {
            status.connections += pool.active + pool.idle
            status.connectionsIdle += pool.idle
            status.connectionsOpening += pool.connecting
            status.clientsWaitingForConnections += pool.waiting
            status.connectFailures += pool.connectFailures
        }
        for sample in metrics.samples where sample.descriptor.name.hasPrefix("postgres_proxy_") {
            if case .counter(let value) = sample.value { status.counters[sample.descriptor.name] = value }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return ByteBuffer(data: try encoder.encode(status) + Data("\n".utf8))
    }

    /// The counters and gauges, in the format that Prometheus reads.
    private static func text(_ metrics: MetricsSnapshot) -> ByteBuffer {
        var text = ByteBuffer()
        for sample in metrics.samples {
            let labels = sample.descriptor.labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
            let name = sample.descriptor.name + (labels.isEmpty ? "" : "{\(labels)}")
            switch sample.value {
            case .counter(let value): text.writeString("\(name) \(value)\n")
            case .gauge(let value): text.writeString("\(name) \(value)\n")
            default: break
            }
        }
        return text
    }
}
