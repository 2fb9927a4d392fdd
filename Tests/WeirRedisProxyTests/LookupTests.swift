import Foundation
import Testing

@testable import WeirRedis

@Suite struct LookupTests {
    private let lookup = RedisProxyLookup()

    private func name(_ text: String) -> RedisCommandName {
        Array(text.utf8).withUnsafeBytes { RedisCommandName($0, at: 0, length: $0.count) }
    }

    private func cases(_ text: String) -> [String] {
        let mixed = text.enumerated().map { $0.offset % 2 == 0 ? $0.element.lowercased() : $0.element.uppercased() }.joined()
        return [text.uppercased(), text.lowercased(), mixed]
    }

    @Test func findsEveryRowInAnyCase() throws {
        for row in RedisProxyTable.rows {
            for command in self.cases("\(row.command)") {
                let action = self.lookup.action(of: self.name(command))
                guard let subcommand = row.subcommand else {
                    let hasSubcommands = RedisProxyTable.rows.contains { "\($0.command)" == "\(row.command)" && $0.subcommand != nil }
                    let expected = hasSubcommands ? RedisProxyAction.bySubcommand : row.action
                    #expect(action == expected, "\(command)")
                    #expect(self.lookup.row(of: self.name(command), nil)?.action == row.action)
                    continue
                }
                #expect(action == .bySubcommand, "\(command)")
                for word in self.cases("\(subcommand)") {
                    let found = try #require(self.lookup.row(of: self.name(command), self.name(word)))
                    #expect("\(found.command) \(found.subcommand ?? "")" == "\(row.command) \(subcommand)")
                    #expect(found.action == row.action)
                }
            }
        }
    }

    @Test func otherSubcommandsHaveTheRowOfAll() {
        #expect(self.lookup.row(of: self.name("client"), self.name("list"))?.action == .forward)
        #expect(self.lookup.row(of: self.name("client"), nil)?.action == .forward)
        #expect(self.lookup.row(of: self.name("script"), self.name("load"))?.action == .forward)
        #expect(self.lookup.row(of: self.name("get"), self.name("kill")) == nil)
    }

    @Test func everythingElseIsForwarded() {
        let names = [
            "", "GET", "SET", "get", "XADD", "MULT", "MULTIX", "XMULTI", "EXE", "EXECX", "SELEC", "SELECTT", "BLPO", "BLPOPP", "PING",
            "EVAL",
            "UNSUBSCRIB", "PUNSUBSCRIBER", "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOPQRST", "MULTI-EXEC", "WATCHWATCHWATCHWATCH", "COMMAND",
            "FCALL", "OBJECT", "BLPOP1", "AUTH2", "HELLO3",
        ]
        for name in names { #expect(self.lookup.action(of: self.name(name)) == .forward, "\(name)") }
        // Names that share their first bytes, or all of a word of eight, with one that has a row.
        for row in RedisProxyTable.rows {
            let command = "\(row.command)"
            let rest = String(command.dropFirst())
            for changed in [command + "X", "X" + command, String(command.dropLast()), rest, "@" + rest, "1" + rest] {
                guard !RedisProxyTable.rows.contains(where: { "\($0.command)" == changed }) else { continue }
                #expect(self.lookup.action(of: self.name(changed)) == .forward, "\(changed)")
            }
        }
    }

    /// A byte that is no letter may fold as the `:` of a name does: the server knows no such command.
    @Test func namesThatFoldToAnotherAreTreatedAsThat() {
        #expect(self.lookup.action(of: self.name("MULTI ")) == .forward)
        #expect(self.lookup.action(of: self.name("MULTI\0")) == .forward)
        #expect(self.lookup.action(of: self.name("host\u{1A}")) == .close)
    }

    @Test func namesFitThePacking() {
        for row in RedisProxyTable.rows {
            for name in ["\(row.command)"] + (row.subcommand.map { ["\($0)"] } ?? []) {
                #expect((1...15).contains(name.utf8.count), "\(name)")
                #expect(name == name.uppercased())
            }
        }
    }

    @Test func noRowIsThereTwice() {
        let names = RedisProxyTable.rows.map { "\($0.command) \($0.subcommand ?? "")" }
        #expect(Set(names).count == names.count)
    }
}
