import NIOCore
import WeirCore

@testable import WeirPool

/// What the simulation knows of one loop.
final class SimulatedLoopState {
    let index: Int
    var local: LocalPool<SimulatedResource>?
    var account: PermitAccount?
    var context: LoopContext?
    /// Requests that have no answer yet, oldest first.
    var waiting: [SimulatedRequest] = []
    var holding: [SimulatedRequest] = []
    /// Those for which a connect has begun and that are not gone.
    var resources: [SimulatedResource] = []
    var backend: [BackendEvent] = []
    var weather = Weather.fine
    var isSuspended = false
    /// When all that is open was last evicted.
    var evictedAt: NIODeadline = .distantPast
    var queue = StandingQueue()
    /// Who waits longest while another request is made.
    var queueSample: SimulatedRequest?
    /// A request that is being made.
    var asking: SimulatedRequest?
    var failuresInARow = 0
    var failedChecks = 0
    // To compare with the statistics.
    var connects = 0
    var failures = 0
    var validations = 0
    var grants = 0
    var returns = 0
    var drops = 0
    var cancels = 0
    var leaks = 0
    var droppedReports = 0
    var errors: [PoolError.Code: Int] = [:]

    init(_ index: Int) { self.index = index }

    var isDraining: Bool {
        guard let local else { return true }
        return local.machine.pointee.mode == .draining || local.machine.pointee.mode == .closed
    }
}

/// A pool over simulated loops, its users and its backend, all moved by one seed; and an account of what each of them may expect.
final class Simulation {
    let seed: UInt64
    let plan: SimulationPlan
    let clock: SimulatedClock
    let group: SimulatedGroup
    let loops: [SimulatedLoopState]
    var pool: Pool<SimulatedResource>?
    var ledger: PermitLedger?
    var random: SplitMix64
    var logged = SimulationLog()
    /// The first thing that was not as it should be.
    var failure: String?
    var events = 0
    var requestCount = 0
    var resourceCount = 0
    var callbackDepth = 0
    var isResting = false
    var releasesAtOnce = false
    var drainDeadline: NIODeadline = .distantFuture
    /// A circuit was said to be open: nothing else may be, by the end of the pass.
    var mustBeDown: NIODeadline?
    /// To have an answer by the end of the pass.
    var mustBeAnswered: [SimulatedRequest] = []

    var now: NIODeadline { self.clock.now }
    var isInCallback: Bool { self.callbackDepth > 0 }

    init(seed: UInt64) {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        self.plan = SimulationPlan(using: &random)
        self.random = random
        self.clock = SimulatedClock(now: .uptimeNanoseconds(1_000_000_000))
        self.group = SimulatedGroup(count: self.plan.loops, clock: self.clock)
        self.loops = (0..<self.plan.loops).map(SimulatedLoopState.init)
        // One thread.
        nonisolated(unsafe) unowned let me = self
        self.pool = Pool(
            name: "simulated", group: self.group, configuration: self.plan.configuration, report: { me.reported($0) }, seed: seed,
            makeFactory: { loop in SimulatedFactory(simulation: me, loop: me.group.loops.firstIndex { $0 === loop } ?? 0) })
        for state in self.loops { state.weather = .random(using: &self.random) }
    }

    // MARK: Running

    /// - Returns: what went wrong, or nil.
    func run(events limit: Int) -> String? {
        for state in self.loops where self.random.chance(80) { self.make(state) }
        var untilRest = self.random.within(50...800)
        while self.events < limit, self.failure == nil {
            self.step()
            untilRest -= 1
            if untilRest == 0 {
                self.rest()
                untilRest = self.random.within(50...800)
            }
        }
        if self.failure == nil { self.end() }
        return self.failure.map {
            """
            seed \(self.seed), event \(self.events): \($0)
              \(self.plan)
            \(self.logged.text)
            """
        }
    }

    func make(_ state: SimulatedLoopState) {
        guard state.local == nil, let pool = self.pool else { return }
        self.pass(state, alarms: false) {
            let local = pool.local(self.group.loops[state.index])
            state.local = local
            state.account = local.account
            state.context = local.context
            self.ledger = local.account.ledger
        }
    }

    /// One pass of a loop, and a look at everything after it.
    func pass(_ state: SimulatedLoopState, alarms: Bool, _ body: () -> Void) {
        self.events += 1
        self.group.loops[state.index].pass(alarms: alarms, body)
        self.check(state, alarms: alarms)
    }

    func log(_ what: StaticString, _ loop: Int, _ first: Int, _ second: Int = -1) {
        self.logged.add(.init(event: self.events, time: self.now, loop: loop, what: what, first: first, second: second))
    }

    func expect(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
        if !holds, self.failure == nil {
            self.failure = otherwise()
            self.log("FAILURE", -1, 0)
        }
    }

    private func reported(_ report: PoolReport) {
        guard let loop = self.clock.current?.index else { return self.expect(false, "a report off the loops") }
        switch report {
        case .leak(_, let info, _):
            self.loops[loop].leaks += 1
            self.expect(info.heldFor >= self.plan.configuration.leakDetection.threshold, "a leak was reported after \(info.heldFor)")
        case .leakReturned: break
        case .dropped: self.loops[loop].droppedReports += 1
        }
    }

    // MARK: One event

    func step() {
        let state = self.loops[self.random.below(self.loops.count)]
        let choice = self.random.below(100 + self.plan.demand)
        switch choice {
        case 0..<30: self.advanceTime()
        case 30..<45: self.deliverBackendEvent()
        case 45..<55: self.deliverMessage()
        case 55..<63: self.pass(state, alarms: true) {}
        case 63..<90: self.returnSomething()
        case 90..<94: self.cancelSomething()
        case 94..<100: self.doSomethingRare(state)
        default:
            if state.local == nil { self.make(state) }
            self.pass(state, alarms: self.random.chance(30)) { self.ask(state) }
        }
    }

    private func advanceTime() {
        let step: TimeAmount
        switch self.random.below(20) {
        case 0: step = self.random.milliseconds(0...500)
        case 1...4: step = self.random.milliseconds(0...20)
        default: step = self.random.milliseconds(0...2)
        }
        self.clock.now = self.now + step
        // Most loops notice soon.
        for state in self.loops where self.random.chance(50) { self.pass(state, alarms: true) {} }
    }

    @discardableResult
    func deliverBackendEvent() -> Bool {
        let start = self.random.below(self.loops.count)
        for offset in self.loops.indices {
            let state = self.loops[(start + offset) % self.loops.count]
            guard !state.backend.isEmpty else { continue }
            let first = self.random.below(state.backend.count)
            for offset in state.backend.indices {
                let position = (first + offset) % state.backend.count
                guard state.backend[position].due <= self.now else { continue }
                let event = state.backend.remove(at: position)
                self.pass(state, alarms: self.random.chance(30)) { self.happen(event) }
                return true
            }
        }
        return false
    }

    @discardableResult
    func deliverMessage() -> Bool {
        let start = self.random.below(self.loops.count)
        for offset in self.loops.indices {
            let state = self.loops[(start + offset) % self.loops.count]
            let loop = self.group.loops[state.index]
            guard !loop.inbox.isEmpty else { continue }
            let message = loop.takeMessage(self.plan.messagesOvertake ? self.random.below(loop.inbox.count) : 0)
            self.log("message", state.index, loop.inbox.count)
            self.pass(state, alarms: self.random.chance(30)) { message() }
            return true
        }
        return false
    }

    private func returnSomething() {
        let start = self.random.below(self.loops.count)
        for offset in self.loops.indices {
            let state = self.loops[(start + offset) % self.loops.count]
            guard !state.holding.isEmpty else { continue }
            let request = state.holding[self.random.below(state.holding.count)]
            let how: Return = self.random.chance(85) ? .release : self.random.chance(50) ? .discard : .drop
            self.pass(state, alarms: self.random.chance(30)) { self.giveBack(request, how) }
            return
        }
    }

    private func cancelSomething() {
        let state = self.loops[self.random.below(self.loops.count)]
        let candidates = state.waiting + state.holding
        guard !candidates.isEmpty else { return }
        let request = candidates[self.random.below(candidates.count)]
        self.pass(state, alarms: self.random.chance(30)) { self.cancel(request) }
    }

    private func doSomethingRare(_ state: SimulatedLoopState) {
        guard let local = state.local else { return }
        switch self.random.below(20) {
        case 0...7:
            // A resource closes by itself.
            let open = state.resources.filter { $0.phase == .open || $0.phase == .closing }
            guard !open.isEmpty else { return }
            let resource = open[self.random.below(open.count)]
            self.pass(state, alarms: self.random.chance(30)) {
                self.happen(BackendEvent(kind: .closed, resource: resource, due: self.now))
            }
        case 8...9:
            guard !state.isDraining else { return }
            self.pass(state, alarms: false) {
                self.log("suspend", state.index, 0)
                state.isSuspended = true
                local.suspend()
            }
        case 10...12:
            self.pass(state, alarms: false) { self.resume(state) }
        case 13:
            self.pass(state, alarms: false) {
                self.log("evict all", state.index, 0)
                state.evictedAt = self.now
                for resource in state.resources where resource.phase == .connecting { resource.isEvicted = true }
                local.evictAll()
            }
        case 14:
            self.pass(state, alarms: false) { self.releaseAll(state, of: Self.owners[self.random.below(3)]) }
        case 15:
            self.pass(state, alarms: false) { self.checkStatistics(state) }
        default:
            state.weather = .random(using: &self.random)
        }
    }

    func resume(_ state: SimulatedLoopState) {
        self.log("resume", state.index, 0)
        state.isSuspended = false
        state.local?.resume()
    }
}
