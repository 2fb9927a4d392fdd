import Measuring
import NIOCore
import NIOPosix
import WeirPool
import WeirPostgres

/// As it comes, or with so many shared connections.
func configuration(sharedConnections: Int? = nil) -> PostgresConfiguration {
    var configuration = PostgresConfiguration()
    if let sharedConnections { configuration.sharedConnections = sharedConnections }
    return configuration
}

/// Gives the body a client of one loop. Like the peers it speaks TCP in plain text.
func withPostgres(
    _ configuration: PostgresConfiguration = PostgresConfiguration(), _ body: (PostgresPool, any EventLoop) throws -> Void
) throws {
    guard let text = environment("WEIR_POSTGRES_URL") else { usage("bench-postgres: WEIR_POSTGRES_URL names no Postgres") }
    var url = try PostgresURL(text)
    url.tlsMode = .disable
    try withLoops(1) { group in
        let postgres = PostgresPool(
            url: url, group: group, configuration: configuration, pool: PoolConfiguration(maximum: 16, size: 16))
        defer { try? postgres.shutdown(deadline: .now() + .seconds(1)).wait() }
        try body(postgres, group.any())
    }
}

/// How many connections it has opened.
func noteConnections(_ postgres: PostgresPool, _ loop: any EventLoop) throws {
    let connects = try loop.submit { postgres.connections[loop].statistics().connects }.wait()
    note("\(connects) connections")
}

/// A line that dev/bench passes on.
func note(_ text: String) { print("NOTE \(text)") }
