/// The buckets of our log-linear histograms: 16 to each power of two, over all of `UInt64`.
///
/// Values up to 31 have buckets of their own. Above, the bucket of a value whose top bit is bit `e` is 2^(e-4) wide, and is
/// reported as its midpoint, which is less than half a width from any value in it: a relative error below 1/32 (3.125 %).
/// The scheme is that of HdrHistogram with a fixed count of sub-buckets.
@usableFromInline enum HistogramBuckets {
    @usableFromInline static var subBucketBits: UInt64 { 4 }

    /// 16 for values below 16, and 16 for each of the 60 powers of two from 2^4.
    static let count = 16 + 60 * 16

    /// The bucket of a value. No branch: values below 16 take the shift of 16, which is none.
    @inlinable @inline(__always)
    static func index(of value: UInt64) -> Int {
        let shift = 59 &- UInt64(truncatingIfNeeded: (value | 16).leadingZeroBitCount)
        return Int(truncatingIfNeeded: (shift &<< Self.subBucketBits) &+ (value &>> shift))
    }

    /// The least value of a bucket.
    static func lowerBound(_ index: Int) -> UInt64 {
        index < 32 ? UInt64(index) : UInt64(16 + index % 16) << Self.shift(index)
    }

    /// The greatest value of a bucket.
    static func upperBound(_ index: Int) -> UInt64 {
        Self.lowerBound(index) + Self.halfOpenWidth(index)
    }

    /// What a bucket's values are reported as.
    static func midpoint(_ index: Int) -> UInt64 {
        Self.lowerBound(index) + Self.halfOpenWidth(index) / 2
    }

    private static func shift(_ index: Int) -> UInt64 { UInt64(index / 16 - 1) }

    /// The width less one: the last bucket's upper bound is `UInt64.max`, so the width itself must not be added.
    private static func halfOpenWidth(_ index: Int) -> UInt64 {
        index < 32 ? 0 : (1 << Self.shift(index)) - 1
    }
}

/// Where a histogram's parts are in a lane.
@usableFromInline enum HistogramLayout {
    /// The sum's lower and upper 64 bits.
    @usableFromInline static var sumLow: Int { 0 }
    @usableFromInline static var sumHigh: Int { 1 }
    @usableFromInline static var maximum: Int { 2 }
    @usableFromInline static var firstBucket: Int { 8 }
    static let cellsPerLane = 8 + HistogramBuckets.count
}
