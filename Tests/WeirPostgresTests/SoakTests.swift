import Foundation
import NIOCore
import Synchronization
import Testing
import WeirCore
import WeirPool

@testable import WeirPostgres

/// Many who ask at once, with cancels, timeouts and kills: each answer proves whose it is, and nothing is left behind.
///
/// `WEIR_POSTGRES_SOAK=SECONDS` for more than a moment.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct SoakTests {
    final class Tally: Sendable {
        let right = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        let committed = Atomic<Int>(0)
    }

    @Test func eachGetsItsOwnAnswer() async throws {
        let seconds = ProcessInfo.processInfo.environment["WEIR_POSTGRES_SOAK"].flatMap(Double.init) ?? 3
        let seed = UInt64.random(in: 0 ... .max)
        let tally = Tally()
        var configuration = PostgresConfiguration.patient
        configuration.maximumPreparedStatements = 8
        configuration.pipelineDepth = 16
        let name = "soak\(UInt32(truncatingIfNeeded: seed))"
        var url = try TestServer.url
        url.applicationName = name
        let (soaked, limits) = (url, configuration)
        try await withPostgres(connections: 12, configuration: configuration) { control, _ in
            let bound = NIOLoopBound(control, eventLoop: control.loop)
            try await control.execute("create table \(identifier: name) (id bigint)")
            try await withPostgres(soaked, connections: 12, configuration: limits) { _, pool in
                let end = NIODeadline.now() + .nanoseconds(Int64(seconds * 1e9))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (index, loop) in testGroup.makeIterator().enumerated() {
                        for client in 0..<24 {
                            group.addTask(executorPreference: loop.weirExecutor) {
                                var random = SplitMix64(seed: seed &+ UInt64(index * 1000 + client))
                                while NIODeadline.now() < end { await Self.step(pool[loop], name, tally, &random) }
                            }
                        }
                    }
                    group.addTask(executorPreference: bound.eventLoop.weirExecutor) {
                        while NIODeadline.now() < end {
                            try await bound.eventLoop.scheduleTask(in: .milliseconds(100)) {}.futureResult.get()
                            _ = try await bound.value.query(
                                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = \(name) order by random() limit 1"
                            )
                        }
                    }
                    try await group.waitForAll()
                }
                let left = try await bound.eventLoop.flatSubmit {
                    bound.value.query("select count(*) from pg_stat_activity where application_name = \(name) and state like 'idle in%'")
                }.get()[0].decode(Int.self)
                #expect(left == 0)
            }
            // What was said to be committed is there, once; what was rolled back is not.
            let stored = try await control.query(
                "select count(*), count(distinct id), count(*) filter (where id < 0) from \(identifier: name)")
            let (rows, distinct, rolledBack) = try stored[0].decode(Int.self, Int.self, Int.self)
            try await control.execute("drop table \(identifier: name)")
            #expect(rows >= tally.committed.load(ordering: .relaxed) && rows == distinct && rolledBack == 0, "seed \(seed)")
        }
        let (right, wrong, failed) = (
            tally.right.load(ordering: .relaxed), tally.wrong.load(ordering: .relaxed), tally.failed.load(ordering: .relaxed)
        )
        #expect(wrong == 0, "seed \(seed)")
        #expect(right > 0)
        print("postgres soak: \(right) right, \(wrong) wrong, \(failed) failed, \(tally.committed.load(ordering: .relaxed)) committed")
    }

    struct GivenUp: Error {}

    private static func step(_ local: LocalPostgres, _ table: String, _ tally: Tally, _ random: inout SplitMix64) async {
        let mark = Int64(bitPattern: random.next() >> 1)
        let what = random.next() % 100
        let variant = random.next() % 12
        do {
            switch what {
            case 0..<70:
                let row = try await local.query(PostgresQuery(sql: "select $1::int8, \(variant)", mark))[0]
                self.count(try row.decode(Int64.self, Int.self) == (mark, Int(variant)), tally)
            case 70..<78:
                let result = try await local.query("select \(mark), i from generate_series(1, \(Int32(variant * 50))) i")
                let areRight = try result.allSatisfy { try $0.decode(Int64.self) == mark }
                self.count(result.count == Int(variant) * 50 && areRight, tally)
            case 78..<84:
                _ = try await local.query("select pg_sleep(0.05), \(mark)", deadline: .now() + .milliseconds(Int64(variant * 8)))
                self.count(true, tally)
            case 84..<88:
                let loop = local.loop
                let task = Task(executorPreference: loop.weirExecutor) { [bound = NIOLoopBound(local, eventLoop: loop)] in
                    try await bound.value.query("select pg_sleep(0.02), \(mark)")[0].decode(column: 1, as: Int64.self)
                }
                try await loop.scheduleTask(in: .milliseconds(Int64(variant * 3))) {}.futureResult.get()
                task.cancel()
                self.count(try await task.value == mark, tally)
            case 88..<94:
                try await local.withTransaction { transaction in
                    try await transaction.execute("insert into \(identifier: table) values (\(mark))")
                    let seen = try await transaction.query("select id from \(identifier: table) where id = \(mark)")[0].decode(Int64.self)
                    self.count(seen == mark, tally)
                }
                tally.committed.add(1, ordering: .relaxed)
            case 94..<97:
                try await local.withTransaction { transaction in
                    try await transaction.execute("insert into \(identifier: table) values (\(-mark))")
                    throw GivenUp()
                }
            default:
                var seen = 0
                try await local.withRows("select \(mark) from generate_series(1, 2000)") { rows in
                    for try await row in rows {
                        guard try row.decode(Int64.self) == mark else { return self.count(false, tally) }
                        seen += 1
                        if variant < 4, seen == 700 { break }
                    }
                }
                self.count(seen == (variant < 4 ? 700 : 2000), tally)
            }
        } catch is GivenUp {
        } catch let error as PostgresDecodingError {
            Issue.record("\(error)")
        } catch {
            tally.failed.add(1, ordering: .relaxed)
        }
    }

    private static func count(_ isRight: Bool, _ tally: Tally) {
        if isRight { tally.right.add(1, ordering: .relaxed) } else { tally.wrong.add(1, ordering: .relaxed) }
    }
}
