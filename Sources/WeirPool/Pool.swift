import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import WeirCore

/// A pool for all loops of a group: one ``LocalPool`` per loop, and a limit that they share.
///
/// Made once. A handler looks its loop's pool up once, in the channel initializer (``local(_:)``), and from then on nothing it does
/// leaves the loop. Resources never change loops; the permits to hold them do, when a loop needs one and another has idle resources.
///
/// Shut it down before its group: ``shutdown(deadline:)``, or run it as a service.
public final class Pool<Resource>: Sendable, Service {
    public let name: String
    public let configuration: PoolConfiguration
    /// Where the pool counts.
    public let metrics: MetricRegistry
    private let group: any EventLoopGroup
    private let locals: LoopLocal<LocalPool<Resource>>
    private let isShutDown = Atomic(false)

    /// - Parameters:
    ///   - name: names it in metrics and reports.
    ///   - group: its loops. A loop's pool is made, with its resources up to ``PoolConfiguration/minimumIdle``, when it is first asked for.
    ///   - metrics: where to count; by default a registry of its own.
    ///   - logger: told of leaks and dropped leases, if `report` is not given.
    ///   - report: told of leaks and dropped leases, on the loop where it was noticed.
    ///   - makeFactory: makes a loop's factory, on that loop.
    /// - Precondition: the configuration makes sense; see its properties for the bounds.
    public convenience init(
        name: String, group: any EventLoopGroup, configuration: PoolConfiguration, metrics: MetricRegistry? = nil,
        logger: Logger? = nil, report: (@Sendable (PoolReport) -> Void)? = nil,
        makeFactory: @escaping @Sendable (any EventLoop) -> any ResourceFactory<Resource>
    ) {
        self.init(
            name: name, group: group, configuration: configuration, metrics: metrics, report: report ?? { logger?.report($0) },
            seed: .random(in: .min ... .max), makeFactory: makeFactory)
    }

    /// - Parameter seed: where all randomness of the pool comes from: a simulation gives it, to be replayed.
    init(
        name: String, group: any EventLoopGroup, configuration: PoolConfiguration, metrics: MetricRegistry? = nil,
        report: @escaping @Sendable (PoolReport) -> Void, seed: UInt64,
        makeFactory: @escaping @Sendable (any EventLoop) -> any ResourceFactory<Resource>
    ) {
        let loops = Array(group.makeIterator())
        if let problem = configuration.problem(loops: loops.count) { preconditionFailure("pool \(name): \(problem)") }
        self.name = name
        self.configuration = configuration
        self.group = group
        let metrics = metrics ?? MetricRegistry(group: group)
        self.metrics = metrics
        let indices = Dictionary(uniqueKeysWithValues: loops.enumerated().map { (ObjectIdentifier($1), $0) })
        // Where the ledger's messages go: the pools are made after it, each on its loop.
        let addressees = LoopLocal<Addressee<Resource>>(group) { _ in Addressee() }
        let ledger: PermitLedger
        do {
            ledger = try PermitLedger(limit: configuration.maximum, loops: loops.count) { index, message in
                let loop = loops[index]
                loop.execute { addressees[loop].pool?.receive(message) }
            }
        } catch {
            preconditionFailure("pool \(name): \(error.message)")
        }
        self.locals = LoopLocal(group) { loop in
            guard let index = indices[ObjectIdentifier(loop)] else { preconditionFailure("the loop is not one of the group's") }
            let pool = LocalPool(
                name: name, loop: loop, configuration: configuration, account: ledger.account(ofLoop: index), registry: metrics,
                report: report, seed: seed &+ UInt64(index), factory: makeFactory(loop))
            addressees[loop].pool = pool
            return pool
        }
    }

    deinit {
        guard !self.isShutDown.load(ordering: .relaxed) else { return }
        // Whoever drops it without shutting it down has no use for its resources any more.
        let locals = self.locals
        for loop in locals.loops {
            loop.execute { locals.existing(on: loop)?.drain(deadline: loop.now, promise: nil) }
        }
    }

    /// The pool of a loop. On that loop only.
    ///
    /// - Complexity: O(1), no lock.
    public func local(_ loop: any EventLoop) -> LocalPool<Resource> {
        self.locals[loop]
    }

    /// The pool of a loop. On that loop only.
    public subscript(loop: any EventLoop) -> LocalPool<Resource> {
        self.locals[loop]
    }

    /// Runs `body` on a loop with a resource that is leased meanwhile. From anywhere; it costs hops unless the task is on that loop.
    public func withLease<Success: Sendable>(
        on loop: any EventLoop, owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: @Sendable (Resource) async throws -> Success
    ) async throws -> Success {
        try await withTaskExecutorPreference(LoopExecutor.of(loop)) {
            try await self.local(loop).withLease(owner: owner, deadline: deadline, file: file, line: line, body)
        }
    }
}

extension Pool {
    // MARK: All loops at once

    /// Makes the pool of each loop, with its resources up to ``PoolConfiguration/minimumIdle``, now instead of at its first use.
    public func warmUp() -> EventLoopFuture<Void> {
        self.all(self.locals.onEachLoop { _ in })
    }

    /// The statistics of all loops added up. Asks each loop; nobody waits meanwhile.
    public func statistics() -> EventLoopFuture<PoolStatistics> {
        self.gather(.none, { $0.statistics() }, +)
    }

    /// Keeps requests waiting on all loops until ``resume()``.
    public func suspend() -> EventLoopFuture<Void> {
        self.all(self.locals.onEachLoop { $0.suspend() })
    }

    /// Serves again.
    public func resume() -> EventLoopFuture<Void> {
        self.gather((), { $0.resume() }, { _, _ in })
    }

    /// Replaces all resources without disturbing anyone: idle ones now, the others when they come back.
    public func evictAll() -> EventLoopFuture<Void> {
        self.gather((), { $0.evictAll() }, { _, _ in })
    }

    /// Takes all leases of an owner away, on all loops; see ``LocalPool/releaseAll(of:)``.
    public func releaseAll(of owner: Owner) -> EventLoopFuture<Int> {
        self.gather(0, { $0.releaseAll(of: owner) }, +)
    }

    /// Who holds what right now, on all loops.
    public func leases() -> EventLoopFuture<[LeaseInfo]> {
        self.gather([], { $0.leases() }, +)
    }

    /// Refuses new requests, serves those that wait already until the deadline, then closes everything, under its holders if need be.
    ///
    /// - Returns: completes when nothing is open any more. A second call joins the first.
    public func shutdown(deadline: NIODeadline) -> EventLoopFuture<Void> {
        self.isShutDown.store(true, ordering: .relaxed)
        return self.all(
            self.locals.loops.map { loop in
                let promise = loop.makePromise(of: Void.self)
                loop.execute {
                    // Also where it was never used: so that it is closed there as well.
                    self.locals[loop].drain(deadline: deadline, promise: promise)
                }
                return promise.futureResult
            })
    }

    /// As a service: nothing to run; on graceful shutdown it drains for up to ``drainTime`` and closes.
    public func run() async throws {
        _ = self.warmUp()
        try? await gracefulShutdown()
        try await self.shutdown(deadline: .now() + Self.drainTime).get()
    }

    /// How long ``run()`` lets leases come back.
    public static var drainTime: TimeAmount { .seconds(30) }

    /// Adds up what the loops that have a pool answer.
    private func gather<Answer: Sendable>(
        _ none: Answer, _ ask: @escaping @Sendable (LocalPool<Resource>) -> Answer, _ add: @escaping @Sendable (Answer, Answer) -> Answer
    ) -> EventLoopFuture<Answer> {
        EventLoopFuture.reduce(none, self.locals.onEachExisting(ask), on: self.group.any()) { sum, answer in
            answer.map { add(sum, $0) } ?? sum
        }
    }

    private func all(_ futures: [EventLoopFuture<Void>]) -> EventLoopFuture<Void> {
        EventLoopFuture.andAllSucceed(futures, on: self.group.any())
    }
}

/// The pool of one loop, for the ledger's messages.
private final class Addressee<Resource> {
    weak var pool: LocalPool<Resource>?
}

extension Logger {
    fileprivate func report(_ report: PoolReport) {
        func metadata(_ pool: String, _ info: LeaseInfo) -> Logger.Metadata {
            [
                "pool": "\(pool)", "owner": "\(info.owner)", "acquired_at": "\(info.site)",
                "held_ms": "\(info.heldFor.nanoseconds / 1_000_000)",
            ]
        }
        switch report {
        case .leak(let pool, let info, let backtrace):
            var metadata = metadata(pool, info)
            if let backtrace { metadata["backtrace"] = "\(backtrace)" }
            self.warning("a lease is held for longer than the leak threshold", metadata: metadata)
        case .leakReturned(let pool, let info):
            self.info("a lease that was reported as leaked came back", metadata: metadata(pool, info))
        case .dropped(let pool, let info):
            self.warning("a lease was dropped instead of released", metadata: metadata(pool, info))
        }
    }
}
