import NIOCore

/// How long to wait before trying again: exponential, capped, with jitter.
///
/// Pure: no clock, no randomness of its own, so that a test knows what comes. Keep one per thing that fails, ask ``next(using:)``
/// after each failure, ``reset()`` after a success.
///
/// The kinds of jitter are those of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
public struct Backoff: Sendable {
    /// How the delay of an attempt is spread, so that those who failed together do not come back together.
    public enum Jitter: Sendable, Hashable {
        /// The exponential delay itself.
        case none
        /// Anything from nothing to the exponential delay. Spreads best.
        case full
        /// Half of the exponential delay, and anything up to the other half.
        case equal
        /// Anything from the initial delay to three times the delay before.
        case decorrelated
    }

    /// The exponential delay of the first attempt.
    public let initial: TimeAmount
    /// No delay is longer.
    public let maximum: TimeAmount
    /// What the exponential delay grows by with each attempt.
    public let multiplier: Double
    /// How it is spread.
    public let jitter: Jitter

    /// How many delays have been taken since the start or the last ``reset()``.
    public private(set) var attempts: Int = 0
    /// The next exponential delay, or with decorrelated jitter the last delay. Nanoseconds, in `1...maximum`.
    private var current: Int64

    /// - Parameters:
    ///   - initial: The exponential delay of the first attempt; more than zero.
    ///   - maximum: The longest delay; at least `initial`.
    ///   - multiplier: Growth with each attempt; at least 1. Not used by decorrelated jitter.
    ///   - jitter: How delays are spread.
    public init(
        initial: TimeAmount = .milliseconds(100),
        maximum: TimeAmount = .seconds(30),
        multiplier: Double = 2,
        jitter: Jitter = .full
    ) {
        precondition(initial > .zero, "Backoff: the initial delay must be more than zero")
        precondition(maximum >= initial, "Backoff: the maximum must not be less than the initial delay")
        precondition(multiplier >= 1 && multiplier.isFinite, "Backoff: the multiplier must be a number of at least 1")
        self.initial = initial
        self.maximum = maximum
        self.multiplier = multiplier
        self.jitter = jitter
        self.current = initial.nanoseconds
    }

    /// The delay before the next attempt, in `0...maximum`.
    ///
    /// - Parameter generator: Where the jitter comes from. Not asked when there is none.
    /// - Complexity: O(1), allocates nothing, overflows never.
    public mutating func next(using generator: inout some RandomNumberGenerator) -> TimeAmount {
        if self.attempts < .max { self.attempts += 1 }
        let delay: Int64
        switch self.jitter {
        case .none:
            delay = self.current
            self.current = self.scaled(self.current, by: self.multiplier)
        case .full:
            delay = Int64.random(in: 0...self.current, using: &generator)
            self.current = self.scaled(self.current, by: self.multiplier)
        case .equal:
            let half = self.current / 2
            delay = self.current - half + Int64.random(in: 0...half, using: &generator)
            self.current = self.scaled(self.current, by: self.multiplier)
        case .decorrelated:
            delay = Int64.random(in: self.initial.nanoseconds...self.scaled(self.current, by: 3), using: &generator)
            self.current = delay
        }
        return .nanoseconds(delay)
    }

    /// As ``next(using:)`` with the system's randomness.
    public mutating func next() -> TimeAmount {
        var generator = SystemRandomNumberGenerator()
        return self.next(using: &generator)
    }

    /// The next delay is that of a first attempt.
    public mutating func reset() {
        self.attempts = 0
        self.current = self.initial.nanoseconds
    }

    private func scaled(_ nanoseconds: Int64, by factor: Double) -> Int64 {
        let product = Double(nanoseconds) * factor
        // Doubles near Int64.max round up to 2^63, which is no Int64: compare before converting.
        return product < Double(self.maximum.nanoseconds) ? Int64(product) : self.maximum.nanoseconds
    }
}
