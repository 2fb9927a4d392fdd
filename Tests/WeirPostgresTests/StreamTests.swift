import Foundation
import NIOCore
import Testing
import WeirCore
import WeirPool

@testable import WeirPostgres

/// Rows and copies that are taken as they come, against a real server.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct StreamTests {
    @Test func rowsAreTakenOneByOne() async throws {
        try await withPostgres { local, _ in
            let sum = try await local.withRows("select i from generate_series(1, 100000) i") { rows in
                var sum = 0
                for try await row in rows { sum += try row.decode(Int.self) }
                return sum
            }
            #expect(sum == 100_000 * 100_001 / 2)
        }
    }

    /// A gigabyte waits with the server while its first rows are looked at.
    @Test func aSlowReaderStopsTheSocket() async throws {
        try await withPostgres { local, _ in
            try await local.withRows("select repeat('x', 1000000), i from generate_series(1, 1000) i") { rows in
                var taken = 0
                for try await row in rows {
                    #expect(try row.decode(column: 1, as: Int.self) == taken + 1)
                    taken += 1
                    try await local.loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
                    if taken == 20 { break }
                }
            }
            let resident = try Self.residentBytes()
            #expect(resident < 600 << 20, "\(resident >> 20) MiB")
            // The rest was cancelled, and the connection serves on.
            let next = try await local.withConnection { try await $0.query("select 1") }
            #expect(next.count == 1)
        }
    }

    private static func residentBytes() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
        return Int(pages)! * 4096
    }

    @Test func cursorsFetchSomeAtATime() async throws {
        try await withPostgres { local, _ in
            try await local.withTransaction { transaction in
                let cursor = transaction.cursor("select i from generate_series(1, \(10 as Int32)) i")
                let other = transaction.cursor("select 'x'")
                let first = try await cursor.fetch(4).map { try $0.decode(Int.self) }
                let between = try await transaction.query("select 'between'")[0].decode(String.self)
                let second = try await cursor.fetch(4).map { try $0.decode(Int.self) }
                let only = try await other.fetch(4).map { try $0.decode(String.self) }
                let last = try await cursor.fetch(4).map { try $0.decode(Int.self) }
                let none = try await cursor.fetch(4)
                #expect(first == [1, 2, 3, 4] && second == [5, 6, 7, 8] && last == [9, 10] && none.isEmpty)
                #expect(between == "between" && only == ["x"])
                _ = try await transaction.cursor("select i from generate_series(1, 10) i").fetch(1)
                // Dropped, and closed on the server.
                let open = try await transaction.query("select count(*) from pg_cursors where name like 'p%'")[0].decode(Int.self)
                #expect(open == 0)
            }
        }
    }

    @Test func anErrorComesAfterTheRowsBeforeIt() async throws {
        try await withPostgres { local, _ in
            var seen = 0
            let error = await PostgresError.of {
                try await local.withRows("select 1 / (1000 - i) from generate_series(1, 2000) i") { rows in
                    for try await _ in rows { seen += 1 }
                }
            }
            #expect(error?.sqlState == .divisionByZero)
            #expect(seen == 999)
        }
    }

    /// Rows were asked for: a copy is not taken for none of them, and the server stops it.
    @Test func aCopyThatNobodyTakesIsAnError() async throws {
        try await withPostgres(connections: 1) { local, _ in
            try await local.withConnection { connection in
                let error = await PostgresError.of {
                    _ = try await connection.query("copy (select generate_series(1, 100000000)) to stdout")
                }
                #expect(error?.code == .unexpectedResult)
                let value = try await connection.query("select 1")[0].decode(Int.self)
                #expect(value == 1)
            }
        }
    }

    @Test func copiesGoInAndOut() async throws {
        try await withPostgres(connections: 1) { local, _ in
            try await local.withConnection { connection in
                try await connection.execute("create temp table copied (i int, t text)")
                let rows = try await connection.copyIn("copy copied from stdin") { writer in
                    for start in stride(from: 0, to: 100_000, by: 1000) {
                        var lines = ByteBuffer()
                        for i in start..<(start + 1000) { lines.writeString("\(i)\ttext \(i)\n") }
                        try await writer.write(lines)
                    }
                }
                #expect(rows == 100_000)
                let sum = try await connection.query("select sum(i), count(distinct t) from copied")[0].decode(Int.self, Int.self)
                #expect(sum == (4_999_950_000, 100_000))
                var pieces = 0
                var bytes = 0
                for try await piece in connection.copyOut("copy copied to stdout") {
                    pieces += 1
                    bytes += piece.readableBytes
                }
                #expect(pieces == 100_000 && bytes > 1_000_000)
                for try await _ in connection.copyOut("copy copied to stdout") { break }
                let still = try await connection.query("select count(*) from copied")[0].decode(Int.self)
                #expect(still == 100_000)
            }
        }
    }

    @Test func aCopyThatFailsLeavesNothingAndAConnection() async throws {
        struct Stop: Error {}
        try await withPostgres { local, _ in
            try await local.withConnection { connection in
                try await connection.execute("create temp table copied (i int)")
                await #expect(throws: Stop.self) {
                    try await connection.copyIn("copy copied from stdin") { writer in
                        try await writer.write(ByteBuffer(string: "1\n2\n"))
                        throw Stop()
                    }
                }
                let refused = await PostgresError.of {
                    try await connection.copyIn("copy copied from stdin") { writer in
                        try await writer.write(ByteBuffer(string: "1\nnot a number\n"))
                    }
                }
                #expect(refused?.code == .serverError)
                let none = await PostgresError.of { try await connection.copyIn("select 1") { _ in } }
                #expect(none?.code == .unexpectedResult)
                let during = try await connection.copyIn("copy copied from stdin") { writer in
                    let busy = await PostgresError.of { _ = try await connection.query("select 1") }
                    #expect(busy?.code == .busy)
                    try await writer.write(ByteBuffer(string: "3\n"))
                }
                #expect(during == 1)
                let count = try await connection.query("select count(*) from copied")[0].decode(Int.self)
                #expect(count == 1)
            }
        }
    }

    @Test func notificationsAreHeard() async throws {
        try await withPostgres { local, _ in
            let channel = "Channel \"\(UInt32.random(in: 0 ... .max))\""
            let events = try local.notifications(of: channel).makeAsyncIterator()
            let begun = try await events.next()
            #expect(begun == .listening(mayHaveMissed: false))
            try await local.execute("select pg_notify(\(channel), 'one')")
            guard case .notification(let one)? = try await events.next() else {
                Issue.record("no notification")
                return
            }
            #expect(one.channel == channel && one.payload == "one")
            // Its connection is ended on the server: heard again, with a gap.
            try await local.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and query like \("%" + channel.split(separator: "\"")[1] + "%")"
            )
            let again = try await events.next()
            #expect(again == .listening(mayHaveMissed: true))
            try await local.execute("select pg_notify(\(channel), 'two')")
            guard case .notification(let two)? = try await events.next() else {
                Issue.record("no notification")
                return
            }
            #expect(two.payload == "two")
        }
    }
}
