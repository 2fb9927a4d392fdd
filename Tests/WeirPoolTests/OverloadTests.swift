import NIOCore
import NIOEmbedded
import Testing

@testable import WeirPool

@Suite final class OverloadTests {
    /// How long those waited who were served.
    private var waits: [TimeAmount] = []

    /// One resource, each use takes 4 ms, and more comes than can be served.
    private func overload(_ policy: OverloadPolicy?, arrivals: Int, every: TimeAmount) throws -> (
        order: [UInt64], shed: [UInt64], bench: Bench
    ) {
        var configuration = PoolConfiguration(maximum: 1)
        configuration.overload = policy
        let bench = Bench(configuration)
        var order: [UInt64] = []
        var shed: [UInt64] = []
        self.waits = []
        for tag in 0..<UInt64(arrivals) {
            let arrival = bench.loop.now
            bench.local.lease { result in
                switch consume result {
                case .success(let lease):
                    order.append(tag)
                    self.waits.append(bench.loop.now - arrival)
                    let box = Outcome()
                    box.lease = consume lease
                    bench.loop.assumeIsolated().scheduleTask(in: .milliseconds(4)) { box.release() }
                case .failure(let error):
                    #expect(error.code == .overloaded)
                    shed.append(tag)
                }
            }
            bench.pass(every)
        }
        bench.pass(.seconds(5))
        return (order, shed, bench)
    }

    @Test func aStandingQueueTurnsAroundAndSheds() throws {
        let (order, shed, bench) = try self.overload(OverloadPolicy(), arrivals: 400, every: .milliseconds(2))
        #expect(order.count + shed.count == 400)
        #expect(!shed.isEmpty)
        // Half of the load can be served, and is.
        #expect(order.count >= 195)
        // First in, first out at first, with a wait that grows; then the newest first, and nobody waits for long.
        #expect(Array(order.prefix(25)) == Array(0..<25))
        #expect(self.waits.max().map { $0 > .milliseconds(50) } == true)
        #expect(self.waits.dropFirst(60).allSatisfy { $0 <= .milliseconds(7) })
        #expect(bench.local.statistics().shed == UInt64(shed.count))
        try bench.end()
    }

    /// Everything that is open hangs: nobody is served, and those who come are not kept for half a minute.
    @Test func aQueueThatStandsStillSheds() throws {
        let bench = Bench(PoolConfiguration(maximum: 1))
        let holder = bench.ask()
        var waiters: [Outcome] = []
        for _ in 0..<150 {
            waiters.append(bench.ask())
            bench.pass(.milliseconds(2))
        }
        bench.pass(.milliseconds(20))
        #expect(waiters.last?.error?.code == .overloaded)
        #expect(waiters.first?.calls == 0)
        holder.release()
        #expect(bench.local.statistics().active <= 1)
        for waiter in waiters { waiter.release() }
        try bench.end()
    }

    @Test func aBurstIsNotOverload() throws {
        let (order, shed, bench) = try self.overload(OverloadPolicy(), arrivals: 20, every: .zero)
        #expect(order == Array(0..<20))
        #expect(shed.isEmpty)
        try bench.end()
    }

    @Test func withoutAPolicyEveryoneWaitsHisTurn() throws {
        let (order, shed, bench) = try self.overload(nil, arrivals: 400, every: .milliseconds(2))
        #expect(order == Array(0..<400))
        #expect(shed.isEmpty)
        try bench.end()
    }

    @Test(arguments: [
        OverloadPolicy(target: .seconds(2), interval: .milliseconds(100)), OverloadPolicy(target: .milliseconds(5), interval: .seconds(10)),
    ])
    func bothBoundsAreAdjustable(generous: OverloadPolicy) throws {
        let (order, shed, bench) = try self.overload(generous, arrivals: 400, every: .milliseconds(2))
        #expect(order == Array(0..<400))
        #expect(shed.isEmpty)
        try bench.end()
    }
}
