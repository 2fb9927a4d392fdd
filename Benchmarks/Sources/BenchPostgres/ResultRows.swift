import Measuring
import NIOCore
import WeirPostgres
import WeirPostgresWire

let resultRows: [Row] = [
    (
        "rows",
        { sampler in
            try withPostgres { postgres, loop in
                let results = try loop.submit { NIOLoopBound(Results(postgres[loop]), eventLoop: loop) }.wait()
                try sampler.measureProcess(perOperation: ManyRows.count) { operations in
                    try loop.flatSubmit { results.value.run(operations) }.wait()
                }
            }
        }
    ),
    (
        "decode-row",
        { sampler in
            try withPostgres { postgres, loop in
                let rows = try loop.flatSubmit { postgres[loop].query(PostgresQuery(sql: ManyRows.sql + " limit 1000")) }.wait().rows
                sampler.measure { operations in
                    var sum: UInt64 = 0
                    var left = operations
                    while left > 0 {
                        // Neither retained nor released by the way.
                        rows.withUnsafeBufferPointer { rows in
                            for index in rows.indices { sum &+= ManyRows.decode(rows[index]) }
                        }
                        left -= rows.count
                    }
                    keep(sum)
                }
            }
        }
    ),
]

/// Rows of the types that the issue names.
enum ManyRows {
    static let sql = "select a, b, c, d, e from weir_bench_rows"
    static let count = 100_000

    /// Each column as its Swift type; nothing of them is left unlooked at.
    @inline(__always)
    static func decode(_ row: PostgresRow) -> UInt64 {
        guard let (a, b, c, d, e) = try? row.decode(Int32.self, Int64.self, String.self, Double.self, PostgresInstant.self) else {
            fatalError("a row that cannot be decoded")
        }
        let sum = UInt64(truncatingIfNeeded: a) &+ UInt64(truncatingIfNeeded: b) &+ UInt64(c.utf8.count)
        return sum &+ d.bitPattern &+ UInt64(truncatingIfNeeded: e.microsecondsSince2000 ?? 0)
    }
}

/// Asks for all of them again and again.
private final class Results: PostgresReceiver {
    private let postgres: LocalPostgres
    private var toCome = 0
    private var rows = 0
    private var sum: UInt64 = 0
    private var promise: EventLoopPromise<Void>?

    init(_ postgres: LocalPostgres) { self.postgres = postgres }

    func run(_ operations: Int) -> EventLoopFuture<Void> {
        let promise = self.postgres.loop.makePromise(of: Void.self)
        self.promise = promise
        self.toCome = operations
        self.ask()
        return promise.futureResult
    }

    private func ask() {
        self.rows = 0
        self.postgres.send(ManyRows.sql, to: self)
    }

    func postgresRow(_ row: PostgresRow, tag: UInt64) {
        self.rows += 1
        self.sum &+= ManyRows.decode(row)
    }

    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        guard self.rows == ManyRows.count else { fatalError("not the rows that were asked for") }
        keep(self.sum)
        self.toCome -= 1
        if self.toCome > 0 { self.ask() } else { self.promise.take()?.succeed() }
    }

    func postgresFailed(_ error: PostgresError, tag: UInt64) { self.promise.take()?.fail(error) }
}
