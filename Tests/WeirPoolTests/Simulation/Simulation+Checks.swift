import NIOCore
import WeirCore

@testable import WeirPool

/// What must hold, in the words of the pool's documentation and not of its machine.
extension Simulation {
    private var configuration: PoolConfiguration { self.plan.configuration }
    static let tick = DeadlineWheel.tick

    // MARK: After each pass

    func check(_ state: SimulatedLoopState, alarms: Bool) {
        for request in self.mustBeAnswered {
            self.expect(
                request.state == .failed || request.state == .cancelled,
                "request \(request.number) is \(request.state) after it was passed over")
        }
        self.mustBeAnswered.removeAll(keepingCapacity: true)
        if let instant = self.mustBeDown {
            self.mustBeDown = nil
            self.expect(
                state.resources.allSatisfy { $0.phase != .open || $0.establishedAt >= instant },
                "the circuit is open beside an open resource")
        }
        if alarms { self.checkDeadlines(state) }
        for resource in state.resources { self.excuse(resource) }
        self.checkPermits()
        guard let local = state.local else { return }
        let machine = local.machine
        let open = state.resources.count { $0.phase == .open }
        let held = state.resources.count { $0.phase == .open && $0.holder != nil }
        self.expect(Int(machine.pointee.leased) == held, "\(machine.pointee.leased) are leased to the pool, \(held) to their users")
        self.expect(
            machine.pointee.waiters.count == state.waiting.count,
            "\(machine.pointee.waiters.count) wait to the pool, \(state.waiting.count) wait")
        self.expect(state.waiting.count <= self.configuration.maximumWaiters, "\(state.waiting.count) requests wait")
        self.expect(Int(machine.pointee.serving) == open, "\(machine.pointee.serving) resources are open to the pool, \(open) are")
        let leaks = self.configuration.leakDetection
        if alarms, leaks.level != .off, self.failure == nil {
            for request in state.holding where request.resource?.holder === request && request.resource?.phase == .open {
                guard request.leasedAt + leaks.threshold + Self.tick <= self.now else { continue }
                self.expect(state.leaks > 0, "request \(request.number) has held its lease since \(request.leasedAt) and nobody is told")
            }
        }
        let promised = machine.pointee.donationsOwed + machine.pointee.permitsToGiveUp
        self.expect(
            promised <= max(0, local.account.held - 1),
            "loop \(state.index) gives up \(promised) of its \(local.account.held) permits, and its floor with them")
        if let problem = machine.pointee.brokenInvariantAtRest() { self.expect(false, problem) }
    }

    private func checkDeadlines(_ state: SimulatedLoopState) {
        for request in state.waiting {
            self.expect(
                min(request.deadline, request.shedAt) + Self.tick > self.now, "request \(request.number) has no answer past its deadline")
        }
    }

    /// What the pool may have written off needs no permit any more, whatever becomes of it.
    private func excuse(_ resource: SimulatedResource) {
        guard !resource.isExcused else { return }
        let since: NIODeadline?
        switch resource.phase {
        case .connecting: since = resource.abandonedAt
        case .closing: since = resource.closeOrderedAt
        case .open, .gone: since = nil
        }
        if let since, since + self.configuration.closeTimeout <= self.now { resource.isExcused = true }
    }

    private func checkPermits() {
        var sum = 0
        var bound = 0
        for state in self.loops {
            let alive = state.resources.count { !$0.isExcused }
            sum += alive
            let held = state.account?.held ?? 0
            bound += max(held, 1)
            self.expect(
                alive <= self.plan.hardLimit, "\(alive) resources of loop \(state.index) are alive, more than \(self.plan.hardLimit)")
            self.expect(alive <= held, "\(alive) resources of loop \(state.index) are alive on \(held) permits")
        }
        self.expect(sum <= self.configuration.maximum, "\(sum) resources are alive, more than \(self.configuration.maximum)")
        guard let ledger else { return }
        let travelling = ledger.limit - ledger.available - bound
        self.expect(travelling >= 0, "\(-travelling) permits came from nowhere")
        if travelling > 0, self.group.loops.allSatisfy(\.isQuiet) { self.expect(false, "\(travelling) permits are lost") }
    }

    // MARK: Grants

    /// A request of this moment has to be served at once.
    func canBeServedAtOnce(_ state: SimulatedLoopState) -> Bool {
        guard !state.isDraining, !state.isSuspended, state.waiting.isEmpty, !self.isInCallback, state.failedChecks == 0 else {
            return false
        }
        return state.resources.contains { self.isFit($0) && $0.isIdle && $0.checkStartedAt == nil }
            && state.resources.allSatisfy { $0.checkStartedAt == nil }
    }

    private func isFit(_ resource: SimulatedResource) -> Bool {
        guard let limit = self.configuration.validateAfterIdle else { return !resource.mustBeChecked }
        return !resource.mustBeChecked && self.now - resource.provenAt <= limit
    }

    func checkGrant(_ request: SimulatedRequest, _ resource: SimulatedResource, _ state: SimulatedLoopState) {
        self.expect(resource.loop == request.loop, "resource \(resource.number) was leased on another loop")
        self.expect(resource.phase == .open, "resource \(resource.number) was leased when it was \(resource.phase)")
        self.expect(resource.holder == nil, "resource \(resource.number) was leased twice")
        self.expect(resource.checkStartedAt == nil, "resource \(resource.number) was leased while it was checked")
        self.expect(!resource.failedCheck, "resource \(resource.number) was leased after a failed check")
        self.expect(self.isFit(resource), "resource \(resource.number) was leased without the check it needed")
        self.expect(!state.isSuspended || state.isDraining, "request \(request.number) was served while the pool was suspended")
        self.checkOrder(request, state)
    }

    /// What a user gives back is kept, up to the size: where nothing else has a say.
    func mustBeKept(_ request: SimulatedRequest) -> Bool {
        let state = self.loops[request.loop]
        guard self.loops.count == 1, self.configuration.maximumLifetime == nil, self.plan.busyCallbacks == 0, !state.isDraining,
            state.failedChecks == 0, let resource = request.resource, resource.holder === request, resource.phase == .open,
            resource.establishedAt > state.evictedAt, !resource.isEvicted
        else { return false }
        return state.resources.count { $0.phase == .open || $0.phase == .connecting && $0.abandonedAt == nil } <= self.configuration.size
    }

    func checkKept(_ request: SimulatedRequest, _ mustBeKept: Bool) {
        guard mustBeKept, let resource = request.resource, self.loops[request.loop].failedChecks == 0 else { return }
        self.expect(resource.phase == .open, "resource \(resource.number) was closed on its return, with no more than the size open")
    }

    // MARK: Errors

    func checkError(_ request: SimulatedRequest, _ error: PoolError, _ state: SimulatedLoopState) {
        switch error.code {
        case .deadlineExceeded:
            self.expect(request.deadline <= self.now, "request \(request.number) failed before its deadline")
            self.expect(request.deadline <= request.shedAt, "request \(request.number) was not shed in time")
        case .queueFull:
            self.expect(
                state.waiting.count > self.configuration.maximumWaiters || request.kind == .future,
                "request \(request.number) was refused by a queue of \(state.waiting.count)")
        case .overloaded:
            self.checkShed(request)
        case .circuitOpen:
            // Those whose time is up are told so only after the requests.
            let overdue = state.resources.count {
                $0.phase == .connecting && $0.abandonedAt == nil && $0.begunAt + self.configuration.connectTimeout <= self.now
            }
            self.expect(
                state.failuresInARow + overdue >= self.configuration.circuitThreshold,
                "the circuit is open after \(state.failuresInARow + overdue) failures")
            // Some are told to close only after the requests were told.
            self.mustBeDown = self.now
        case .shutdown:
            self.expect(state.isDraining, "request \(request.number) was refused by a shutdown before there was one")
        case .cancelled:
            self.expect(request.isTakenAway, "request \(request.number) was cancelled by nobody")
        default:
            self.expect(false, "request \(request.number) failed with \(error.code)")
        }
    }

    // MARK: Statistics

    func checkStatistics(_ state: SimulatedLoopState) {
        guard let statistics = state.local?.statistics() else { return }
        func errors(_ code: PoolError.Code) -> Int { state.errors[code] ?? 0 }
        let open = state.resources.filter { $0.phase == .open }
        let pairs: [(String, Int, Int)] = [
            ("active", statistics.active, open.count { $0.holder != nil }),
            ("idle", statistics.idle, open.count { $0.holder == nil }),
            ("connecting", statistics.connecting, state.resources.count { $0.phase == .connecting && $0.abandonedAt == nil }),
            ("waiting", statistics.waiting, state.waiting.count),
            ("leases", Int(statistics.leases), state.grants),
            ("connects", Int(statistics.connects), state.connects),
            ("connectFailures", Int(statistics.connectFailures), state.failures),
            ("timeouts", Int(statistics.timeouts), errors(.deadlineExceeded)),
            ("queueFull", Int(statistics.queueFull), errors(.queueFull)),
            ("shed", Int(statistics.shed), errors(.overloaded)),
            ("circuitRejections", Int(statistics.circuitRejections), errors(.circuitOpen)),
            ("cancelled", Int(statistics.cancelled), state.cancels + errors(.cancelled)),
            ("validations", Int(statistics.validations), state.validations),
            ("dropped", Int(statistics.dropped), state.drops),
            ("dropped reports", state.droppedReports, state.drops),
            ("leaks", Int(statistics.leaks), state.leaks),
            ("hold times", Int(statistics.holdTime.count), state.returns),
        ]
        for (name, told, is_) in pairs { self.expect(told == is_, "statistics say \(name) \(told), it is \(is_)") }
        self.expect(statistics.closing >= 0, "statistics say closing \(statistics.closing)")
    }

    // MARK: Connects

    func checkConnect(_ loop: Int) {
        let state = self.loops[loop]
        let connecting = state.resources.count { $0.phase == .connecting && $0.abandonedAt == nil }
        self.expect(
            connecting <= self.configuration.maximumConcurrentConnects, "\(connecting) connects at once on loop \(loop)")
        // A replacement of an old one is one more.
        self.expect(
            connecting <= state.waiting.count + self.configuration.minimumIdle + 1,
            "\(connecting) connects for \(state.waiting.count) requests on loop \(loop)")
        // Nobody waits and none is due to be replaced: it can only be one of the idle ones to keep. One that is checked is idle.
        guard state.waiting.isEmpty, !self.isAnyDueToBeReplaced(state) else { return }
        let idle = state.resources.count { $0.isIdle }
        self.expect(
            idle + connecting <= self.configuration.minimumIdle,
            "a connect beside \(idle) idle and \(connecting - 1) connecting on loop \(loop), and nobody waits")
    }

    private func isAnyDueToBeReplaced(_ state: SimulatedLoopState) -> Bool {
        guard let lifetime = self.configuration.maximumLifetime else { return false }
        let least = TimeAmount.nanoseconds(Int64(Double(lifetime.nanoseconds) * (1 - self.configuration.lifetimeJitter)))
        return state.resources.contains { $0.phase == .open && $0.establishedAt + least <= self.now }
    }
}
