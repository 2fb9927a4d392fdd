import Measuring
import NIOCore
import StubPool
import WeirPool

let spikeRows: [Row] = [
    // HikariCP's spike: 50 requests at once, connecting takes 150 ms, a use 2 ms, minimum idle 5, up to 50: how many connections are
    // opened in all?
    (
        "hikari-spike",
        { sampler in
            try withLoops(1) { group in
                var configuration = PoolConfiguration(maximum: 50)
                configuration.minimumIdle = 5
                try withStubPool(group, configuration, delay: .milliseconds(150)) { pool in
                    let loop = group.any()
                    try pool.warmUp().wait()
                    while try pool.statistics().wait().idle < 5 { try rest(loop, .milliseconds(10)) }
                    try loop.flatSubmit { EventLoopFuture.andAllSucceed(spike(pool[loop], loop), on: loop) }.wait()
                    // What was asked for during the spike has been opened by then.
                    try rest(loop, .seconds(1))
                    sampler.report(Double(try pool.statistics().wait().connects), unit: "connections")
                }
            }
        }
    )
]

private func spike(_ pool: LocalPool<StubResource>, _ loop: any EventLoop) -> [EventLoopFuture<Void>] {
    (0..<50).map { _ in pool.withLease { _ in loop.scheduleTask(in: .milliseconds(2)) {}.futureResult } }
}

private func rest(_ loop: any EventLoop, _ time: TimeAmount) throws {
    try loop.scheduleTask(in: time) {}.futureResult.wait()
}
