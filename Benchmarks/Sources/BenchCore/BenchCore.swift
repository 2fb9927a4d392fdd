import Measuring

/// `bench-core ROW`, or `bench-core ROW:PEER` for what stands beside it; `bench-core list` names them all.
@main
enum BenchCore {
    static func main() throws {
        let (name, run) = choose("row", from: counterRows + histogramRows + deadlineRows + awaitRows)
        try run(Sampler(row: name))
    }
}

/// A row of the table, or a peer of one.
typealias Row = (name: String, choice: @Sendable (Sampler) throws -> Void)
