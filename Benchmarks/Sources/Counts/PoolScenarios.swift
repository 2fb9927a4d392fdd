import Measuring
import NIOCore
import StubPool
import WeirCore
import WeirPool

let poolScenarios: [Scenario] = [
    (
        "lease-return",
        { operations, marks in
            try onPool { pool in
                repeated(operations, marks, pool) { $0.tryLease()?.release() }
            }
        }
    ),
    // A receiver that is served at once.
    (
        "lease-receiver",
        { operations, marks in
            try onPool { pool in
                let receiver = Returning()
                repeated(operations, marks, pool) { $0.lease(to: receiver) }
            }
        }
    ),
    // A receiver that waits for the only resource, with its deadline, and gets it when that comes back.
    (
        "lease-waiting-receiver",
        { operations, marks in
            try onPool(size: 1) { pool in
                let receiver = Returning()
                repeated(operations, marks, pool) { pool in
                    let held = pool.tryLease()
                    pool.lease(to: receiver)
                    held?.release()
                }
            }
        }
    ),
    (
        "lease-future",
        { operations, marks in
            try onPool { pool in
                let done = pool.loop.makeSucceededVoidFuture()
                repeated(operations, marks, pool) { keep($0.withLease { _ in done }) }
            }
        }
    ),
    (
        "lease-async",
        { operations, marks in
            try withLoops(1) { group in
                try withStubPool(group, size: 32) { pool in
                    let loop = group.any()
                    try loop.makeFutureWithTask(on: loop.weirExecutor) {
                        try await leases(pool[loop], warmUp)
                        marks.begin()
                        try await leases(pool[loop], operations)
                        marks.end()
                    }.wait()
                }
            }
        }
    ),
]

private func onPool(size: Int = 32, _ body: @escaping @Sendable (LocalPool<StubResource>) -> Void) throws {
    try withLoops(1) { group in
        try withStubPool(group, size: size) { pool in
            let loop = group.any()
            try loop.submit { body(pool[loop]) }.wait()
        }
    }
}

private func leases(_ pool: LocalPool<StubResource>, _ operations: Int) async throws {
    for _ in 0..<operations {
        try await pool.withLease { resource in resource.uses += 1 }
    }
}

/// Gives back what it gets.
private final class Returning: LeaseReceiver {
    func leaseGranted(_ lease: consuming Lease<StubResource>, tag: UInt64) { lease.release() }
    func leaseFailed(_ error: PoolError, tag: UInt64) { fatalError("\(error)") }
}
