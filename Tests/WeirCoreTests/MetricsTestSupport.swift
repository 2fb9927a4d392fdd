import NIOCore
import NIOPosix

/// A small seeded generator (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Any size is as likely as any other: a random number of low bits.
    mutating func anyMagnitude() -> UInt64 {
        self.next() >> UInt64.random(in: 0..<64, using: &self)
    }
}

/// Runs `body` with the loops of a group that is gone afterwards.
///
/// Synchronous, and so are the tests that use it: thread sanitizer does not know the concurrency runtime's own synchronization and
/// now and then takes a continuation that a loop resumes for a race.
func withLoops<R>(_ count: Int, _ body: (MultiThreadedEventLoopGroup, [any EventLoop]) throws -> R) throws -> R {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    let result = Result { try body(group, Array(group.makeIterator())) }
    try group.syncShutdownGracefully()
    return try result.get()
}
