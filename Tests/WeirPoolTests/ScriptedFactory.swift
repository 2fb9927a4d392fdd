import NIOCore
import NIOEmbedded
import WeirCore

@testable import WeirPool

/// A resource that only knows its number.
final class FakeResource {
    let number: Int
    let handle: ResourceHandle<FakeResource>
    var isClosed = false

    init(number: Int, handle: ResourceHandle<FakeResource>) {
        self.number = number
        self.handle = handle
    }
}

struct FakeError: Error, Equatable {}

/// Does what the test says: at once by default, or when told.
final class ScriptedFactory: ResourceFactory {
    enum Manner { case atOnce, fail, hold }
    var connects: Manner = .atOnce
    var validates: Manner = .atOnce
    var closes: Manner = .atOnce
    /// With this the connect completes by itself after a while.
    var connectDelay: TimeAmount?

    var opened: [FakeResource] = []
    var connecting: [ResourceHandle<FakeResource>] = []
    var validating: [FakeResource] = []
    var closing: [FakeResource] = []
    var connectCount = 0
    var validateCount = 0

    var open: [FakeResource] { self.opened.filter { !$0.isClosed } }

    func connect(_ handle: ResourceHandle<FakeResource>) {
        self.connectCount += 1
        switch self.connects {
        case .atOnce:
            guard let delay = self.connectDelay else { return self.establish(handle) }
            handle.loop.assumeIsolated().scheduleTask(in: delay) { self.establish(handle) }
        case .fail: handle.connectFailed(FakeError())
        case .hold: self.connecting.append(handle)
        }
    }

    func establish(_ handle: ResourceHandle<FakeResource>) {
        let resource = FakeResource(number: self.opened.count, handle: handle)
        self.opened.append(resource)
        handle.established(resource)
    }

    func validate(_ resource: FakeResource, _ handle: ResourceHandle<FakeResource>) {
        self.validateCount += 1
        switch self.validates {
        case .atOnce: handle.validated(true)
        case .fail: handle.validated(false)
        case .hold: self.validating.append(resource)
        }
    }

    func close(_ resource: FakeResource, _ handle: ResourceHandle<FakeResource>) {
        resource.isClosed = true
        if self.closes == .hold { self.closing.append(resource) } else { handle.closed() }
    }
}

/// What a request got.
final class Outcome: LeaseReceiver {
    typealias Resource = FakeResource
    var lease: Lease<FakeResource>?
    var number: Int?
    var error: PoolError?
    var tag: UInt64?
    var calls = 0

    func leaseGranted(_ lease: consuming Lease<FakeResource>, tag: UInt64) {
        self.number = lease.resource.number
        self.lease = consume lease
        self.tag = tag
        self.calls += 1
    }

    func leaseFailed(_ error: PoolError, tag: UInt64) {
        self.error = error
        self.tag = tag
        self.calls += 1
    }

    func release() { self.lease.take()?.release() }
    func discard() { self.lease.take()?.discard() }
    func drop() { self.lease = nil }
}

/// A pool on an embedded loop, with virtual time.
struct Bench {
    let loop = EmbeddedEventLoop()
    let pool: Pool<FakeResource>
    let local: LocalPool<FakeResource>
    let factory: ScriptedFactory
    let reports = Reports()

    final class Reports: @unchecked Sendable { // One thread: everything here runs on the embedded loop.
        var all: [PoolReport] = []
    }

    init(_ configuration: PoolConfiguration, _ prepare: (ScriptedFactory) -> Void = { _ in }) {
        let factory = ScriptedFactory()
        prepare(factory)
        nonisolated(unsafe) let unsafeFactory = factory // One thread.
        let reports = self.reports
        self.factory = factory
        self.pool = Pool(
            name: "test", group: self.loop, configuration: configuration, report: { reports.all.append($0) },
            makeFactory: { _ in unsafeFactory })
        self.local = self.pool.local(self.loop)
    }

    func ask(owner: Owner = .none, for time: TimeAmount? = nil, tag: UInt64 = 0) -> Outcome {
        let outcome = Outcome()
        self.local.lease(owner: owner, deadline: time.map { self.loop.now + $0 }, tag: tag, to: outcome)
        return outcome
    }

    func isNothingFree() -> Bool {
        guard let lease = self.local.tryLease() else { return true }
        lease.release()
        return false
    }

    func pass(_ time: TimeAmount) { self.loop.advanceTime(by: time) }

    /// Everything closes, nothing is left.
    func end() throws {
        let done = self.pool.shutdown(deadline: self.loop.now)
        self.loop.advanceTime(by: .seconds(60))
        try done.wait()
    }
}
