import NIOCore
import Testing
import WeirPostgresWire

@testable import WeirPostgres

/// Prepared statements of clients that share server connections: each client sees what it would see without a proxy.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct StatementTests {
    /// Steps of the extended protocol, a word each: `P:name:text`, `B:name`, `E`, `DS:name`, `DP`, `C:name`, `S`, `H`, `Q:text`.
    static func write(_ steps: [String], _ buffer: inout ByteBuffer) throws {
        for step in steps {
            let parts = step.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            switch parts[0] {
            case "P": try buffer.writePostgresParse(statement: parts[1], query: parts[2])
            case "B":
                try buffer.writePostgresBind(
                    statement: parts[1], parameterFormats: [PostgresFormat](), resultFormats: [PostgresFormat]()
                ) { _ in }
            case "E": try buffer.writePostgresExecute()
            case "DS": try buffer.writePostgresDescribe(statement: parts[1])
            case "DP": try buffer.writePostgresDescribe(portal: "")
            case "C": try buffer.writePostgresClose(statement: parts[1])
            case "S": try buffer.writePostgresSync()
            case "H": try buffer.writePostgresFlush()
            case "Q": try buffer.writePostgresQuery(parts[1])
            default: preconditionFailure(step)
            }
        }
    }

    static func run(_ client: RawClient, _ steps: [String]) async throws -> String {
        try await client.send { try Self.write(steps, &$0) }
        // Behind an error a query is skipped, as everything is, and says nothing: so each script ends with a Sync of its own.
        return await client.until("D:end")
    }

    /// A script and what marks its end, which comes whatever happened before.
    static func script(_ steps: [String]) -> [String] { steps + ["S", "Q:rollback", "Q:select 'end'"] }

    @Test func twoClientsMayUseOneNameForTwoThings() async throws {
        try await TestProxy.with { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            #expect(try await Self.run(one, Self.script(["P:s:select 1"])) == "1 Z:I C:ROLLBACK Z:I T D:end")
            #expect(try await Self.run(two, Self.script(["P:s:select 2"])).hasSuffix("1 Z:I C:ROLLBACK Z:I T D:end"))
            for _ in 0..<3 {
                #expect(try await Self.run(one, Self.script(["B:s", "E"])) == "C:SELECT.1 Z:I 2 D:1 C:SELECT.1 Z:I C:ROLLBACK Z:I T D:end")
                #expect(try await Self.run(two, Self.script(["B:s", "E"])) == "C:SELECT.1 Z:I 2 D:2 C:SELECT.1 Z:I C:ROLLBACK Z:I T D:end")
            }
        }
    }

    /// What a client sees does not depend on whether there is a proxy: scripts of random steps, by several clients at a time.
    @Test(arguments: 0..<12) func noClientSeesTheProxy(seed: UInt64) async throws {
        var configuration = PostgresProxyConfiguration()
        // So few that they are driven out in the middle of pipelines.
        configuration.maximumStatementsOfServer = seed % 3 == 0 ? 64 : Int(seed % 3)
        try await TestProxy.with(configuration, connections: Int(1 + seed % 2)) { proxy in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        var random = SeededRandom(seed &* 100 &+ UInt64(number))
                        let direct = try await RawClient.connect(port: TestServer.port, user: "trusted", database: "weir")
                        let through = try await proxy.client()
                        for round in 0..<40 {
                            let steps = Self.script(Self.randomSteps(&random))
                            let expected = try await Self.run(direct, steps)
                            let seen = try await Self.run(through, steps)
                            try #require(seen == expected, "seed \(seed), client \(number), round \(round): \(steps)")
                        }
                        try await through.vanish()
                        try await direct.vanish()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func randomSteps(_ random: inout SeededRandom) -> [String] {
        let names = ["a", "b", "c", "d", ""]
        // No error of syntax: in a failed transaction, of a name that is taken, the server would say that first.
        let texts = ["select 1", "select 2", "select 3", "select nothing", "select 'x' where false", ""]
        return (0..<Int.random(in: 1...14, using: &random)).map { _ in
            let name = names.randomElement(using: &random)!
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<5: return "P:\(name):\(texts.randomElement(using: &random)!)"
            case 5..<9: return "B:\(name)"
            case 9..<12: return "E"
            case 12: return "DS:\(name)"
            case 13: return "DP"
            case 14: return "C:\(name)"
            case 15, 16: return "S"
            case 17: return "H"
            case 18:
                return [
                    "Q:deallocate a", "Q:deallocate all", "Q:discard all", "Q:select 7", "Q:deallocate nothing", "Q:", "Q:select nothing",
                ].randomElement(using: &random)!
            default: return ["Q:begin", "Q:commit", "Q:rollback"].randomElement(using: &random)!
            }
        }
    }

    @Test func whatIsPreparedNowKnowsTheNewTable() async throws {
        try await TestProxy.with { proxy in
            let (one, two) = (try await proxy.client(), try await proxy.client())
            _ = try await one.query("drop table if exists changing; create table changing (a int); insert into changing values (1)")
            _ = try await Self.run(one, Self.script(["P:s:select * from changing", "B:s", "E"]))
            _ = await one.untilReady()
            _ = try await two.query("alter table changing add b int default 2")
            // As without a proxy: who has it prepared is told.
            let old = try await Self.run(one, Self.script(["B:s", "E"]))
            #expect(old == "E:0A000 Z:I C:ROLLBACK Z:I T D:end")
            let new = try await Self.run(two, Self.script(["P:s:select * from changing", "B:s", "E"]))
            #expect(new == "1 2 D:1 C:SELECT.1 Z:I C:ROLLBACK Z:I T D:end")
            _ = await two.untilReady()
            _ = try await two.query("drop table changing")
        }
    }

    @Test func aLongStatementKeepsItsConnection() async throws {
        var configuration = PostgresProxyConfiguration()
        configuration.maximumStatementLength = 2048
        try await TestProxy.with(configuration) { proxy in
            let one = try await proxy.client()
            let text = "select length('\(String(repeating: "x", count: 100_000))')"
            #expect(
                try await Self.run(one, Self.script(["P:s:\(text)", "B:s", "E"])) == "1 2 D:100000 C:SELECT.1 Z:I C:ROLLBACK Z:I T D:end")
            _ = await one.untilReady()
            #expect(try await Self.run(one, Self.script(["B:s", "E"])) == "2 D:100000 C:SELECT.1 Z:I C:ROLLBACK Z:I T D:end")
            try await one.vanish()
            let two = try await proxy.client()
            #expect(try await Self.run(two, Self.script(["B:s", "E"])) == "E:26000 Z:I C:ROLLBACK Z:I T D:end")
        }
    }
}

/// Knuth's multiplier; enough to make cases from a number.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (self.state >> 33) ^ (self.state << 31)
    }
}
