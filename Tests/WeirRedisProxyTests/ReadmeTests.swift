import Foundation
import Testing
import WeirRedis

@Suite struct ReadmeTests {
    private var table: String {
        var lines = ["| command | what the proxy does | reason |", "| --- | --- | --- |"]
        for row in RedisProxyTable.rows {
            let command = (["\(row.command)"] + (row.subcommand.map { ["\($0)"] } ?? [])).joined(separator: " ")
            lines.append("| `\(command)` | \(row.treatment.rawValue) | \(row.reason) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The README shows the table of the code, to the letter.
    @Test func readmeShowsTheTable() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../README.md").standardized
        let readme = try String(contentsOf: file, encoding: .utf8)
        #expect(readme.contains("\n\n\(self.table)\n"), "the table is:\n\(self.table)")
    }

    /// No row's text would break out of its cell.
    @Test func rowsFitTheirCells() {
        for row in RedisProxyTable.rows {
            for text in ["\(row.command)", "\(row.subcommand ?? "")", "\(row.reason)"] {
                #expect(!text.contains("|") && !text.contains("`") && !text.contains("\n"))
            }
        }
    }
}
