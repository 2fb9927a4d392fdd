import Atomics
public import NIOCore
import NIOPosix

/// Runs a body on a loop of its own and waits for it: a benchmark's code runs where the code it measures will run.
public func onLoop<Result: Sendable>(_ body: @escaping @Sendable (any EventLoop) throws -> Result) throws -> Result {
    try withLoops(1) { group in
        let loop = group.any()
        return try loop.submit { try body(loop) }.wait()
    }
}

/// Gives the body a group of so many loops and shuts it down after.
public func withLoops<Result>(_ count: Int, _ body: (any EventLoopGroup) throws -> Result) throws -> Result {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    defer { try? group.syncShutdownGracefully() }
    return try body(group)
}

/// Runs a body on the loops of a group one after the other and returns the mean of the processor times.
public func timeInTurn(_ group: any EventLoopGroup, _ body: @escaping @Sendable (any EventLoop) throws -> Void) throws -> TimeAmount {
    let times = try group.makeIterator().map { loop in try loop.submit { try time { try body(loop) } }.wait() }
    return .nanoseconds(times.reduce(0) { $0 + $1.nanoseconds } / Int64(times.count))
}

/// Runs a body on all loops of a group at once and returns the mean of the processor times their bodies took.
///
/// The loops meet at a spinning barrier first, since waking a thread takes longer than a short sample.
public func timeTogether(_ group: any EventLoopGroup, _ body: @escaping @Sendable (any EventLoop) throws -> Void) throws -> TimeAmount {
    let loops = Array(group.makeIterator())
    let arrived = ManagedAtomic<Int>(0)
    let times = try loops.map { loop in
        loop.submit {
            arrived.wrappingIncrement(ordering: .acquiringAndReleasing)
            while arrived.load(ordering: .acquiring) < loops.count {}
            return try time { try body(loop) }
        }
    }.map { try $0.wait() }
    return .nanoseconds(times.reduce(0) { $0 + $1.nanoseconds } / Int64(times.count))
}
