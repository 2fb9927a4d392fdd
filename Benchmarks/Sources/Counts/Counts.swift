import Measuring

/// `counts SCENARIO N`: runs a scenario's N operations after a warm-up and, when the counting library is preloaded, prints what they
/// asked for. dev/counts runs it with N and 2N and takes the difference. `counts list` names the scenarios.
@main
enum Counts {
    static func main() throws {
        let (_, run) = choose("scenario", from: loopScenarios + coreScenarios + poolScenarios + redisScenarios + postgresScenarios)
        guard let text = CommandLine.arguments.dropFirst(2).first, let operations = Int(text), operations > 0 else {
            usage("counts SCENARIO N: N operations, above 0")
        }
        let counters = PreloadedCounters()
        try run(operations, Marks(begin: { counters?.begin() }, end: { counters?.end() }))
        counters?.report()
    }
}

/// A scenario calls these where its operations begin and end; it warms up before and cleans up after.
struct Marks: @unchecked Sendable {
    // Unchecked because the counters' memory is written by these two alone, one after the other, and read when the scenario is over.
    let begin: () -> Void
    let end: () -> Void
}

/// What is counted, by name.
typealias Scenario = (name: String, choice: @Sendable (_ operations: Int, _ marks: Marks) throws -> Void)

/// How many operations a scenario performs before the count: queues and tables have their size then.
let warmUp = 2000
