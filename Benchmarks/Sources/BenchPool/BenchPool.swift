import Measuring

/// `bench-pool ROW`; `bench-pool list` names them all.
@main
enum BenchPool {
    static func main() throws {
        let (name, run) = choose("row", from: leaseRows + spikeRows)
        try run(Sampler(row: name))
    }
}

/// A row of the table.
typealias Row = (name: String, choice: @Sendable (Sampler) throws -> Void)
