public import NIOCore
import WeirCore
import WeirPool

/// A proxy's part of one loop. On that loop only.
public final class LocalPostgresProxy {
    /// What clients of one user and database share.
    final class Tenant {
        let pool: LocalPool<PostgresConnection>
        let statements = PostgresProxyStatements()
        /// What the server tells at the login; nil until there was one.
        var defaults: [String: String]?
        /// The settings that the server begins with.
        var settings = PostgresProxySettings([])

        init(_ pool: LocalPool<PostgresConnection>) { self.pool = pool }

        func learn(_ connection: PostgresConnection) {
            guard self.defaults == nil else { return }
            self.defaults = connection.parameters
            self.settings = PostgresProxySettings(reported: connection.parameters)
        }
    }

    let pools: PostgresProxyPools
    let loopContext: LoopContext
    let configuration: PostgresProxyConfiguration
    let observer: (any PostgresProxyObserver)?
    private let number: Int
    private let loops: Int
    private var tenants: [PostgresProxyPools.Key: Tenant] = [:]
    /// Those that are logged in, by what their cancel keys begin with; none is held.
    private var clients: [Int32: Unmanaged<PostgresProxyHandler>] = [:]
    private var lastClient: Int
    let transactions: LocalCounter
    let bytesReceived: LocalCounter
    let bytesSent: LocalCounter
    let refusals: LocalCounter
    let cancels: LocalCounter
    let upstreamLosses: LocalCounter

    init(
        pools: PostgresProxyPools, loop: any EventLoop, number: Int, loops: Int, configuration: PostgresProxyConfiguration,
        metrics: MetricRegistry, observer: (any PostgresProxyObserver)?
    ) {
        self.pools = pools
        self.loopContext = .of(loop)
        self.configuration = configuration
        self.observer = observer
        (self.number, self.loops) = (number, loops)
        self.lastClient = Int.random(in: 0..<(Int(Int32.max) / loops - 1))
        func counter(_ name: String, _ help: String) -> LocalCounter { metrics.counter("postgres_proxy_\(name)", help: help).local(loop) }
        self.transactions = counter("transactions", "transactions of clients that have ended")
        self.bytesReceived = counter("received_bytes", "from clients")
        self.bytesSent = counter("sent_bytes", "to clients")
        self.refusals = counter("refused_clients", "clients disconnected with an error of the proxy's")
        self.cancels = counter("cancels", "queries that clients have cancelled")
        self.upstreamLosses = counter("clients_cut", "clients disconnected since the server's connection was lost under their transactions")
    }

    /// The loop that it belongs to.
    public var loop: any EventLoop { self.loopContext.loop }

    /// Nil if there are too many of them.
    func tenant(user: String, database: String) -> Tenant? {
        let user = self.configuration.serverLogin == .client ? user : ""
        let key = PostgresProxyPools.Key(user: user, database: database)
        if let tenant = self.tenants[key] { return tenant }
        guard let pool = self.pools.pool(key) else { return nil }
        let tenant = Tenant(pool[self.loop])
        self.tenants[key] = tenant
        return tenant
    }

    // MARK: Cancel keys

    /// A number that names the client and its loop to whoever wants to cancel its query.
    func enter(_ client: PostgresProxyHandler) -> Int32 {
        let range = Int(Int32.max) / self.loops - 1
        repeat { self.lastClient = (self.lastClient + 1) % range } while self.clients[self.processID] != nil
        self.clients[self.processID] = .passUnretained(client)
        return self.processID
    }

    /// Never 0, which some take for none.
    private var processID: Int32 { Int32((self.lastClient + 1) * self.loops + self.number) }

    func leave(_ number: Int32) { self.clients[number] = nil }

    func cancel(_ number: Int32, _ secret: UInt32) {
        self.clients[number]?._withUnsafeGuaranteedRef { $0.cancel(secret) }
    }
}

@available(*, unavailable)
extension LocalPostgresProxy: Sendable {}
