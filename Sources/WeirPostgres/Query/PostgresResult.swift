public import WeirPostgresWire

/// A result that was collected.
public struct PostgresResult: Sendable, RandomAccessCollection {
    /// Its rows, in their order.
    public let rows: [PostgresRow]
    /// What the statement did: `SELECT 3`, `UPDATE 1`.
    public let command: PostgresCommandTag

    /// How many rows were returned, changed, inserted or deleted; nil if the command does not say.
    public var affectedRows: UInt64? { self.command.affectedRows }
    public var startIndex: Int { 0 }
    public var endIndex: Int { self.rows.count }
    public subscript(index: Int) -> PostgresRow { self.rows[index] }
}

/// Collects a result within limits.
final class PostgresCollector: PostgresReceiver {
    struct Limits {
        var rows: Int
        var bytes: Int
        static var unlimited: Limits { Limits(rows: .max, bytes: .max) }
    }

    private var rows: [PostgresRow] = []
    private var bytes = 0
    private let limits: Limits
    private var isTooLarge = false
    private let whenDone: (Result<PostgresResult, PostgresError>) -> Void

    init(limits: Limits, _ whenDone: @escaping (Result<PostgresResult, PostgresError>) -> Void) {
        self.limits = limits
        self.whenDone = whenDone
    }

    func postgresRow(_ row: PostgresRow, tag: UInt64) {
        guard !self.isTooLarge else { return }
        self.bytes += row.byteCount
        guard self.rows.count < self.limits.rows, self.bytes <= self.limits.bytes else {
            self.isTooLarge = true
            self.rows = []
            return
        }
        self.rows.append(row)
    }

    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        guard !self.isTooLarge else {
            return self.whenDone(.failure(PostgresError(.resultTooLarge, "the result is larger than may be collected", mayHaveRun: true)))
        }
        self.whenDone(.success(PostgresResult(rows: self.rows, command: command)))
    }

    func postgresFailed(_ error: PostgresError, tag: UInt64) { self.whenDone(.failure(error)) }
}

extension PostgresConfiguration {
    var collectorLimits: PostgresCollector.Limits {
        PostgresCollector.Limits(rows: self.maximumCollectedRows, bytes: self.maximumCollectedBytes)
    }
}
