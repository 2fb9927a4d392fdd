/// Exclusive use of one resource of a ``LocalPool``.
///
/// It is consumed by ``release()`` or ``discard()``, so that it comes back exactly once. One that is merely dropped comes back as
/// well, and is reported with the place where it was acquired, since forgetting it is a mistake that happens to be harmless.
///
/// A lease stays on its loop. A class holds it as an optional and takes it out to give it back; a closure gets it as a `consuming`
/// parameter; an `EventLoopFuture` cannot carry it.
@frozen
public struct Lease<Resource>: ~Copyable {
    // Unmanaged: the pool keeps itself alive while leases are out, and a lease costs no reference counting.
    @usableFromInline let pool: Unmanaged<LocalPool<Resource>>
    @usableFromInline let slot: Int32

    @inlinable
    init(pool: LocalPool<Resource>, slot: Int32) {
        self.pool = .passUnretained(pool)
        self.slot = slot
    }

    /// What is leased. After the lease was taken away (its owner's leases were released, or the pool's drain ended) it is a resource
    /// that is being closed.
    @inlinable
    public var resource: Resource {
        self.pool._withUnsafeGuaranteedRef { $0.resource(in: self.slot) }
    }

    /// Gives the resource back for the next user.
    @inlinable
    public consuming func release() {
        self.pool._withUnsafeGuaranteedRef { $0.giveBack(self.slot) }
        discard self
    }

    /// Gives the resource back to be closed, since its state is in doubt.
    @inlinable
    public consuming func discard() {
        self.pool._withUnsafeGuaranteedRef { $0.discard(self.slot) }
        discard self
    }

    /// Says that the resource is meant to be kept for long, as a connection that many requests share: no leak, however long it is held.
    public borrowing func holdForLong() {
        self.pool._withUnsafeGuaranteedRef { pool in _ = pool.machine.pointee.slots[Int(self.slot)].marks.insert(.heldForLong) }
    }

    @inlinable
    deinit {
        self.pool._withUnsafeGuaranteedRef { $0.giveBackDropped(self.slot) }
    }
}

@available(*, unavailable)
extension Lease: Sendable {}

/// Told on its loop what became of its requests. Nothing is allocated for a request.
public protocol LeaseReceiver<Resource>: AnyObject {
    associatedtype Resource

    /// The request with this tag got its lease. May be called before the request returned.
    func leaseGranted(_ lease: consuming Lease<Resource>, tag: UInt64)
    /// The request with this tag gets none.
    func leaseFailed(_ error: PoolError, tag: UInt64)
}

/// Who waits: a receiver with the tag it chose, or a closure.
enum WaitingReceiver<Resource> {
    case nobody
    case receiver(any LeaseReceiver<Resource>, tag: UInt64)
    case closure((consuming Result<Lease<Resource>, PoolError>) -> Void)

    func grant(_ lease: consuming Lease<Resource>) {
        switch self {
        case .nobody: preconditionFailure("a lease was granted to nobody")
        case .receiver(let receiver, let tag): receiver.leaseGranted(lease, tag: tag)
        case .closure(let body): body(.success(lease))
        }
    }

    func fail(_ error: PoolError) {
        switch self {
        case .nobody: preconditionFailure("a request of nobody failed")
        case .receiver(let receiver, let tag): receiver.leaseFailed(error, tag: tag)
        case .closure(let body): body(.failure(error))
        }
    }
}
