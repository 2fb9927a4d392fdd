import Measuring
import NIOCore
import StubPool
import WeirPool

let leaseRows: [Row] = [
    (
        "lease-return",
        { sampler in
            try withLoops(1) { group in
                try withStubPool(group, size: 32) { pool in
                    let loop = group.any()
                    try loop.submit { sampler.measure { leaseAndReturn(pool[loop], $0) } }.wait()
                }
            }
        }
    ),
    // Time per operation of either loop: half of what each loop takes for one of its own, both busy at once. In turn with a pool of
    // one loop, which shares nothing.
    (
        "lease-return-two-loops",
        { sampler in
            try withLoops(1) { alone in
                try withLoops(2) { group in
                    try withStubPool(alone, size: 32) { single in
                        try withStubPool(group, size: 32) { pool in
                            try sampler.measureInTurn(
                                { operations in
                                    let spent = try timeTogether(group) { loop in leaseAndReturn(pool[loop], operations) }
                                    return .nanoseconds(spent.nanoseconds / 2)
                                }, beside: "one-loop",
                                { operations in try timeTogether(alone) { loop in leaseAndReturn(single[loop], operations) } })
                        }
                    }
                }
            }
        }
    ),
]

@inline(never)
private func leaseAndReturn(_ pool: LocalPool<StubResource>, _ operations: Int) {
    for _ in 0..<operations {
        guard let lease = pool.tryLease() else { fatalError("the pool is empty") }
        lease.release()
    }
}
