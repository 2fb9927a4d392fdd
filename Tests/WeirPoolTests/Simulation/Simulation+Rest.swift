import NIOCore
import WeirCore

@testable import WeirPool

/// What must come of it when nothing disturbs any more.
extension Simulation {
    private var configuration: PoolConfiguration { self.plan.configuration }

    /// Longer than anything that is under way can take when the backend works.
    private var longestWait: TimeAmount {
        let it = self.configuration
        return it.connectTimeout * 2 + it.validationTimeout * 2 + it.closeTimeout * 3 + .milliseconds(100 + 1200)
    }

    /// Lets everything happen that is due, and time pass from one due thing to the next.
    ///
    /// - Returns: whether `isDone` came to hold within `time`.
    @discardableResult
    func settle(_ time: TimeAmount, until isDone: () -> Bool = { false }) -> Bool {
        let end = self.now + time
        var rounds = 0
        while self.failure == nil {
            rounds += 1
            guard rounds < 20_000 else {
                self.expect(false, "the loops go round in circles")
                return false
            }
            while self.failure == nil, self.deliverMessage() || self.deliverBackendEvent() {
                rounds += 1
                guard rounds < 20_000 else { break }
                self.releaseWhileResting()
            }
            for state in self.loops { self.pass(state, alarms: true) {} }
            self.releaseWhileResting()
            if !self.group.loops.allSatisfy(\.isQuiet) { continue }
            if isDone() { return true }
            let due = (self.group.loops.compactMap(\.nextAlarm) + self.loops.flatMap { $0.backend.map(\.due) }).min()
            if self.now >= end { return false }
            self.clock.now = max(self.now, min(end, due ?? end))
        }
        return false
    }

    private func releaseWhileResting() {
        guard self.releasesAtOnce else { return }
        for state in self.loops {
            while let request = state.holding.first { self.pass(state, alarms: false) { self.giveBack(request, .release) } }
        }
    }

    func rest() {
        self.log("REST", -1, 0)
        self.isResting = true
        for state in self.loops {
            state.weather = .fine
            if state.isSuspended { self.pass(state, alarms: false) { self.resume(state) } }
        }
        self.releasesAtOnce = true
        self.settle(self.longestWait)
        for state in self.loops where state.local != nil {
            self.expect(state.waiting.isEmpty, "request \(state.waiting.first?.number ?? -1) waits at rest and nothing is done about it")
            self.pass(state, alarms: false) { self.checkStatistics(state) }
            self.checkIdle(state)
        }
        if self.random.chance(30) { self.restLong() }
        self.releasesAtOnce = false
        if self.random.chance(20) { self.saturate() }
        if self.failure == nil { self.tryOnly() }
        if self.failure == nil { self.probe() }
        for state in self.loops { state.weather = .random(using: &self.random) }
        self.isResting = false
    }

    private func checkIdle(_ state: SimulatedLoopState) {
        let it = self.configuration
        let open = state.resources.count { !$0.isExcused && $0.phase == .open }
        self.expect(open <= it.size, "\(open) resources stay open with a size of \(it.size)")
        // A permit that came free a moment ago is asked for within a second.
        if self.lacksIdle(state) { self.settle(.milliseconds(1200)) { !self.lacksIdle(state) } }
        self.expect(
            !self.lacksIdle(state),
            "\(state.resources.count { $0.isIdle }) are idle at rest instead of \(it.minimumIdle), and a permit is there")
        if let keepAlive = it.keepAlive {
            for resource in state.resources where resource.isIdle && resource.checkStartedAt == nil {
                self.expect(resource.provenAt + keepAlive + Self.tick > self.now, "resource \(resource.number) is idle and not kept alive")
            }
        }
    }

    private func lacksIdle(_ state: SimulatedLoopState) -> Bool {
        guard let ledger, let account = state.account else { return false }
        // One that is being replaced right now is on its way.
        let idle = state.resources.count { $0.isIdle || $0.phase == .connecting && $0.abandonedAt == nil }
        let alive = state.resources.count { !$0.isExcused }
        return idle < self.configuration.minimumIdle && alive < self.configuration.size
            && (ledger.available > 0 || account.held < ledger.floor)
    }

    /// Long enough for idle resources to go and old ones to be replaced.
    private func restLong() {
        let it = self.configuration
        let idle = it.idleTimeout ?? .zero
        let lifetime = it.maximumLifetime ?? .zero
        self.settle(max(idle * 2, lifetime) + self.longestWait)
        for state in self.loops {
            let resources = state.resources.filter(\.isIdle)
            if it.idleTimeout != nil {
                self.expect(resources.count <= it.minimumIdle, "\(resources.count) resources stay idle after the idle timeout")
            }
            guard it.maximumLifetime != nil else { continue }
            // One at a time is replaced, and a new one may need to wait a second for a permit.
            let bound = lifetime + self.longestWait
            for resource in resources {
                self.expect(
                    resource.establishedAt + bound >= self.now,
                    "resource \(resource.number) is idle since \(resource.idleSince) and outlives its lifetime")
            }
        }
    }

    /// Users who never wait find what is idle, at the second try at the latest: the first may be what has it checked.
    private func tryOnly() {
        let state = self.loops[self.random.below(self.loops.count)]
        guard state.local != nil, state.resources.contains(where: \.isIdle) else { return }
        self.pass(state, alarms: false) { self.ask(state, for: .zero, kind: .receiver) }
        self.settle(self.configuration.validationTimeout) { state.resources.allSatisfy { $0.phase != .open || $0.checkStartedAt == nil } }
        if state.holding.isEmpty, state.resources.contains(where: \.isIdle) {
            self.pass(state, alarms: false) { self.ask(state, for: .zero, kind: .receiver) }
            self.expect(!state.holding.isEmpty, "users who do not wait get nothing, and nothing is done about it")
        }
        self.returnAll(state)
    }

    /// A queue that never ends is no reason to use a resource beyond its lifetime.
    private func saturate() {
        guard let lifetime = self.configuration.maximumLifetime, self.configuration.overload == nil, self.configuration.maximumWaiters > 1,
            lifetime <= .milliseconds(500)
        else { return }
        let state = self.loops[self.random.below(self.loops.count)]
        guard state.local != nil else { return }
        self.log("SATURATE", state.index, 0)
        let end = self.now + lifetime + self.longestWait
        while self.now < end, self.failure == nil {
            self.pass(state, alarms: false) {
                let most = min(self.plan.hardLimit, self.configuration.maximumWaiters)
                for _ in min(state.waiting.count, most)..<most where self.failure == nil {
                    self.ask(state, for: .seconds(60), kind: .receiver)
                }
            }
            self.settle(.milliseconds(20))
            for request in state.holding { self.pass(state, alarms: false) { self.giveBack(request, .release) } }
        }
        for resource in state.resources where resource.phase == .open {
            self.expect(
                resource.establishedAt + lifetime + .milliseconds(100) >= self.now,
                "resource \(resource.number) is used beyond its lifetime by a queue")
        }
        self.settle(self.longestWait) {
            self.returnAll(state)
            return state.waiting.isEmpty
        }
        self.returnAll(state)
    }

    private func returnAll(_ state: SimulatedLoopState) {
        while let request = state.holding.first, self.failure == nil {
            self.pass(state, alarms: false) { self.giveBack(request, .release) }
        }
    }

    /// One loop takes as many resources as it may, the others one each: there is a permit for each of them.
    private func probe() {
        guard self.configuration.maximumWaiters > 0 else { return }
        for state in self.loops { self.make(state) }
        let greedy = self.random.below(self.loops.count)
        let most = min(self.plan.hardLimit, self.configuration.maximum - (self.loops.count - 1))
        let atOnce = self.random.chance(50) ? min(most, self.configuration.maximumWaiters) : 1
        self.log("PROBE", greedy, most, atOnce)
        let state = self.loops[greedy]
        var asked = 0
        while asked < most, self.failure == nil {
            let count = min(atOnce, most - asked)
            self.pass(state, alarms: false) { for _ in 0..<count { self.ask(state, for: .seconds(60), kind: .receiver) } }
            asked += count
            let isServed = self.settle(self.longestWait * 4) { state.waiting.isEmpty }
            self.expect(isServed, "loop \(greedy) holds \(state.holding.count) of \(most) and is given no more, while others are idle")
        }
        self.expect(
            state.holding.count == most || self.configuration.overload != nil, "loop \(greedy) got \(state.holding.count) of \(most)")
        for other in self.loops where other !== state && self.failure == nil {
            self.pass(other, alarms: false) { self.ask(other, for: .seconds(60), kind: .receiver) }
        }
        let isServed = self.settle(self.longestWait * 2) { self.loops.allSatisfy { $0.waiting.isEmpty } }
        self.expect(isServed, "a loop does not get the one resource it can always have")
        for state in self.loops {
            while let request = state.holding.first, self.failure == nil {
                self.pass(state, alarms: false) { self.giveBack(request, .release) }
            }
        }
    }

    // MARK: The end

    func end() {
        self.log("END", -1, 0)
        let done = Flag()
        let joined = Flag()
        self.drainDeadline = self.now + (self.random.chance(40) ? .zero : self.random.milliseconds(0...200))
        if self.random.chance(80), let pool = self.pool {
            pool.shutdown(deadline: self.drainDeadline).whenSuccess { done.isRaised = true }
        } else {
            self.drainDeadline = self.now
            self.pool = nil
            done.isRaised = true
        }
        self.adopt()
        for _ in 0..<self.random.within(0...80) where self.failure == nil { self.step() }
        self.isResting = true
        self.adopt()
        self.releasesAtOnce = self.random.chance(50)
        // At the worst a connect is given up at the deadline, answers late and is closed.
        let closings = self.loops.contains { $0.resources.contains { $0.phase == .connecting } || !$0.waiting.isEmpty } ? 2 : 1
        let bound = max(.zero, self.drainDeadline - self.now) + self.configuration.closeTimeout * closings + Self.tick * 8
        self.settle(bound) { done.isRaised && self.loops.allSatisfy { $0.local == nil || $0.local?.machine.pointee.mode == .closed } }
        self.adopt()
        for state in self.loops {
            self.expect(
                state.local == nil || state.local?.machine.pointee.mode == .closed,
                "loop \(state.index) is not closed after the drain's deadline")
            self.expect(state.waiting.isEmpty, "request \(state.waiting.first?.number ?? -1) waits after the end")
        }
        self.expect(done.isRaised, "the shutdown has not completed")
        if let pool = self.pool {
            pool.shutdown(deadline: self.now).whenSuccess { joined.isRaised = true }
            self.releasesAtOnce = true
            self.settle(.milliseconds(1)) { joined.isRaised }
            self.expect(joined.isRaised, "a second shutdown does not complete")
        }
        for state in self.loops {
            while let request = state.holding.first, self.failure == nil {
                self.pass(state, alarms: false) { self.giveBack(request, .release) }
            }
            self.pass(state, alarms: false) { self.checkStatistics(state) }
        }
        if self.failure == nil { self.checkNothingIsLeft() }
    }

    /// Gets hold of the pools that the shutdown itself made.
    private func adopt() {
        self.settleMessages()
        for state in self.loops where state.local == nil && self.pool != nil { self.make(state) }
    }

    private func settleMessages() {
        while self.failure == nil, self.deliverMessage() {}
    }

    private func checkNothingIsLeft() {
        let weakPools = self.loops.map { WeakPool(pool: $0.local) }
        self.pool = nil
        for state in self.loops { self.pass(state, alarms: false) { state.local = nil } }
        // What was abandoned and written off may still answer: it has to be closed all the same.
        self.settle(.seconds(1)) { self.loops.allSatisfy(\.backend.isEmpty) }
        for (state, weakPool) in zip(self.loops, weakPools) {
            self.expect(weakPool.pool == nil, "the pool of loop \(state.index) outlives everything")
            self.expect((state.context?.deadlines.count ?? 0) == 0, "deadlines are pending on loop \(state.index)")
            self.expect((state.account?.held ?? 0) == 0, "loop \(state.index) still holds \(state.account?.held ?? 0) permits")
            for resource in state.resources {
                self.expect(resource.phase != .open, "resource \(resource.number) was never closed")
                self.expect(resource.isExcused, "resource \(resource.number) is \(resource.phase) after the end")
            }
        }
        if let ledger {
            let full = ledger.limit - ledger.loops * ledger.floor
            self.expect(ledger.available == full, "the pot holds \(ledger.available) permits at the end instead of \(full)")
        }
        for state in self.loops { self.pass(state, alarms: false) { state.context = nil } }
        self.settleMessages()
    }
}

/// Sendable: it never leaves the thread of its simulation.
private final class Flag: @unchecked Sendable {
    var isRaised = false
}

private struct WeakPool {
    weak var pool: LocalPool<SimulatedResource>?
}
