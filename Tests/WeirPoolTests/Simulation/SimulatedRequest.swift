import NIOCore
import WeirCore

@testable import WeirPool

/// One request and what became of it, as its user sees it.
final class SimulatedRequest: LeaseReceiver {
    enum Kind: Int { case receiver, closure, future, tryOnly }
    enum State { case waiting, holding, returned, failed, cancelled }

    unowned let simulation: Simulation
    let number: Int
    let loop: Int
    let kind: Kind
    let owner: Owner
    let askedAt: NIODeadline
    let deadline: NIODeadline
    /// It came to an overloaded queue, which may keep it until then.
    var shedAt: NIODeadline = .distantFuture
    /// It had waited for too long when an overloaded queue served another.
    var isShed = false
    var state = State.waiting
    var ticket: LeaseRequest?
    var lease: Lease<SimulatedResource>?
    var promise: EventLoopPromise<Void>?
    var resource: SimulatedResource?
    var leasedAt: NIODeadline = .distantFuture
    var error: PoolError.Code?
    /// Its owner's leases were released.
    var isTakenAway = false

    init(simulation: Simulation, number: Int, loop: Int, kind: Kind, owner: Owner, deadline: NIODeadline) {
        self.simulation = simulation
        self.number = number
        self.loop = loop
        self.kind = kind
        self.owner = owner
        self.askedAt = simulation.now
        self.deadline = deadline
    }

    func leaseGranted(_ lease: consuming Lease<SimulatedResource>, tag: UInt64) {
        self.simulation.expect(tag == UInt64(self.number), "request \(self.number) was answered with the tag \(tag)")
        let resource = lease.resource
        self.lease = consume lease
        self.simulation.granted(self, resource)
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.simulation.expect(tag == UInt64(self.number), "request \(self.number) was answered with the tag \(tag)")
        self.simulation.failed(self, error)
    }
}

extension Simulation {
    static let owners = [Owner("a"), Owner("a", 1), Owner("a:b")]

    // MARK: What users do, on the loop

    func ask(_ state: SimulatedLoopState, for time: TimeAmount? = nil, kind: SimulatedRequest.Kind? = nil) {
        guard let local = state.local else { return }
        let kinds: [SimulatedRequest.Kind] = [.receiver, .receiver, .receiver, .closure, .future, .tryOnly]
        let kind = kind ?? kinds[self.random.below(kinds.count)]
        var deadline: NIODeadline?
        if let time {
            deadline = self.now + time
        } else if self.random.chance(50) {
            deadline =
                self.random.chance(20) ? self.now - .nanoseconds(Int64(self.random.below(2))) : self.now + self.random.milliseconds(0...100)
        }
        let request = SimulatedRequest(
            simulation: self, number: self.requestCount, loop: state.index, kind: kind, owner: Self.owners[self.random.below(3)],
            deadline: deadline ?? self.now + self.plan.configuration.acquireTimeout)
        self.requestCount += 1
        self.log(kind == .tryOnly ? "try" : "ask", state.index, request.number, Int(clamping: (request.deadline - self.now).nanoseconds))
        let mustSucceed = self.canBeServedAtOnce(state)
        if kind != .tryOnly { self.queueWillBeAsked(state) }
        state.waiting.append(request)
        let outer = state.asking
        state.asking = request
        defer { state.asking = outer }
        switch kind {
        case .receiver:
            request.ticket = local.lease(owner: request.owner, deadline: deadline, tag: UInt64(request.number), to: request)
        case .closure:
            request.ticket = local.lease(owner: request.owner, deadline: deadline) { result in
                switch consume result {
                case .success(let lease): request.leaseGranted(lease, tag: UInt64(request.number))
                case .failure(let error): request.leaseFailed(error, tag: UInt64(request.number))
                }
            }
        case .future:
            let loop = self.group.loops[state.index]
            let future = local.withLease(owner: request.owner, deadline: deadline) { resource -> EventLoopFuture<Void> in
                let promise = loop.makePromise(of: Void.self)
                request.promise = promise
                self.granted(request, resource)
                return promise.futureResult
            }
            future.assumeIsolated().whenFailure { error in
                guard let error = error as? PoolError else { return }
                request.leaseFailed(error, tag: UInt64(request.number))
            }
        case .tryOnly:
            if let lease = local.tryLease(owner: request.owner) {
                request.leaseGranted(lease, tag: UInt64(request.number))
            } else {
                request.state = .failed
                state.waiting.removeAll { $0 === request }
            }
        }
        if request.state == .waiting || request.error == .queueFull { self.queueWasAsked(request, state) }
        state.queueSample = nil
        if mustSucceed {
            self.expect(
                request.state != .failed && request.state != .waiting, "request \(request.number) got nothing beside a free resource")
        }
        if kind != .tryOnly, kind != .future {
            self.expect(
                (request.ticket == nil) == (request.state != .waiting) || self.isInCallback,
                "request \(request.number) is \(request.state) and its ticket says otherwise")
        }
    }

    enum Return: Int { case release, discard, drop }

    func giveBack(_ request: SimulatedRequest, _ how: Return) {
        guard request.state == .holding else { return }
        let state = self.loops[request.loop]
        let wasWithinSize = self.mustBeKept(request)
        self.log(
            how == .release ? "release" : how == .discard ? "discard" : "drop", state.index, request.number, request.resource?.number ?? -1)
        request.state = .returned
        state.holding.removeAll { $0 === request }
        state.returns += 1
        if let resource = request.resource, resource.holder === request {
            resource.holder = nil
            resource.provenAt = self.now
            resource.idleSince = self.now
        }
        if let promise = request.promise {
            request.promise = nil
            promise.succeed()
            return
        }
        guard let lease = request.lease.take() else { return self.expect(false, "request \(request.number) has no lease") }
        defer { if how == .release { self.checkKept(request, wasWithinSize) } }
        self.expect(lease.resource === request.resource, "the lease of request \(request.number) changed its resource")
        switch how {
        case .release: lease.release()
        case .discard: lease.discard()
        case .drop:
            state.drops += 1
            _ = consume lease
        }
    }

    func cancel(_ request: SimulatedRequest) {
        guard let ticket = request.ticket, let local = self.loops[request.loop].local else { return }
        let state = self.loops[request.loop]
        let wasWaiting = request.state == .waiting
        self.log("cancel", request.loop, request.number)
        // Whoever is served before the call returns is served without it.
        let place = state.waiting.firstIndex { $0 === request }
        if let place { state.waiting.remove(at: place) }
        self.queueShrank(state)
        if local.cancel(ticket) {
            self.expect(wasWaiting, "request \(request.number) was cancelled when it was \(request.state)")
            state.cancels += 1
            request.state = .cancelled
        } else if let place, wasWaiting {
            // It was refused already and is only told later, if at all.
            state.waiting.insert(request, at: min(place, state.waiting.count))
            self.mustBeAnswered.append(request)
        }
    }

    func releaseAll(_ state: SimulatedLoopState, of owner: Owner) {
        guard let local = state.local else { return }
        self.log("release all of", state.index, Int(owner.number), owner.name.utf8CodeUnitCount)
        var count = 0
        for request in state.holding where request.owner == owner {
            request.isTakenAway = true
            // One that is told right now in an outer call has its lease as well.
            if let resource = request.resource, resource.holder === request, resource.phase == .open { count += 1 }
        }
        for request in state.waiting where request.owner == owner {
            request.isTakenAway = true
            self.mustBeAnswered.append(request)
        }
        let released = local.releaseAll(of: owner)
        self.expect(released == count, "\(released) leases were taken away instead of \(count)")
    }

    // MARK: What they are told

    func granted(_ request: SimulatedRequest, _ resource: SimulatedResource) {
        let state = self.loops[request.loop]
        self.log("granted", request.loop, request.number, resource.number)
        self.expect(request.state == .waiting, "request \(request.number) got a lease when it was \(request.state)")
        self.checkGrant(request, resource, state)
        request.state = .holding
        request.resource = resource
        request.leasedAt = self.now
        resource.holder = request
        state.waiting.removeAll { $0 === request }
        self.queueShrank(state)
        state.holding.append(request)
        state.grants += 1
        self.callback(state) {
            switch self.random.below(4) {
            case 0: self.giveBack(request, .release)
            case 1: if request.kind != .future { self.giveBack(request, self.random.chance(50) ? .discard : .drop) }
            case 2: self.ask(state)
            default: if let other = state.waiting.first { self.cancel(other) }
            }
        }
    }

    func failed(_ request: SimulatedRequest, _ error: PoolError) {
        let state = self.loops[request.loop]
        self.log("failed request", request.loop, request.number)
        self.expect(request.state == .waiting, "request \(request.number) got the error \(error.code) when it was \(request.state)")
        self.checkError(request, error, state)
        request.state = .failed
        request.error = error.code
        state.errors[error.code, default: 0] += 1
        state.waiting.removeAll { $0 === request }
        self.queueShrank(state)
        self.callback(state) {
            if self.random.chance(50) { self.ask(state) } else if let other = state.waiting.last { self.cancel(other) }
        }
    }

    /// Users who do something from inside their callbacks, now and then.
    private func callback(_ state: SimulatedLoopState, _ body: () -> Void) {
        guard !self.isResting, self.callbackDepth < 3, self.plan.busyCallbacks > 0, self.random.chance(self.plan.busyCallbacks) else {
            return
        }
        self.callbackDepth += 1
        body()
        self.callbackDepth -= 1
    }
}
