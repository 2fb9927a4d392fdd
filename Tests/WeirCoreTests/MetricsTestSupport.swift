import NIOCore
import NIOPosix
import WeirCore

extension SplitMix64 {
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
