import NIOCore
import WeirCore

@testable import WeirPool

/// A resource from the first attempt to connect until it is gone, as the world sees it.
final class SimulatedResource {
    enum Phase { case connecting, open, closing, gone }

    let number: Int
    let loop: Int
    let handle: ResourceHandle<SimulatedResource>
    let begunAt: NIODeadline
    var phase = Phase.connecting
    /// Who holds its lease. A lease that was taken away holds nothing.
    weak var holder: SimulatedRequest?
    var abandonedAt: NIODeadline?
    var closeOrderedAt: NIODeadline?
    /// The pool may have written it off: a permit no longer stands behind it.
    var isExcused = false
    var checkStartedAt: NIODeadline?
    var failedCheck = false
    var isEvicted = false
    /// Another one failed a check while this one was idle.
    var mustBeChecked = false
    var establishedAt: NIODeadline = .distantFuture
    /// Connected, checked or returned.
    var provenAt: NIODeadline = .distantPast
    var idleSince: NIODeadline = .distantFuture

    init(number: Int, loop: Int, handle: ResourceHandle<SimulatedResource>, begunAt: NIODeadline) {
        self.begunAt = begunAt
        self.number = number
        self.loop = loop
        self.handle = handle
    }

    var isIdle: Bool { self.phase == .open && self.holder == nil }
}

/// What the backend will report, when its time has come.
struct BackendEvent {
    enum Kind { case established, failed, healthy, unhealthy, closed }
    let kind: Kind
    let resource: SimulatedResource
    let due: NIODeadline
}

/// How the backend of a loop behaves at present, in percent.
struct Weather {
    var connectsFail = 0
    var connectsHang = 0
    var checksFail = 0
    var checksHang = 0
    var closesHang = 0
    var answersAtOnce = 30
    /// Milliseconds until other answers.
    var delay = 3

    static let fine = Weather()

    static func random(using random: inout SplitMix64) -> Weather {
        var weather = Weather()
        switch random.below(8) {
        case 0, 1: break
        case 2: weather.connectsFail = 30
        case 3: (weather.connectsFail, weather.checksFail) = (90, 60)
        // What is idle is in doubt, and new ones can be had.
        case 4, 5: weather.checksFail = 50
        case 6: (weather.connectsHang, weather.checksHang, weather.closesHang) = (60, 60, 60)
        default:
            (weather.connectsFail, weather.connectsHang, weather.checksFail, weather.checksHang, weather.closesHang) = (20, 20, 20, 20, 20)
        }
        weather.answersAtOnce = random.below(100)
        weather.delay = random.chance(50) ? 3 : 100
        return weather
    }
}

/// One loop's factory: hands everything to its simulation, which decides.
final class SimulatedFactory: ResourceFactory {
    unowned let simulation: Simulation
    let loop: Int

    init(simulation: Simulation, loop: Int) {
        self.simulation = simulation
        self.loop = loop
    }

    func connect(_ handle: ResourceHandle<SimulatedResource>) { self.simulation.connect(handle, loop: self.loop) }
    func validate(_ resource: SimulatedResource, _ handle: ResourceHandle<SimulatedResource>) {
        self.simulation.validate(resource, loop: self.loop)
    }
    func close(_ resource: SimulatedResource, _ handle: ResourceHandle<SimulatedResource>) {
        self.simulation.close(resource, loop: self.loop)
    }
}

// MARK: What the pool orders

extension Simulation {
    func connect(_ handle: ResourceHandle<SimulatedResource>, loop: Int) {
        let resource = SimulatedResource(number: self.resourceCount, loop: loop, handle: handle, begunAt: self.now)
        self.resourceCount += 1
        let state = self.loops[loop]
        state.resources.append(resource)
        state.connects += 1
        self.log("connect", loop, resource.number)
        self.checkConnect(loop)
        handle.onAbandon = { [unowned self, unowned resource] in self.abandoned(resource) }
        let weather = state.weather
        if self.random.chance(weather.connectsHang) { return }
        let fails = self.random.chance(weather.connectsFail)
        self.answer(resource, fails ? .failed : .established, weather)
    }

    private func abandoned(_ resource: SimulatedResource) {
        self.log("abandoned", resource.loop, resource.number)
        self.expect(resource.abandonedAt == nil && resource.phase == .connecting, "a connect was abandoned twice or when it was over")
        resource.abandonedAt = self.now
        let state = self.loops[resource.loop]
        // Its connect timeout or the drain.
        if !state.isDraining || resource.begunAt + self.plan.configuration.connectTimeout <= self.now { state.failuresInARow += 1 }
        state.failures += 1
        // An answer that is under way may still come.
        switch self.random.below(10) {
        case 0...3: self.fail(resource)
        case 4...6: self.later(resource, .failed, 60)
        case 7...8: self.later(resource, .established, 60)
        default: break
        }
    }

    func validate(_ resource: SimulatedResource, loop: Int) {
        let state = self.loops[loop]
        self.log("validate", loop, resource.number)
        self.expect(resource.phase == .open && resource.holder == nil, "resource \(resource.number) is checked while leased or not open")
        self.expect(resource.checkStartedAt == nil, "resource \(resource.number) is checked twice at once")
        resource.checkStartedAt = self.now
        state.validations += 1
        let weather = state.weather
        if self.random.chance(weather.checksHang) { return }
        self.answer(resource, self.random.chance(weather.checksFail) ? .unhealthy : .healthy, weather)
    }

    func close(_ resource: SimulatedResource, loop: Int) {
        let state = self.loops[loop]
        self.log("close", loop, resource.number)
        self.expect(resource.phase == .open, "resource \(resource.number) is told to close when it is \(resource.phase)")
        if let holder = resource.holder {
            self.expect(
                holder.isTakenAway || state.isDraining && self.now >= self.drainDeadline,
                "resource \(resource.number) is closed under its holder, request \(holder.number)")
            resource.holder = nil
        }
        // Closed for want of an answer: that makes others suspect.
        if resource.checkStartedAt != nil { state.failedChecks += 1 }
        resource.phase = .closing
        resource.closeOrderedAt = self.now
        let weather = state.weather
        if self.random.chance(weather.closesHang) {
            // It takes longer than anyone waits, and says so at last, perhaps.
            if self.random.chance(50) { self.later(resource, .closed, 200) }
            return
        }
        self.answer(resource, .closed, weather)
    }

    private func answer(_ resource: SimulatedResource, _ kind: BackendEvent.Kind, _ weather: Weather) {
        if self.random.chance(weather.answersAtOnce) {
            self.happen(BackendEvent(kind: kind, resource: resource, due: self.now))
        } else {
            self.later(resource, kind, weather.delay)
        }
    }

    private func later(_ resource: SimulatedResource, _ kind: BackendEvent.Kind, _ milliseconds: Int) {
        let due = self.now + self.random.milliseconds(0...milliseconds)
        self.loops[resource.loop].backend.append(BackendEvent(kind: kind, resource: resource, due: due))
    }

    // MARK: What happens to resources

    /// On the loop of the resource.
    func happen(_ event: BackendEvent) {
        let resource = event.resource
        switch event.kind {
        case .established:
            guard resource.phase == .connecting else { return }
            self.log("established", resource.loop, resource.number)
            let state = self.loops[resource.loop]
            if resource.abandonedAt == nil, !state.resources.contains(where: { $0.phase == .open }) { state.queue.servingSince = self.now }
            resource.phase = .open
            resource.establishedAt = self.now
            resource.provenAt = self.now
            resource.idleSince = self.now
            if resource.abandonedAt == nil {
                self.loops[resource.loop].failuresInARow = 0
            }
            resource.handle.established(resource)
        case .failed:
            guard resource.phase == .connecting else { return }
            self.fail(resource)
        case .healthy, .unhealthy:
            // A resource that went away answers nothing.
            guard resource.phase == .open || resource.phase == .closing, let started = resource.checkStartedAt else { return }
            resource.checkStartedAt = nil
            let healthy = event.kind == .healthy
            self.log(healthy ? "healthy" : "unhealthy", resource.loop, resource.number)
            if resource.phase == .open { self.noteCheck(resource, healthy: healthy, started: started) }
            resource.handle.validated(healthy)
        case .closed:
            guard resource.phase == .closing || resource.phase == .open else { return }
            self.log("gone", resource.loop, resource.number)
            self.remove(resource)
            resource.handle.closed()
            if self.random.chance(5) { resource.handle.closed() }
        }
    }

    private func noteCheck(_ resource: SimulatedResource, healthy: Bool, started: NIODeadline) {
        if healthy {
            resource.mustBeChecked = false
            resource.provenAt = self.now
        } else {
            resource.failedCheck = true
            self.loops[resource.loop].failedChecks += 1
            // Without doubt in time: all that are idle at this moment are older.
            guard self.now < started + self.plan.configuration.validationTimeout else { return }
            for other in self.loops[resource.loop].resources where other.isIdle && other.checkStartedAt == nil {
                other.mustBeChecked = true
            }
        }
    }

    private func fail(_ resource: SimulatedResource) {
        self.log("failed", resource.loop, resource.number)
        if resource.abandonedAt == nil {
            self.loops[resource.loop].failuresInARow += 1
            self.loops[resource.loop].failures += 1
        }
        self.remove(resource)
        resource.handle.connectFailed(FakeError())
    }

    private func remove(_ resource: SimulatedResource) {
        resource.phase = .gone
        let state = self.loops[resource.loop]
        state.resources.removeAll { $0 === resource }
    }
}
