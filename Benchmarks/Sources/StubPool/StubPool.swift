public import NIOCore
public import WeirPool

/// A connection to nothing, which is always well.
public final class StubResource {
    /// How often it was used: a benchmark that touches its resource touches this.
    public var uses = 0
}

/// Opens stubs, each after a delay, or at once.
public final class StubFactory: ResourceFactory {
    private let loop: any EventLoop
    private let delay: TimeAmount

    public init(loop: any EventLoop, delay: TimeAmount = .zero) {
        self.loop = loop
        self.delay = delay
    }

    public func connect(_ handle: ResourceHandle<StubResource>) {
        guard self.delay > .zero else { return handle.established(StubResource()) }
        self.loop.assumeIsolated().scheduleTask(in: self.delay) { handle.established(StubResource()) }
    }

    public func close(_ resource: StubResource, _ handle: ResourceHandle<StubResource>) {
        handle.closed()
    }
}

/// Gives the body a pool with `size` open resources on each loop, and closes it after.
public func withStubPool<Result>(
    _ group: any EventLoopGroup, size: Int, _ body: (Pool<StubResource>) throws -> Result
) throws -> Result {
    let loops = group.makeIterator().reduce(0) { count, _ in count + 1 }
    var configuration = PoolConfiguration(maximum: size * loops, size: size)
    configuration.minimumIdle = size
    configuration.maximumConcurrentConnects = size
    return try withStubPool(group, configuration) { pool in
        try pool.warmUp().wait()
        return try body(pool)
    }
}

/// Gives the body a pool, whose resources take `delay` to open, and closes it after.
public func withStubPool<Result>(
    _ group: any EventLoopGroup, _ configuration: PoolConfiguration, delay: TimeAmount = .zero,
    _ body: (Pool<StubResource>) throws -> Result
) throws -> Result {
    let pool = Pool(name: "stub", group: group, configuration: configuration) { StubFactory(loop: $0, delay: delay) }
    defer { try? pool.shutdown(deadline: .now() + .seconds(5)).wait() }
    return try body(pool)
}
