import NIOCore
import WeirCore

extension PoolConfiguration {
    /// Checks that a pool over so many loops can work as configured. For values that come from outside the program: ``Pool`` stops the
    /// process for a configuration that this refuses.
    ///
    /// - Parameter loops: the number of event loops of the pool's group; at least 1.
    /// - Throws: ``PoolConfigurationError``, for the first problem found.
    /// - Complexity: O(1).
    public func validate(loops: Int) throws(PoolConfigurationError) {
        try self.checkBounds(loops: loops)
        if self.minimumIdle > self.maximum / loops {
            throw PoolConfigurationError(
                .maximumTooSmall,
                "maximum is \(self.maximum), too few for \(loops) loops that hold a minimumIdle of \(self.minimumIdle) each")
        }
        if self.maximumWaiters == 0, self.minimumIdle == 0 {
            throw PoolConfigurationError(
                .contradiction, "maximumWaiters and minimumIdle are 0: nothing is ever opened if nobody may wait for it")
        }
    }

    /// What the pool's machine relies on. It works with all that passes this, though perhaps not to anyone's use.
    func checkBounds(loops: Int) throws(PoolConfigurationError) {
        guard loops >= 1 else { throw PoolConfigurationError(.outOfBounds, "loops is \(loops); there must be one at least") }
        try Self.check("maximum", self.maximum, from: 1)
        try Self.check("size", self.size, from: 1)
        try Self.check("overflow", self.overflow, from: 0)
        try Self.check("minimumIdle", self.minimumIdle, from: 0)
        try Self.check("maximumWaiters", self.maximumWaiters, from: 0)
        try Self.check("maximumConcurrentConnects", self.maximumConcurrentConnects, from: 1)
        try Self.check("circuitThreshold", self.circuitThreshold, from: 1)
        if case .backtrace(let oneIn) = self.leakDetection.level { try Self.check("leakDetection.level.backtrace.oneIn", oneIn, from: 1) }
        if self.maximum < loops {
            throw PoolConfigurationError(.maximumTooSmall, "maximum is \(self.maximum), less than the \(loops) loops, which have one each")
        }
        if self.minimumIdle > self.size {
            throw PoolConfigurationError(.contradiction, "minimumIdle is \(self.minimumIdle), more than the size of \(self.size)")
        }
        guard (0...1).contains(self.lifetimeJitter) else {
            throw PoolConfigurationError(.outOfBounds, "lifetimeJitter is \(self.lifetimeJitter); it must be in 0...1")
        }
        try self.checkTimes()
    }

    private func checkTimes() throws(PoolConfigurationError) {
        try Self.check("acquireTimeout", self.acquireTimeout, mayBeZero: true)
        try Self.check("connectTimeout", self.connectTimeout)
        try Self.check("backoff.maximum", self.backoff.maximum)
        try Self.check("idleTimeout", self.idleTimeout)
        try Self.check("maximumLifetime", self.maximumLifetime)
        try Self.check("keepAlive", self.keepAlive)
        try Self.check("validateAfterIdle", self.validateAfterIdle, mayBeZero: true)
        try Self.check("validationTimeout", self.validationTimeout)
        try Self.check("closeTimeout", self.closeTimeout)
        try Self.check("overload.target", self.overload?.target)
        try Self.check("overload.interval", self.overload?.interval)
        try Self.check("leakDetection.threshold", self.leakDetection.threshold)
    }

    private static func check(_ name: String, _ value: Int, from least: Int) throws(PoolConfigurationError) {
        guard value >= least, value <= Self.greatestCount else {
            throw PoolConfigurationError(.outOfBounds, "\(name) is \(value); it must be in \(least)...\(Self.greatestCount)")
        }
    }

    private static func check(_ name: String, _ value: TimeAmount?, mayBeZero: Bool = false) throws(PoolConfigurationError) {
        guard let value else { return }
        guard value > .zero || mayBeZero && value == .zero, value <= Self.greatestTime else {
            let least = mayBeZero ? "at least 0" : "more than 0"
            throw PoolConfigurationError(
                .outOfBounds, "\(name) is \(value.nanoseconds) ns; it must be \(least) and at most \(Self.greatestTime.nanoseconds) ns")
        }
    }

    /// More than any pool has; few enough for sums of them to fit the slots' 32 bits.
    static var greatestCount: Int { 1 << 24 }

    /// Ten years: longer is "never", which is nil. Sums with the time of day stay far from the end of the clock.
    static var greatestTime: TimeAmount { .hours(10 * 365 * 24) }
}
