import NIOCore
import WeirCore

@testable import WeirPool

extension SplitMix64 {
    mutating func chance(_ percent: Int) -> Bool { self.below(100) < percent }
    mutating func below(_ bound: Int) -> Int { Int(self.next() >> 33) % bound }
    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + self.below(range.count) }
    mutating func milliseconds(_ range: ClosedRange<Int>) -> TimeAmount {
        .microseconds(Int64(self.within((range.lowerBound * 1000)...(range.upperBound * 1000))))
    }
}

/// What one seed stands for: the number of loops and the configuration of the pool, small in every respect so that everything happens.
struct SimulationPlan: CustomStringConvertible {
    let loops: Int
    let configuration: PoolConfiguration
    /// Messages between loops overtake each other.
    let messagesOvertake: Bool
    /// In percent: asking weighs so much among what users do.
    let demand: Int
    /// The chance of each callback to do something itself.
    let busyCallbacks: Int

    init(using random: inout SplitMix64) {
        self.loops = random.chance(35) ? 1 : random.within(2...4)
        self.messagesOvertake = random.chance(50)
        self.demand = random.within(20...60)
        self.busyCallbacks = random.chance(50) ? 0 : random.within(5...40)
        let maximum = self.loops + (random.chance(20) ? 0 : random.within(0...8))
        var configuration = PoolConfiguration(maximum: maximum, size: random.within(1...6))
        configuration.overflow = random.chance(60) ? 0 : random.within(1...3)
        configuration.minimumIdle = random.chance(50) ? 0 : random.within(0...configuration.size)
        configuration.maximumWaiters = random.chance(10) ? 0 : random.chance(50) ? random.within(1...6) : 100
        configuration.acquireTimeout = random.chance(30) ? .seconds(30) : random.milliseconds(1...200)
        configuration.maximumConcurrentConnects = random.within(1...6)
        configuration.connectTimeout = random.milliseconds(3...80)
        configuration.backoff = Backoff(
            initial: random.milliseconds(1...10), maximum: random.milliseconds(20...100), multiplier: 2, jitter: .equal)
        configuration.circuitThreshold = random.within(1...5)
        configuration.idleTimeout = random.chance(25) ? nil : random.milliseconds(20...400)
        configuration.maximumLifetime = random.chance(25) ? nil : random.milliseconds(30...1500)
        configuration.lifetimeJitter = random.chance(50) ? 0 : 0.5
        configuration.keepAlive = random.chance(60) ? nil : random.milliseconds(30...200)
        configuration.validateAfterIdle = random.chance(30) ? nil : random.milliseconds(1...60)
        configuration.validationTimeout = random.milliseconds(3...60)
        configuration.closeTimeout = random.milliseconds(3...60)
        configuration.overload =
            random.chance(50) ? nil : OverloadPolicy(target: random.milliseconds(1...10), interval: random.milliseconds(5...50))
        configuration.leakDetection = LeakDetection(level: random.chance(30) ? .off : .site, threshold: random.milliseconds(20...300))
        self.configuration = configuration
    }

    /// What a loop may hold at most.
    var hardLimit: Int { min(self.configuration.size + self.configuration.overflow, self.configuration.maximum) }

    var description: String {
        let it = self.configuration
        func text(_ time: TimeAmount?) -> String { time.map { "\(Double($0.nanoseconds) / 1e6)ms" } ?? "never" }
        return """
            loops \(self.loops), maximum \(it.maximum), size \(it.size), overflow \(it.overflow), minimumIdle \(it.minimumIdle), \
            maximumWaiters \(it.maximumWaiters), acquireTimeout \(text(it.acquireTimeout)), concurrent connects \
            \(it.maximumConcurrentConnects), connectTimeout \(text(it.connectTimeout)), circuitThreshold \(it.circuitThreshold), \
            idleTimeout \(text(it.idleTimeout)), maximumLifetime \(text(it.maximumLifetime)) jitter \(it.lifetimeJitter), \
            keepAlive \(text(it.keepAlive)), validateAfterIdle \(text(it.validateAfterIdle)), \
            validationTimeout \(text(it.validationTimeout)), closeTimeout \(text(it.closeTimeout)), \
            overload \(it.overload.map { "\(text($0.target)) in \(text($0.interval))" } ?? "off"), \
            leaks \(it.leakDetection.level) \(text(it.leakDetection.threshold)), messages \(self.messagesOvertake ? "overtake" : "in order"), \
            demand \(self.demand), busy callbacks \(self.busyCallbacks)
            """
    }
}

/// What happened last, cheap to keep.
struct SimulationLog {
    struct Entry {
        let event: Int
        let time: NIODeadline
        let loop: Int
        let what: StaticString
        let first: Int
        let second: Int
    }

    private var entries: [Entry] = []
    private var next = 0
    private let capacity = 80

    mutating func add(_ entry: Entry) {
        if self.entries.count < self.capacity { self.entries.append(entry) } else { self.entries[self.next] = entry }
        self.next = (self.next + 1) % self.capacity
    }

    var text: String {
        (self.entries[min(self.next, self.entries.count)...] + self.entries[..<min(self.next, self.entries.count)]).map {
            "  #\($0.event) \(Double($0.time.uptimeNanoseconds) / 1e6)ms loop \($0.loop): \($0.what) \($0.first)"
                + ($0.second >= 0 ? " \($0.second)" : "")
        }.joined(separator: "\n")
    }
}
