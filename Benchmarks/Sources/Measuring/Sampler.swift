public import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Times a body and prints what dev/bench reads: lines `SAMPLE <row> <value> <unit>`.
public struct Sampler: Sendable {
    /// The row the samples are of.
    public let row: String
    /// A sample shorter than this tells more of the clock and of the scheduler than of the body.
    public static var minimumSample: TimeAmount { .milliseconds(200) }
    /// How many samples a run prints, after the warm-up.
    public static var samples: Int { 3 }
    /// How many of each when two bodies are timed in turn: what is left of a ratio near 1 is the scatter of its medians.
    public static var samplesInTurn: Int { 15 }

    public init(row: String) { self.row = row }

    /// Nanoseconds per operation of `body`, which performs as many operations as it is told.
    ///
    /// Counts processor time, so the body must not wait. The warm-up is the search for a number of operations that fills a sample.
    public func measure(_ body: (_ operations: Int) throws -> Void) rethrows {
        var operations = 64
        while true {
            let spent = try time { try body(operations) }
            if spent >= Self.minimumSample { break }
            operations = Self.grown(operations, spent: spent)
        }
        for _ in 0..<Self.samples {
            let spent = try time { try body(operations) }
            self.report(nanoseconds: spent, operations: operations)
        }
    }

    /// As ``measure(_:)`` for a body that reports its own time: of several threads, or one that waits.
    public func measureSelfTimed(_ body: (_ operations: Int) throws -> TimeAmount) rethrows {
        var operations = 64
        while true {
            let spent = try body(operations)
            if spent >= Self.minimumSample { break }
            operations = Self.grown(operations, spent: spent)
        }
        for _ in 0..<Self.samples {
            self.report(nanoseconds: try body(operations), operations: operations)
        }
    }

    /// As ``measure(_:)`` in microseconds of the whole process's processor time, for a body that waits for others of its threads.
    ///
    /// - Parameter perOperation: an operation stands for so many of what the row counts.
    public func measureProcess(perOperation: Int = 1, _ body: (_ operations: Int) throws -> Void) rethrows {
        func spent(_ operations: Int) throws -> TimeAmount {
            let start = processorTime(CLOCK_PROCESS_CPUTIME_ID)
            try body(operations)
            return processorTime(CLOCK_PROCESS_CPUTIME_ID) - start
        }
        var operations = max(1, 1024 / perOperation)
        while true {
            let spent = try spent(operations)
            if spent >= Self.minimumSample { break }
            operations = Self.grown(operations, spent: spent)
        }
        for _ in 0..<Self.samples {
            self.report(Double(try spent(operations).nanoseconds) / Double(operations * perOperation) / 1000, unit: "us")
        }
    }

    /// As ``measureSelfTimed(_:)`` for two bodies in turn, a sample of the one after a sample of the other: for a ratio that is near 1,
    /// which what the machine does from one second to the next would hide. The second is printed as the row's peer of that name.
    public func measureInTurn(
        _ body: (_ operations: Int) throws -> TimeAmount, beside peer: String, _ other: (_ operations: Int) throws -> TimeAmount
    ) throws {
        var operations = 64
        while true {
            let spent = min(try body(operations), try other(operations))
            if spent >= Self.minimumSample { break }
            operations = Self.grown(operations, spent: spent)
        }
        let beside = Sampler(row: "\(self.row):\(peer)")
        for _ in 0..<Self.samplesInTurn {
            beside.report(nanoseconds: try other(operations), operations: operations)
            self.report(nanoseconds: try body(operations), operations: operations)
        }
    }

    /// Prints one sample.
    public func report(_ value: Double, unit: String) {
        print("SAMPLE \(self.row) \(value) \(unit)")
    }

    private func report(nanoseconds spent: TimeAmount, operations: Int) {
        self.report(Double(spent.nanoseconds) / Double(operations), unit: "ns")
    }

    /// The next number to try: a tenth more than should do, at most 32 times as many.
    private static func grown(_ operations: Int, spent: TimeAmount) -> Int {
        let factor = Double(Self.minimumSample.nanoseconds) / Double(max(spent.nanoseconds, 1)) * 1.1
        return Int(Double(operations) * min(max(factor, 1.1), 32)) + 1
    }
}

/// The processor time that a body took on this thread: what other programs took from it meanwhile is no part of it, which is what
/// makes a ratio of two such times hold on a machine that is not idle. For a body that never waits it is the time that passed.
@inline(never)
public func time(_ body: () throws -> Void) rethrows -> TimeAmount {
    let start = processorTime(CLOCK_THREAD_CPUTIME_ID)
    try body()
    return processorTime(CLOCK_THREAD_CPUTIME_ID) - start
}

private func processorTime(_ clock: clockid_t) -> TimeAmount {
    var now = timespec()
    clock_gettime(clock, &now)
    return .seconds(Int64(now.tv_sec)) + .nanoseconds(Int64(now.tv_nsec))
}

/// Takes a value where the optimizer cannot see that nothing comes of it.
@inline(never)
@_optimize(none)
public func keep<Value>(_ value: Value) {}
