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
/// Shut it down before its group: ``shutdown(deadline:)``, or run it as a service. What concerns all loops may be called on any thread;
/// its future completes on the loop where it was called, if that is one of the group's, and else on the group's first loop. If a loop of
/// the group has ended, or ends before it has answered, the future fails with ``PoolError/Code/shutdown``: on one of NIO's own loops,
/// when it had ended before.
public final class Pool<Resource>: Sendable, Service {
    /// Names the pool in metrics and reports.
    public let name: String
    /// How the pool behaves: what it was made with.
    public let configuration: PoolConfiguration
    /// Where the pool counts.
    public let metrics: MetricRegistry
    let locals: LoopLocal<LocalPool<Resource>>
    let parts: LoopLocal<LoopPart<Resource>>
    let isShutDown = Atomic(false)
    let closing = Closing()

    /// - Parameters:
    ///   - name: names it in metrics and reports.
    ///   - group: its loops. A loop's pool is made, with its resources up to ``PoolConfiguration/minimumIdle``, when it is first asked for.
    ///   - metrics: where to count; by default a registry of its own.
    ///   - logger: told of leaks and dropped leases, if `report` is not given.
    ///   - report: told of leaks and dropped leases, on the loop where it was noticed.
    ///   - makeFactory: makes a loop's factory, on that loop.
    /// - Precondition: ``PoolConfiguration/validate(loops:)`` accepts the configuration for this group; the process stops otherwise. Call
    ///   it first where the values come from outside the program.
    public convenience init(
        name: String, group: any EventLoopGroup, configuration: PoolConfiguration, metrics: MetricRegistry? = nil,
        logger: Logger? = nil, report: (@Sendable (PoolReport) -> Void)? = nil,
        makeFactory: @escaping @Sendable (any EventLoop) -> any ResourceFactory<Resource>
    ) {
        do {
            try configuration.validate(loops: Array(group.makeIterator()).count)
        } catch {
            preconditionFailure("pool \(name): \(error.message)")
        }
        self.init(
            name: name, group: group, configuration: configuration, metrics: metrics, report: report ?? { logger?.report($0) },
            seed: .random(in: .min ... .max), makeFactory: makeFactory)
    }

    /// As the public one, for configurations that only have to be within bounds.
    ///
    /// - Parameter seed: where all randomness of the pool comes from: a simulation gives it, to be replayed.
    init(
        name: String, group: any EventLoopGroup, configuration: PoolConfiguration, metrics: MetricRegistry? = nil,
        report: @escaping @Sendable (PoolReport) -> Void, seed: UInt64,
        makeFactory: @escaping @Sendable (any EventLoop) -> any ResourceFactory<Resource>
    ) {
        let loops = Array(group.makeIterator())
        do {
            try configuration.checkBounds(loops: loops.count)
        } catch {
            preconditionFailure("pool \(name): \(error.message)")
        }
        self.name = name
        self.configuration = configuration
        let metrics = metrics ?? MetricRegistry(group: group)
        self.metrics = metrics
        let indices = Dictionary(uniqueKeysWithValues: loops.enumerated().map { (ObjectIdentifier($1), $0) })
        // Where the ledger's messages go: the pools are made after it, each on its loop.
        let parts = LoopLocal<LoopPart<Resource>>(group) { _ in LoopPart() }
        self.parts = parts
        let ledger: PermitLedger
        do {
            ledger = try PermitLedger(limit: configuration.maximum, loops: loops.count) { index, message in
                let loop = loops[index]
                loop.execute { parts[loop].receive(message) }
            }
        } catch {
            preconditionFailure("pool \(name): \(error.message)")
        }
        self.locals = LoopLocal(group) { loop in
            guard let index = indices[ObjectIdentifier(loop)] else { preconditionFailure("the loop is not one of the group's") }
            let part = parts[loop]
            var configuration = configuration
            // Made only to be closed: nothing is to be opened for that.
            if part.isEnding { configuration.minimumIdle = 0 }
            let factory = WarmUpFactory(makeFactory(loop))
            let account = ledger.account(ofLoop: index)
            part.account = account
            let pool = LocalPool(
                name: name, loop: loop, configuration: configuration, account: account, registry: metrics,
                report: report, seed: seed &+ UInt64(index), factory: factory)
            factory.pool = pool
            part.pool = pool
            part.factory = factory
            return pool
        }
    }

    deinit {
        guard !self.isShutDown.load(ordering: .relaxed) else { return }
        // Whoever drops it without shutting it down has no use for its resources any more.
        let (locals, parts) = (self.locals, self.parts)
        for loop in locals.loops {
            loop.execute {
                guard let pool = locals.existing(on: loop) else { return }
                parts[loop].end()
                pool.drain(deadline: loop.now, promise: nil)
            }
        }
    }

    /// How far a shutdown has come. Apart from the pool, which must not be kept by a shutdown that has ended: it would go on a loop then,
    /// perhaps when there are no other loops any more.
    final class Closing: Sendable {
        /// Whether a shutdown has completed: then another has nothing to do, even if there are no loops any more.
        let hasEnded = Atomic(false)
    }

    /// The pool of a loop. On that loop only: anywhere else, and for a loop of another group, the process stops.
    ///
    /// - Complexity: O(1), no lock.
    public func local(_ loop: any EventLoop) -> LocalPool<Resource> {
        self.locals[loop]
    }

    /// The pool of a loop. As ``local(_:)``.
    public subscript(loop: any EventLoop) -> LocalPool<Resource> {
        self.locals[loop]
    }

    /// Runs `body` on a loop with a resource that is leased meanwhile. From anywhere; it costs hops unless the task is on that loop.
    ///
    /// - Parameters:
    ///   - loop: a loop of the group.
    ///   - owner: who holds the lease, for reports and ``releaseAll(of:)``.
    ///   - deadline: when to give up waiting; by default ``PoolConfiguration/acquireTimeout`` from now.
    ///   - keepsResource: says of an error of the body whether the resource is as good as before; by default it never is, and is closed.
    ///   - body: runs on the loop. The lease ends when it returns or throws.
    /// - Throws: what `body` throws, or a ``PoolError``; ``PoolError/Code/cancelled`` when the task is cancelled while it waits.
    public func withLease<Success: Sendable>(
        on loop: any EventLoop, owner: Owner = .none, deadline: NIODeadline? = nil,
        keepsResource: @Sendable (any Error) -> Bool = { _ in false }, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: @Sendable (Resource) async throws -> Success
    ) async throws -> Success {
        try await withTaskExecutorPreference(LoopExecutor.of(loop)) {
            try await self.local(loop).withLease(
                owner: owner, deadline: deadline, keepsResource: keepsResource, file: file, line: line, body)
        }
    }
}

/// What the façade knows of the pool of one loop, on that loop. It is there before the pool.
final class LoopPart<Resource> {
    weak var pool: LocalPool<Resource>?
    weak var factory: WarmUpFactory<Resource>?
    /// Outlives the pool: a permit may be on its way to it.
    var account: PermitAccount?
    private(set) var isEnding = false

    func receive(_ message: PermitMessage) {
        if let pool { return pool.receive(message) }
        switch message {
        case .granted:
            self.account?.accept()
            self.account?.release()
        case .surplusWanted(let triesLeft):
            self.account?.decline(triesLeft: triesLeft)
        }
    }

    /// The pool is about to drain, or to be made for that.
    func end() {
        self.isEnding = true
        self.factory?.end()
    }
}
