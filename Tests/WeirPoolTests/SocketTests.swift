import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import WeirCore

@testable import WeirPool

/// A TCP connection that counts as established once the server has greeted it.
private final class Connection {
    let channel: any Channel
    init(_ channel: any Channel) { self.channel = channel }
}

/// Waits for the greeting, and tells the pool when the channel is gone.
private final class Greeting: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let handle: ResourceHandle<Connection>
    private var isGreeted = false

    init(_ handle: ResourceHandle<Connection>) { self.handle = handle }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isGreeted else { return }
        self.isGreeted = true
        self.handle.established(Connection(context.channel))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.isGreeted { self.handle.closed() } else { self.handle.connectFailed(ChannelError.eof) }
        context.fireChannelInactive()
    }
}

private final class TCPFactory: ResourceFactory {
    enum Target: Sendable { case address(SocketAddress), unresolvable }
    let target: Target
    let open: OpenCount
    init(_ target: Target, _ open: OpenCount) {
        self.target = target
        self.open = open
    }

    func connect(_ handle: ResourceHandle<Connection>) {
        let loop = handle.loop
        let handleBox = NIOLoopBound(handle, eventLoop: loop)
        let open = self.open
        var bootstrap = ClientBootstrap(group: loop).connectTimeout(.seconds(3600)).channelInitializer { channel in
            open.add(1)
            channel.closeFuture.whenComplete { _ in open.add(-1) }
            // From here on, so that a connect that nobody answers ends as well.
            handleBox.value.onAbandon = { channel.close(promise: nil) }
            return channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Greeting(handleBox.value)) }
        }
        let future: EventLoopFuture<any Channel>
        switch self.target {
        case .address(let address): future = bootstrap.connect(to: address)
        case .unresolvable:
            bootstrap = bootstrap.resolver(SilentResolver(loop: loop))
            future = bootstrap.connect(host: "name.invalid", port: 1)
        }
        future.assumeIsolated().whenComplete { result in
            switch result {
            case .success: break
            case .failure(let error): handle.connectFailed(error)
            }
        }
    }

    func close(_ resource: Connection, _ handle: ResourceHandle<Connection>) {
        resource.channel.close(promise: nil)
    }
}

/// Takes any name and never answers, until the connect gives up on it.
private final class SilentResolver: Resolver, Sendable {
    private let promises: (v4: EventLoopPromise<[SocketAddress]>, v6: EventLoopPromise<[SocketAddress]>)
    init(loop: any EventLoop) { self.promises = (loop.makePromise(), loop.makePromise()) }
    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.promises.v4.futureResult }
    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.promises.v6.futureResult }
    func cancelQueries() {
        self.promises.v4.fail(ChannelError.connectTimeout(.zero))
        self.promises.v6.fail(ChannelError.connectTimeout(.zero))
    }
}

/// How a backend fails to answer.
enum Backend: String, CaseIterable {
    case greets, acceptsAndIsSilent, dropsConnects, refuses, neverResolves
}

private final class Server: Sendable {
    let channel: any Channel
    let address: SocketAddress

    init(_ group: any EventLoopGroup, _ backend: Backend, _ open: OpenCount) throws {
        var bootstrap = ServerBootstrap(group: group).childChannelInitializer { child in
            open.add(1)
            child.closeFuture.whenComplete { _ in open.add(-1) }
            if backend == .greets { child.writeAndFlush(ByteBuffer(string: "hi"), promise: nil) }
            return child.eventLoop.makeSucceededVoidFuture()
        }
        if backend == .dropsConnects {
            // Nobody accepts, and the kernel's queue is short: what comes after the first two is dropped.
            bootstrap = bootstrap.serverChannelOption(.backlog, value: 1).serverChannelOption(.autoRead, value: false)
        }
        self.channel = try bootstrap.bind(host: "127.0.0.1", port: 0).wait()
        self.address = try #require(self.channel.localAddress)
        if backend == .refuses { try self.channel.close().wait() }
    }

}

/// Whether all connections end, once both sides' loops have seen to it.
private func areAllClosed(_ open: OpenCount, _ group: any EventLoopGroup) throws -> Bool {
    for _ in 0..<10_000 where open.now > 0 {
        for loop in group.makeIterator() { try loop.submit {}.wait() }
    }
    return open.now == 0
}

@Suite struct SocketTests {
    private func configuration() -> PoolConfiguration {
        var configuration = PoolConfiguration(maximum: 20)
        configuration.maximumWaiters = 2000
        configuration.overload = nil
        configuration.circuitThreshold = 1 << 20
        configuration.connectTimeout = .milliseconds(150)
        configuration.closeTimeout = .milliseconds(150)
        return configuration
    }

    /// Each of 1,000 waiters has a resource or an error by its deadline, whatever the backend does. How late the last one was is printed;
    /// that it is a tick at most is shown on a virtual clock, below, where nothing else runs.
    @Test(arguments: Backend.allCases) func everyoneHasAnAnswer(_ backend: Backend) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let open = OpenCount()
        let server = try Server(group, backend, open)
        let target: TCPFactory.Target = backend == .neverResolves ? .unresolvable : .address(server.address)
        let pool = Pool<Connection>(name: backend.rawValue, group: group, configuration: self.configuration()) { _ in
            TCPFactory(target, open)
        }
        let latest = LockedBox(TimeAmount.zero)
        let answers = try group.makeIterator().flatMap { loop in
            try loop.submit {
                (0..<500).map { number -> EventLoopFuture<Void> in
                    let promise = loop.makePromise(of: Void.self)
                    let deadline = loop.now + .milliseconds(200 + Int64(number) / 2)
                    pool.local(loop).lease(deadline: deadline) { result in
                        let now = loop.now
                        switch consume result {
                        case .success(let lease):
                            let held = Held(lease)
                            loop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { held.release() }
                        case .failure(let error):
                            #expect(error.code == .deadlineExceeded)
                            #expect(now >= deadline)
                        }
                        latest.with { $0 = max($0, now - deadline) }
                        promise.succeed()
                    }
                    return promise.futureResult
                }
            }.wait()
        }
        #expect(answers.count == 1000)
        try EventLoopFuture.andAllSucceed(answers, on: group.next()).wait()
        print("\(backend): the last of 1000 had its answer \(latest.with { $0.nanoseconds / 1000 }) us after its deadline")
        let statistics = try pool.statistics().wait()
        #expect(statistics.leases + statistics.timeouts == 1000)
        // How many are served in time is for the machine to say.
        #expect((statistics.leases > 0) == (backend == .greets))
        try pool.shutdown(deadline: .now() + .seconds(1)).wait()
        #expect(try areAllClosed(open, group))
        try? server.channel.close().wait()
        try group.syncShutdownGracefully()
    }

    @Test func deadlinesAreKeptToTheTick() throws {
        let bench = Bench(self.configuration()) { $0.connects = .hold }
        var late: [TimeAmount] = []
        for number in 0..<1000 {
            let deadline = bench.loop.now + .microseconds(Int64(number) * 137)
            bench.local.lease(deadline: deadline) { result in
                switch consume result {
                case .success: break
                case .failure: late.append(bench.loop.now - deadline)
                }
            }
        }
        for _ in 0..<2000 { bench.pass(.microseconds(100)) }
        #expect(late.count == 1000)
        #expect(late.min().map { $0 >= .zero } == true)
        #expect(late.max().map { $0 <= DeadlineWheel.tick + .microseconds(100) } == true)
        try bench.end()
    }

    /// A drain under load ends by its deadline and leaves no socket, no request and no deadline behind.
    @Test func shutdownClosesEverySocket() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let open = OpenCount()
        let server = try Server(group, .greets, open)
        let pool = Pool<Connection>(name: "drained", group: group, configuration: self.configuration()) { [address = server.address] _ in
            TCPFactory(.address(address), open)
        }
        let ended = LockedBox(0)
        for loop in group.makeIterator() {
            try loop.submit {
                for number in 0..<300 {
                    pool.local(loop).lease { result in
                        ended.with { $0 += 1 }
                        guard case .success(let lease) = consume result else { return }
                        let held = Held(lease)
                        // Some hold on for longer than the drain lasts.
                        loop.assumeIsolated().scheduleTask(in: number % 10 == 0 ? .seconds(2) : .milliseconds(1)) { held.release() }
                    }
                }
            }.wait()
        }
        let first = pool.shutdown(deadline: .now() + .milliseconds(100))
        let second = pool.shutdown(deadline: .now() + .seconds(100))
        try first.wait()
        try second.wait()
        #expect(ended.with { $0 } == 600)
        #expect(try areAllClosed(open, group))
        let loop = group.next()
        let refused: EventLoopFuture<Void> = loop.flatSubmit {
            pool.local(loop).withLease { $0.channel.eventLoop.makeSucceededVoidFuture() }
        }
        #expect(throws: PoolError.self) { try refused.wait() }
        try server.channel.close().wait()
        try group.syncShutdownGracefully()
    }

    /// A connection that the server closes while it is idle is replaced before anybody gets it.
    @Test func aConnectionClosedWhileIdleIsNotHandedOut() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let open = OpenCount()
        let children = LockedBox<[any Channel]>([])
        let server = try ServerBootstrap(group: group).childChannelInitializer { child in
            children.with { $0.append(child) }
            child.writeAndFlush(ByteBuffer(string: "hi"), promise: nil)
            return child.eventLoop.makeSucceededVoidFuture()
        }.bind(host: "127.0.0.1", port: 0).wait()
        let address = server.localAddress!
        let pool = Pool<Connection>(name: "idle", group: group, configuration: self.configuration()) { _ in
            TCPFactory(.address(address), open)
        }
        for round in 1...5 {
            let isActive = try loop.flatSubmit {
                pool.local(loop).withLease { $0.channel.eventLoop.makeSucceededFuture($0.channel.isActive) }
            }.wait()
            #expect(isActive)
            let child = children.with { $0[round - 1] }
            try child.close().wait()
            while try pool.statistics().wait().idle > 0 {}
        }
        try pool.shutdown(deadline: .now()).wait()
        try server.close().wait()
        try group.syncShutdownGracefully()
    }
}

/// Carries a lease into a scheduled task.
private final class Held {
    private var lease: Lease<Connection>?
    init(_ lease: consuming Lease<Connection>) { self.lease = consume lease }
    func release() { self.lease.take()?.release() }
}
