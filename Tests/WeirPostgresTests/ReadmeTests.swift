import Foundation
import NIOCore
import Testing

@testable import WeirPostgres

/// The README's code about Postgres.
@Suite struct ReadmeTests {
    @Test func itIsTheFileBesideThisOne() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let readme = try String(contentsOf: here.appendingPathComponent("../../README.md").standardized, encoding: .utf8)
        let sample = try String(contentsOf: here.appendingPathComponent("ReadmeSample.swift"), encoding: .utf8)
        #expect(readme.contains("```swift\n\(sample)```"))
    }

    @Test(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL")) func itDoesWhatItSays() async throws {
        let schema = "readme\(UInt32.random(in: 0 ... .max))"
        var configuration = PostgresConfiguration.patient
        configuration.parameters["search_path"] = schema
        try await withPostgres(configuration: configuration) { local, _ in
            try await local.execute("create schema \(identifier: schema)")
            try await local.execute("create table accounts (id int primary key, balance int8 not null)")
            try await local.execute("insert into accounts values (1, 100), (2, 0)")
            let left = try await transfer(30, from: 1, to: 2, on: local)
            let all = try await balances(of: [1, 2], on: local).get()
            try await local.execute("drop schema \(identifier: schema) cascade")
            #expect(left == 70 && all == [70, 30])
        }
    }
}
