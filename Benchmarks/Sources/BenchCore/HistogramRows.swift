import Measuring
import NIOCore
import WeirCore

let histogramRows: [Row] = [
    (
        "histogram-record",
        { sampler in
            try withLoops(2) { group in
                let histogram = MetricRegistry(group: group).histogram("benchmark_seconds", unit: .nanoseconds)
                let loop = group.next()
                // Latencies from 100 ns to 10 ms, as likely in each decade, so that no single bucket stays hot.
                var generator = SystemRandomNumberGenerator()
                let values = (0..<valueCount).map { _ in latency(using: &generator) }
                try loop.submit { sampler.measure { record(values, in: histogram.local(loop), $0) } }.wait()
            }
        }
    )
]

/// A power of two, so that the index of the next value is an `and`.
private let valueCount = 4096

private func latency(using generator: inout some RandomNumberGenerator) -> UInt64 {
    var value = UInt64.random(in: 100..<1000, using: &generator)
    for _ in 0..<Int.random(in: 0..<5, using: &generator) { value *= 10 }
    return value
}

@inline(never)
private func record(_ values: [UInt64], in histogram: LocalHistogram, _ operations: Int) {
    let mask = values.count - 1
    values.withUnsafeBufferPointer { values in
        for operation in 0..<operations { histogram.record(values[operation & mask]) }
    }
}
