import Runtime

/// Takes backtraces of leases, of some or of all.
@usableFromInline
struct LeaseTracer {
    private let interval: Int
    private var untilNext: Int
    private var backtraces: [Int32: Backtrace] = [:]

    init(_ level: LeakDetection.Level) {
        switch level {
        case .off, .site: self.interval = 0
        case .backtrace(let oneIn): self.interval = max(1, oneIn)
        case .every: self.interval = 1
        }
        self.untilNext = self.interval
    }

    var isTracing: Bool { self.interval > 0 }

    /// - Returns: whether this lease got one.
    mutating func trace(_ slot: Int32) -> Bool {
        self.untilNext -= 1
        guard self.untilNext <= 0 else { return false }
        self.untilNext = self.interval
        self.backtraces[slot] = try? Backtrace.capture(limit: 32, offset: 2)
        return self.backtraces[slot] != nil
    }

    /// Resolves the names, which is slow: for reports only.
    func backtrace(of slot: Int32) -> String? {
        guard let backtrace = self.backtraces[slot] else { return nil }
        return backtrace.symbolicated()?.description ?? backtrace.description
    }

    mutating func forget(_ slot: Int32) {
        self.backtraces[slot] = nil
    }
}
