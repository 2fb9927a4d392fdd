import Measuring

/// `bench-postgres ROW`; `bench-postgres list` names them all.
@main
enum BenchPostgres {
    static func main() throws {
        let (name, run) = choose("row", from: queryRows + resultRows)
        try run(Sampler(row: name))
    }
}

/// A row of the table.
typealias Row = (name: String, choice: @Sendable (Sampler) throws -> Void)
