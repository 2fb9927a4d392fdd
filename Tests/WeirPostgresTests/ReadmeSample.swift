import NIOCore
import WeirPostgres

/// Moves money between two accounts, and says what is left on the first. For a task that runs on the loop.
func transfer(_ amount: Int64, from payer: Int, to payee: Int, on postgres: LocalPostgres) async throws -> Int64 {
    try await postgres.withTransaction(isolation: .serializable, retries: 5) { transaction in
        try await transaction.execute("update accounts set balance = balance - \(amount) where id = \(payer)")
        try await transaction.execute("update accounts set balance = balance + \(amount) where id = \(payee)")
        let rows = try await transaction.query("select balance from accounts where id = \(payer)")
        return try rows[0].decode(Int64.self)
    }
}

/// Independent statements of one loop share few connections, one write for each pass of the loop; each is a transaction of its own.
func balances(of ids: [Int], on postgres: LocalPostgres) -> EventLoopFuture<[Int64]> {
    let all = ids.map { id in
        postgres.query("select balance from accounts where id = \(id)").flatMapThrowing { try $0[0].decode(Int64.self) }
    }
    return EventLoopFuture.whenAllSucceed(all, on: postgres.loop)
}
