import Measuring
import NIOCore
import WeirPool
import WeirPostgres
import WeirPostgresWire

let postgresScenarios: [Scenario] = [
    // Many chains of prepared queries over a loop's shared connections, each asked when the one before it has ended.
    (
        "postgres-query",
        { operations, marks in
            guard let text = environment("WEIR_POSTGRES_URL") else { fatalError("WEIR_POSTGRES_URL names no Postgres") }
            var url = try PostgresURL(text)
            url.tlsMode = .disable
            let server = url
            try withLoops(1) { group in
                let postgres = PostgresPool(url: server, group: group, pool: PoolConfiguration(maximum: 16, size: 16))
                defer { try? postgres.shutdown(deadline: .now() + .seconds(1)).wait() }
                let loop = group.any()
                let queries = try loop.submit { NIOLoopBound(Queries(postgres[loop]), eventLoop: loop) }.wait()
                // Buffers of the socket find their size within some passes.
                try loop.flatSubmit { queries.value.run(warmUp * 10, Marks(begin: {}, end: {})) }.wait()
                try loop.flatSubmit { queries.value.run(operations, marks) }.wait()
            }
        }
    )
]

private final class Queries: PostgresReceiver {
    private static let chains = 32

    private let postgres: LocalPostgres
    private var toAsk = 0
    private var toCome = 0
    private var marks: Marks?
    private var promise: EventLoopPromise<Void>?

    init(_ postgres: LocalPostgres) { self.postgres = postgres }

    func run(_ operations: Int, _ marks: Marks) -> EventLoopFuture<Void> {
        let promise = self.postgres.loop.makePromise(of: Void.self)
        self.promise = promise
        self.marks = marks
        self.toAsk = operations
        self.toCome = operations
        marks.begin()
        for _ in 0..<min(Self.chains, operations) { self.ask() }
        return promise.futureResult
    }

    private func ask() {
        self.toAsk -= 1
        let id = Int32(self.toAsk % 1000 + 1)
        self.postgres.send("select number, name from weir_bench_one where id = $1", id, tag: UInt64(id), to: self)
    }

    func postgresRow(_ row: PostgresRow, tag: UInt64) {
        guard let (number, name) = try? row.decode(Int64.self, String.self), number == Int64(tag) * 1_000_003, !name.isEmpty else {
            fatalError("another's row")
        }
    }

    func postgresCompleted(_ command: PostgresCommandTag, tag: UInt64) {
        self.toCome -= 1
        if self.toAsk > 0 { return self.ask() }
        guard self.toCome == 0 else { return }
        self.marks.take()?.end()
        self.promise.take()?.succeed()
    }

    func postgresFailed(_ error: PostgresError, tag: UInt64) { self.promise.take()?.fail(error) }
}
