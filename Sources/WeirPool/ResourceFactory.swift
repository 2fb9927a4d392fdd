import NIOCore

/// Makes, checks and closes the resources of one loop's pool.
///
/// Everything is called on that loop, and everything must be reported on it, through the handle: at once or later, each
/// order once. A report, like a request for a lease or its return, may have the pool call the factory again before it returns, to
/// open, check or close another resource or the same: bring your own state in order first and report last.
public protocol ResourceFactory<Resource>: AnyObject {
    /// What is pooled. It need not be `Sendable`: it never leaves its loop.
    associatedtype Resource

    /// Opens a resource and reports ``ResourceHandle/established(_:)`` or ``ResourceHandle/connectFailed(_:)``.
    ///
    /// When the pool gives up first it says so by ``ResourceHandle/onAbandon``; one of the two must still be reported, since a
    /// permit stands behind the connect until then (or until the pool's close timeout has passed).
    func connect(_ handle: ResourceHandle<Resource>)

    /// Checks an idle resource and reports ``ResourceHandle/validated(_:)``. By default any resource is healthy.
    func validate(_ resource: Resource, _ handle: ResourceHandle<Resource>)

    /// Closes a resource and reports ``ResourceHandle/closed()`` once it is really gone.
    func close(_ resource: Resource, _ handle: ResourceHandle<Resource>)
}

extension ResourceFactory {
    /// Says at once that the resource is healthy: for what needs no check.
    public func validate(_ resource: Resource, _ handle: ResourceHandle<Resource>) {
        handle.validated(true)
    }
}

/// The pool's side of one resource. The factory or the resource keeps it and reports the resource's life to it, on its loop.
public final class ResourceHandle<Resource> {
    // Weak: what was written off may report long after the pool has gone.
    private weak var pool: LocalPool<Resource>?
    private let factory: any ResourceFactory<Resource>
    private let slot: Int32
    private let serial: UInt32

    /// The loop that the resource belongs to.
    public let loop: any EventLoop
    /// Whether the pool has given up on the connect: its deadline passed, or the pool closes. Stop, and report ``connectFailed(_:)``.
    public private(set) var isAbandoned = false
    /// Called once, on the loop, when the pool gives up on the connect. Dropped when the connect has ended.
    public var onAbandon: (() -> Void)?
    /// Told how the connect ended, after the pool was; nil once it has.
    var warmUp: WarmUpFactory<Resource>?

    init(pool: LocalPool<Resource>, loop: any EventLoop, slot: Int32, serial: UInt32) {
        self.pool = pool
        self.factory = pool.factory
        self.loop = loop
        self.slot = slot
        self.serial = serial
    }

    /// The connect worked. On the loop; once, and instead of ``connectFailed(_:)``. After the pool gave up on it the resource is closed.
    public func established(_ resource: Resource) {
        self.onAbandon = nil
        let warmUp = self.warmUp.take()
        guard let pool else {
            // It was abandoned and written off, and the pool has gone since. It has to be closed all the same.
            self.factory.close(resource, self)
            return
        }
        pool.established(self, resource, slot: self.slot, serial: self.serial)
        warmUp?.connected()
    }

    /// The connect failed. On the loop; once, and instead of ``established(_:)``, also after the pool gave up on it.
    ///
    /// - Parameter error: what requests get as the ``PoolError/cause`` of theirs as long as connects fail.
    public func connectFailed(_ error: any Error) {
        self.onAbandon = nil
        let warmUp = self.warmUp.take()
        self.pool?.connectFailed(error, slot: self.slot, serial: self.serial)
        warmUp?.connectFailed(error)
    }

    /// The check that was asked for is done. On the loop; an answer later than ``PoolConfiguration/validationTimeout`` is ignored.
    ///
    /// - Parameter healthy: whether the resource may be used again. If not it is closed, and all idle ones are checked before use.
    public func validated(_ healthy: Bool) {
        self.pool?.validated(healthy, slot: self.slot, serial: self.serial)
    }

    /// The resource is gone, by the pool's order or by itself, idle or leased. On the loop. Saying it again does nothing.
    public func closed() {
        self.pool?.closed(slot: self.slot, serial: self.serial)
    }

    func abandon() {
        self.isAbandoned = true
        let action = self.onAbandon
        self.onAbandon = nil
        let warmUp = self.warmUp.take()
        action?()
        warmUp?.connectTimedOut()
    }
}
