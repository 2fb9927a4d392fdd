import NIOCore
import WeirCore

/// One loop's pool.
///
/// A ``PoolMachine`` decides, this class does: it holds the resources and those who wait, runs the machine's actions and tells
/// it what happened. Everything here is called on its loop; being no `Sendable` class, it cannot leave it. Get it once, in the
/// channel initializer, from ``Pool/local(_:)``.
///
/// A receiver or closure may be called before the request that named it has returned, and may ask the pool for anything.
public final class LocalPool<Resource> {
    @usableFromInline
    struct Storage {
        @usableFromInline var resources: UnsafeMutablePointer<Resource?>
        var handles: [ResourceHandle<Resource>?] = []
        var connectStarts: [NIODeadline] = []
        var receivers: [WaitingReceiver<Resource>] = []
        var capacity = 0
    }

    // Behind pointers, so that no run-time exclusivity check is paid on the hot path.
    @usableFromInline let machine: UnsafeMutablePointer<PoolMachine>
    @usableFromInline let storage: UnsafeMutablePointer<Storage>
    @usableFromInline let context: LoopContext
    @usableFromInline let meters: PoolMeters
    @usableFromInline let account: PermitAccount
    /// Whether others want to know if this loop has idle resources.
    @usableFromInline let isShared: Bool
    @usableFromInline let tracesLeases: Bool
    var tracer: LeaseTracer

    /// The loop that this pool belongs to.
    public var loop: any EventLoop { self.context.loop }
    /// The pool's name, in metrics and reports.
    public let name: String
    let configuration: PoolConfiguration
    let factory: any ResourceFactory<Resource>
    let report: @Sendable (PoolReport) -> Void
    let alarm = Alarm()
    var isDriving = false
    var lastConnectError: (any Error)?
    var closeWaiters: [EventLoopPromise<Void>] = []
    var selfReference: Unmanaged<LocalPool<Resource>>?

    init(
        name: String, loop: any EventLoop, configuration: PoolConfiguration, account: PermitAccount, registry: MetricRegistry,
        report: @escaping @Sendable (PoolReport) -> Void, seed: UInt64, factory: any ResourceFactory<Resource>
    ) {
        self.name = name
        self.context = .of(loop)
        self.configuration = configuration
        self.account = account
        self.meters = PoolMeters(registry: registry, pool: name, loop: loop)
        self.report = report
        self.factory = factory
        self.isShared = account.ledger.loops > 1
        self.tracer = LeaseTracer(configuration.leakDetection.level)
        self.tracesLeases = self.tracer.isTracing
        self.machine = .allocate(capacity: 1)
        self.machine.initialize(to: PoolMachine(configuration: configuration, now: loop.now, seed: seed))
        self.storage = .allocate(capacity: 1)
        self.storage.initialize(to: Storage(resources: .allocate(capacity: 0)))
        // Kept alive until it is closed and every lease is back: leases do not count references.
        self.selfReference = .passRetained(self)
        self.alarm.start(on: self.context.deadlines) { [unowned self] in self.timePassed() }
        self.drive()
    }

    deinit {
        self.storage.pointee.resources.deinitialize(count: self.storage.pointee.capacity)
        self.storage.pointee.resources.deallocate()
        self.storage.deinitialize(count: 1)
        self.storage.deallocate()
        self.machine.deinitialize(count: 1)
        self.machine.deallocate()
    }

    // MARK: Leases

    /// Leases a resource if one is free at this moment and needs no check; does not wait and does not connect.
    ///
    /// - Complexity: O(1), nothing is allocated.
    @inlinable
    public func tryLease(owner: Owner = .none, file: StaticString = #fileID, line: UInt32 = #line) -> Lease<Resource>? {
        let site = CallSite(file: file, line: line)
        var slot = self.machine.pointee.tryLease(now: self.context.passTime, owner: owner, site: site)
        if slot < 0 {
            slot = self.tryLeaseCarefully(owner: owner, site: site)
            guard slot >= 0 else { return nil }
        }
        self.meters.leases.increment()
        if self.tracesLeases { self.trace(slot) }
        if self.machine.pointee.ready.head < 0, self.isShared { self.account.publish(hasIdle: false) }
        return Lease(pool: self, slot: slot)
    }

    @inline(never)
    @usableFromInline
    func tryLeaseCarefully(owner: Owner, site: CallSite) -> Int32 {
        guard self.machine.pointee.hasIdle else { return -1 }
        let now = self.loop.now
        let slot = self.machine.pointee.tryLeaseCarefully(now: now, owner: owner, site: site)
        self.drive(now: now)
        return slot
    }

    /// Asks for a lease.
    ///
    /// - Parameters:
    ///   - deadline: when to give up; by default ``PoolConfiguration/acquireTimeout`` from now. One that has passed means: try only.
    ///   - tag: given back to the receiver, which so tells its requests apart.
    ///   - receiver: held until it has been told.
    /// - Returns: what to cancel the request by; nil if the receiver has been told already.
    /// - Complexity: O(1), nothing is allocated beyond the queue's greatest length so far.
    @discardableResult
    public func lease(
        owner: Owner = .none, deadline: NIODeadline? = nil, tag: UInt64 = 0, to receiver: any LeaseReceiver<Resource>,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> LeaseRequest? {
        if let lease = self.tryLease(owner: owner, file: file, line: line) {
            receiver.leaseGranted(lease, tag: tag)
            return nil
        }
        return self.wait(.receiver(receiver, tag: tag), owner: owner, deadline: deadline, site: CallSite(file: file, line: line))
    }

    /// Asks for a lease. As ``lease(owner:deadline:tag:to:file:line:)``, with a closure, which is allocated.
    @discardableResult
    public func lease(
        owner: Owner = .none, deadline: NIODeadline? = nil, file: StaticString = #fileID, line: UInt32 = #line,
        _ body: @escaping (consuming Result<Lease<Resource>, PoolError>) -> Void
    ) -> LeaseRequest? {
        if let lease = self.tryLease(owner: owner, file: file, line: line) {
            body(.success(lease))
            return nil
        }
        return self.wait(.closure(body), owner: owner, deadline: deadline, site: CallSite(file: file, line: line))
    }

    /// Takes a request back. Its receiver is not called.
    ///
    /// - Returns: whether it was still waiting. It is not if it has its lease already, or failed.
    /// - Complexity: O(1).
    @discardableResult
    public func cancel(_ request: LeaseRequest) -> Bool {
        guard self.machine.pointee.cancel(request) else { return false }
        self.storage.pointee.receivers[Int(request.index)] = .nobody
        self.meters.cancelled.increment()
        self.drive()
        return true
    }

    private func wait(
        _ receiver: WaitingReceiver<Resource>, owner: Owner, deadline: NIODeadline?, site: CallSite
    ) -> LeaseRequest? {
        let now = self.loop.now
        switch self.machine.pointee.request(
            now: now, deadline: deadline ?? now + self.configuration.acquireTimeout, owner: owner, site: site)
        {
        case .leased(let slot):
            receiver.grant(self.granted(slot))
            self.drive(now: now)
            return nil
        case .refused(let refusal):
            if refusal != .shutdown { self.meters.waits.increment() }
            receiver.fail(self.error(for: refusal))
            // A request that may not wait still shows that there is a need of checks.
            self.drive(now: now)
            return nil
        case .waiting(let request):
            self.meters.waits.increment()
            while self.storage.pointee.receivers.count <= request.index { self.storage.pointee.receivers.append(.nobody) }
            self.storage.pointee.receivers[Int(request.index)] = receiver
            self.drive(now: now)
            return self.machine.pointee.isWaiting(request) ? request : nil
        }
    }

    func granted(_ slot: Int32) -> Lease<Resource> {
        self.meters.leases.increment()
        if self.tracesLeases { self.trace(slot) }
        return Lease(pool: self, slot: slot)
    }

    // MARK: What leases do

    @inlinable
    func resource(in slot: Int32) -> Resource {
        self.storage.pointee.resources[Int(slot)].unsafelyUnwrapped
    }

    @inlinable
    func giveBack(_ slot: Int32) {
        let now = self.context.passTime
        let leasedAt = self.machine.pointee.slots[Int(slot)].leasedAt
        self.meters.returns.increment()
        self.meters.holdTime.record(UInt64(clamping: (now - leasedAt).nanoseconds))
        guard self.machine.pointee.giveBackSimply(slot, now: now) else { return self.giveBackCarefully(slot, now: now) }
        // The first idle one is shown to the others. While it is, who begins to starve asks for it; who did before is looked for now.
        if self.machine.pointee.ready.count == 1, self.isShared {
            self.account.publish(hasIdle: true)
            if self.account.isAnyoneStarving { self.drive(now: now) }
        }
    }

    @usableFromInline
    func giveBackCarefully(_ slot: Int32, now: NIODeadline) {
        self.noteReturn(slot, now: now)
        self.machine.pointee.giveBack(slot, now: now)
        self.drive(now: now)
        self.endIfOver()
    }

    @usableFromInline
    func discard(_ slot: Int32) {
        let now = self.context.passTime
        self.meters.returns.increment()
        self.meters.holdTime.record(UInt64(clamping: (now - self.machine.pointee.slots[Int(slot)].leasedAt).nanoseconds))
        self.noteReturn(slot, now: now)
        self.machine.pointee.discard(slot, now: now)
        self.drive(now: now)
        self.endIfOver()
    }

    @usableFromInline
    func giveBackDropped(_ slot: Int32) {
        guard self.loop.inEventLoop else {
            // Whatever held the lease was let go of on another thread. The lease keeps the pool alive until it is back.
            nonisolated(unsafe) let pool = Unmanaged.passUnretained(self) // Only carried to the loop, and touched there.
            return self.loop.execute { pool._withUnsafeGuaranteedRef { $0.giveBackDropped(slot) } }
        }
        self.meters.dropped.increment()
        self.report(.dropped(pool: self.name, self.info(of: slot, now: self.loop.now)))
        self.giveBack(slot)
    }

    /// What comes back was perhaps traced, reported or closed meanwhile.
    private func noteReturn(_ slot: Int32, now: NIODeadline) {
        let state = self.machine.pointee.slots[Int(slot)]
        if state.marks.contains(.reported) { self.report(.leakReturned(pool: self.name, self.info(of: slot, now: now))) }
        if state.marks.contains(.traced) { self.tracer.forget(slot) }
        // One that was taken away and waits for the order to close is needed for that order.
        if state.state == .gone || self.machine.pointee.isClosingUnderLease(slot) { self.storage.pointee.resources[Int(slot)] = nil }
    }

    @usableFromInline
    func trace(_ slot: Int32) {
        if self.tracer.trace(slot) { self.machine.pointee.slots[Int(slot)].marks.insert(.traced) }
    }
}

@available(*, unavailable)
extension LocalPool: Sendable {}
