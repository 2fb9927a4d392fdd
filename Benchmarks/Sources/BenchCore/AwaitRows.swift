import Measuring
import NIOCore
import WeirCore

// One await: a promise of the loop, completed by the loop in its next round, awaited from a task. The code is the same for both
// executors.
let awaitRows: [Row] = [
    (
        "await-on-loop",
        { sampler in
            try withLoops(1) { group in
                let loop = group.any()
                try sampler.measureSelfTimed { operations in
                    try loop.makeFutureWithTask(on: loop.weirExecutor) { try await awaits(loop, operations) }.wait()
                }
            }
        }
    ),
    (
        "await-on-loop:default-executor",
        { sampler in
            try withLoops(1) { group in
                let loop = group.any()
                try sampler.measureSelfTimed { operations in
                    try loop.makeFutureWithTask(on: nil) { try await awaits(loop, operations) }.wait()
                }
            }
        }
    ),
]

@inline(never)
private func awaits(_ loop: any EventLoop, _ operations: Int) async throws -> TimeAmount {
    let start = NIODeadline.now()
    for _ in 0..<operations {
        let promise = loop.makePromise(of: Void.self)
        loop.execute { promise.succeed() }
        try await promise.futureResult.get()
    }
    return NIODeadline.now() - start
}
