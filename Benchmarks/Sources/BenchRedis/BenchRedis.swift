import Measuring

/// `bench-redis ROW`; `bench-redis list` names them all.
@main
enum BenchRedis {
    static func main() throws {
        let (name, run) = choose("row", from: codecRows + getRows)
        try run(Sampler(row: name))
    }
}

/// A row of the table.
typealias Row = (name: String, choice: @Sendable (Sampler) throws -> Void)
