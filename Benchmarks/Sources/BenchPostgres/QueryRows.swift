import Measuring
import NIOCore
import NIOPosix
import WeirCore
import WeirPool
import WeirPostgres
import WeirPostgresWire

/// Queries in flight at once.
private let inFlight = 32

let queryRows: [Row] = chosenRows + connectionRows

/// To choose a default by: so many shared connections.
private let connectionRows: [Row] = [1, 2, 4, 8].map { (count: Int) in
    ("query-in-handler:connections-\(count)", { sampler in try queriesInHandler(sampler, configuration(sharedConnections: count)) })
}

private let chosenRows: [Row] = [
    ("query-in-handler", { sampler in try queriesInHandler(sampler, configuration()) }),
    (
        "query-async",
        { sampler in
            try withPostgres { postgres, loop in
                try sampler.measureProcess { operations in
                    try onTasks(inFlight, loop, loop.weirExecutor) { task in
                        let local = postgres[loop]
                        for index in 0..<(operations / inFlight + 1) {
                            let id = OneRow.id(task + index * inFlight)
                            let rows = try await local.query("select number, name from weir_bench_one where id = \(id)")
                            guard rows.count == 1 else { fatalError("one row was asked for") }
                            OneRow.check(rows[0], id)
                        }
                    }
                }
                try noteConnections(postgres, loop)
            }
        }
    ),
    (
        "query-one-at-a-time",
        { sampler in
            try withPostgres { postgres, loop in
                let single = try loop.submit { NIOLoopBound(SingleQueries(postgres[loop]), eventLoop: loop) }.wait()
                for sample in 0...Sampler.samples {
                    let median = try loop.flatSubmit { single.value.run(for: .milliseconds(500)) }.wait()
                    if sample > 0 { sampler.report(median / 1000, unit: "us") }
                }
            }
        }
    ),
]

private func queriesInHandler(_ sampler: Sampler, _ configuration: PostgresConfiguration) throws {
    try withPostgres(configuration) { postgres, loop in
        let chains = try loop.submit { NIOLoopBound(QueryChains(postgres[loop]), eventLoop: loop) }.wait()
        var rate = 0.0
        try sampler.measureProcess { operations in
            let start = NIODeadline.now()
            try loop.flatSubmit { chains.value.run(operations) }.wait()
            rate = Double(operations) * 1e9 / Double((NIODeadline.now() - start).nanoseconds)
        }
        note("\(Int(rate)) queries/s")
        try noteConnections(postgres, loop)
    }
}

/// What the row is called with in every language.
enum OneRow {
    static let sql = "select number, name from weir_bench_one where id = $1"

    static func id(_ number: Int) -> Int32 { Int32(truncatingIfNeeded: number % 1000 + 1) }

    /// Decodes the row and looks whose it is.
    static func check(_ row: PostgresRow, _ id: Int32) {
        guard let (number, name) = try? row.decode(Int64.self, String.self), number == Int64(id) * 1_000_003, !name.isEmpty else {
            fatalError("another's row")
        }
    }
}

/// Chains of queries, each asked when the one before it has ended.
private final class QueryChains: PostgresReceiver {
    private let postgres: LocalPostgres
    private var asked = 0
    private var toAsk = 0
    private var toCome = 0
    private var promise: EventLoopPromise<Void>?

    init(_ postgres: LocalPostgres) { self.postgres = postgres }

    func run(_ operations: Int) -> EventLoopFuture<Void> {
        let promise = self.postgres.loop.makePromise(of: Void.self)
        self.promise = promise
        self.toAsk = max(operations, inFlight)
        self.toCome = self.toAsk
        for _ in 0..<inFlight { self.ask() }
        return promise.futureResult
    }

    private func ask() {
        self.toAsk -= 1
        self.asked += 1
        let id = OneRow.id(self.asked)
        self.postgres.send(OneRow.sql, id, tag: UInt64(id), to: self)
    }

    func postgresRow(_ row: PostgresRow, tag: UInt64) { OneRow.check(row, Int32(tag)) }

    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        self.toCome -= 1
        if self.toAsk > 0 { self.ask() } else if self.toCome == 0 { self.promise.take()?.succeed() }
    }

    func postgresFailed(_ error: PostgresError, tag: UInt64) { self.promise.take()?.fail(error) }
}

/// One query after the other.
private final class SingleQueries: PostgresReceiver {
    private let postgres: LocalPostgres
    private var begun = NIODeadline.now()
    private var end = NIODeadline.now()
    private var times: [Int64] = []
    private var promise: EventLoopPromise<Double>?

    init(_ postgres: LocalPostgres) { self.postgres = postgres }

    /// The median in nanoseconds.
    func run(for time: TimeAmount) -> EventLoopFuture<Double> {
        let promise = self.postgres.loop.makePromise(of: Double.self)
        self.promise = promise
        self.times.removeAll(keepingCapacity: true)
        self.end = .now() + time
        self.ask()
        return promise.futureResult
    }

    private func ask() {
        self.begun = .now()
        let id = OneRow.id(self.times.count)
        self.postgres.send(OneRow.sql, id, tag: UInt64(id), to: self)
    }

    func postgresRow(_ row: PostgresRow, tag: UInt64) { OneRow.check(row, Int32(tag)) }

    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        let now = NIODeadline.now()
        self.times.append((now - self.begun).nanoseconds)
        guard now >= self.end else { return self.ask() }
        self.times.sort()
        self.promise.take()?.succeed(Double(self.times[self.times.count / 2]))
    }

    func postgresFailed(_ error: PostgresError, tag: UInt64) { self.promise.take()?.fail(error) }
}
