import NIOCore

/// The open clients of one event loop, so that a server can end them with good manners: see ``ClientRosters``.
///
/// Idle clients are cheap: about 120 bytes each, 16 of them here and the others in a callback of their channel's `closeFuture`.
///
/// Not `Sendable`: touch it on its loop only.
public final class ClientRoster {
    private enum Phase {
        /// Next: draining; closing, where the deadline came before the drain.
        case open
        /// All clients were told to end. Next: closing.
        case draining
        /// The deadline is over: clients are closed as they come.
        case closing
    }

    /// The loop of all its clients.
    public let loop: any EventLoop
    /// How many clients are open.
    public private(set) var count = 0

    /// Places keep their numbers, so that leaving is O(1).
    private var places: [(any DrainableClient)?] = []
    private var freePlaces: [Int32] = []
    private var phase = Phase.open
    private var isOutOfTime = false
    private var deadline = NIODeadline.distantFuture
    private var drain = ClientDrain()
    private var drains: [EventLoopPromise<ClientDrain>] = []

    /// How long a channel may take to close when it is closed by force: TLS says goodbye, for example.
    private static var closeTime: TimeAmount { .seconds(5) }

    init(loop: any EventLoop) { self.loop = loop }

    // MARK: Clients

    /// Enters a client. It is held until its channel closes, and leaves by itself. One that comes during a drain is told to end in the
    /// loop's next pass.
    ///
    /// - Parameters:
    ///   - client: Who is told to end.
    ///   - channel: Whose end is the client's end. Of this loop.
    /// - Complexity: O(1).
    public func add(_ client: any DrainableClient, channel: any Channel) {
        self.loop.assertInEventLoop()
        let place: Int32
        if let free = self.freePlaces.popLast() {
            place = free
            self.places[Int(place)] = client
        } else {
            place = Int32(self.places.count)
            self.places.append(client)
        }
        self.count += 1
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.remove(place) }
        // Not here: it is not where it will be yet, and neither is its channel.
        if self.isDraining { self.loop.assumeIsolated().execute { self.tellLate(client, place) } }
    }

    /// Calls `body` with each client that is open. Clients may come and go meanwhile.
    ///
    /// - Complexity: O(n) in the most clients that there were since there were none.
    public func forEach(_ body: (any DrainableClient) throws -> Void) rethrows {
        self.loop.assertInEventLoop()
        // Of what was here at the beginning: it is changed in a copy.
        for (place, client) in self.places.enumerated() {
            guard let client, self.isOpen(client, Int32(place)) else { continue }
            try body(client)
        }
    }

    private func isOpen(_ client: any DrainableClient, _ place: Int32) -> Bool {
        Int(place) < self.places.count && self.places[Int(place)] === client
    }

    private func remove(_ place: Int32) {
        let client = self.places[Int(place)].take()
        self.count -= 1
        if self.count > 0 {
            self.freePlaces.append(place)
        } else {
            self.places = []
            self.freePlaces = []
            self.endDrainsIfEmpty()
        }
        // Its end may ask for what is here.
        withExtendedLifetime(client) {}
    }

    // MARK: Ending

    /// Whether clients were told to end, and new ones are told as they come.
    public var isDraining: Bool {
        switch self.phase {
        case .open: false
        case .draining, .closing: true
        }
    }

    /// Tells all clients to end, and those that still come, and closes those that are open at the deadline.
    ///
    /// A second drain waits for the same end as the first; of their deadlines the earlier one counts.
    ///
    /// - Returns: Succeeds when no client is open; five seconds after the deadline at the latest, whatever their handlers do.
    public func drain(until deadline: NIODeadline) -> EventLoopFuture<ClientDrain> {
        self.loop.assertInEventLoop()
        let promise = self.loop.makePromise(of: ClientDrain.self)
        self.drains.append(promise)
        switch self.phase {
        case .open where self.isOutOfTime:
            self.closeOpen()
        case .open:
            self.phase = .draining
            self.setDeadline(deadline)
            self.forEach { $0.drain() }
        case .draining:
            self.setDeadline(deadline)
        case .closing:
            break
        }
        self.endDrainsIfEmpty()
        return promise.futureResult
    }

    /// Brings the deadline forward to now: of the drain that runs, or of the one to come.
    public func endDrain() {
        self.loop.assertInEventLoop()
        self.isOutOfTime = true
        switch self.phase {
        case .draining: self.closeOpen()
        case .open, .closing: break
        }
    }

    /// Closes all clients that are open, whatever is in flight. New ones may come.
    public func closeAll() { self.forEach { $0.closeNow() } }

    private func setDeadline(_ deadline: NIODeadline) {
        guard deadline < self.deadline else { return }
        self.deadline = deadline
        self.loop.assumeIsolated().scheduleTask(deadline: deadline) { self.endDrain() }
    }

    private func closeOpen() {
        self.phase = .closing
        self.drain.wasCutShort = true
        self.drain.closed += self.count
        self.closeAll()
        guard self.count > 0 else { return }
        self.loop.assumeIsolated().scheduleTask(in: Self.closeTime) {
            self.drain.left = self.count
            self.endDrains()
        }
    }

    private func tellLate(_ client: any DrainableClient, _ place: Int32) {
        guard self.isOpen(client, place) else { return }
        switch self.phase {
        case .open: break
        case .draining: client.drain()
        case .closing: client.closeNow()
        }
    }

    private func endDrainsIfEmpty() { if self.count == 0 { self.endDrains() } }

    private func endDrains() {
        let drains = self.drains
        self.drains = []
        for promise in drains { promise.succeed(self.drain) }
    }
}
