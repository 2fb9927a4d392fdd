import NIOCore
import WeirCore

/// What one loop's pool counts, in its loop's cells of a registry.
///
/// The hot path bumps two counters and one histogram. How many are active, idle or waiting is not stored anywhere: statistics derive
/// it from the machine's lists, and a reader of the cells from the differences of counters.
@usableFromInline
struct PoolMeters {
    @usableFromInline let leases: LocalCounter
    @usableFromInline let returns: LocalCounter
    @usableFromInline let holdTime: LocalHistogram
    let acquireTime: LocalHistogram
    let connectTime: LocalHistogram
    let connects: LocalCounter
    let connectFailures: LocalCounter
    let waits: LocalCounter
    let timeouts: LocalCounter
    let queueFull: LocalCounter
    let shed: LocalCounter
    let circuitRejections: LocalCounter
    let cancelled: LocalCounter
    let validations: LocalCounter
    let validationFailures: LocalCounter
    /// By ``PoolMachine/CloseReason``.
    let closed: [LocalCounter]
    let dropped: LocalCounter
    let leaks: LocalCounter
    let open: LocalGauge
    let waiting: LocalGauge

    init(registry: MetricRegistry, pool: String, loop: any EventLoop) {
        let labels = [("pool", pool)]
        func counter(_ name: String, _ help: String, _ more: [(String, String)] = []) -> LocalCounter {
            registry.counter("weir_pool_\(name)_total", help: help, labels: labels + more).local(loop)
        }
        func histogram(_ name: String, _ help: String) -> LocalHistogram {
            registry.histogram("weir_pool_\(name)", help: help, labels: labels, unit: .nanoseconds).local(loop)
        }
        func gauge(_ name: String, _ help: String) -> LocalGauge {
            registry.gauge("weir_pool_\(name)", help: help, labels: labels).local(loop)
        }
        self.leases = counter("leases", "Leases granted")
        self.returns = counter("returns", "Leases that came back")
        self.holdTime = histogram("hold_time", "How long leases were held")
        self.acquireTime = histogram("acquire_time", "How long requests waited that were served and could not be at once")
        self.connectTime = histogram("connect_time", "How long connects took that worked")
        self.connects = counter("connects", "Connects started")
        self.connectFailures = counter("connect_failures", "Connects that failed or were abandoned")
        self.waits = counter("exhaustions", "Requests that found no resource free")
        self.timeouts = counter("timeouts", "Requests without a resource at their deadline")
        self.queueFull = counter("queue_full", "Requests refused because too many waited")
        self.shed = counter("shed", "Requests shed by an overloaded queue")
        self.circuitRejections = counter("circuit_rejections", "Requests failed because the backend was down")
        self.cancelled = counter("cancelled", "Requests taken back")
        self.validations = counter("validations", "Checks of idle resources")
        self.validationFailures = counter("validation_failures", "Checks that failed")
        self.closed = PoolMachine.CloseReason.allCases.map {
            counter("closes", "Resources that were closed, or closed by themselves (lost)", [("reason", "\($0)")])
        }
        self.dropped = counter("dropped", "Leases that were dropped instead of released")
        self.leaks = counter("leaks", "Leases that were held for longer than the threshold")
        self.open = gauge("open", "Resources open or being opened or closed")
        self.waiting = gauge("waiting", "Requests that wait")
    }
}
