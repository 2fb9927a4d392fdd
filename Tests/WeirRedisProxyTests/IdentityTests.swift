import NIOCore
import Testing
import WeirRESP

@testable import WeirRedis

@Suite struct IdentityTests {
    private static let logins: [RedisIdentity.Login?] = [
        nil, .init(user: nil, password: ByteBuffer(string: "p")), .init(user: ByteBuffer(string: "u"), password: ByteBuffer(string: "p")),
        .init(user: ByteBuffer(string: "u"), password: ByteBuffer(string: "q")),
    ]

    private static let identities: [RedisIdentity] = logins.flatMap { login in
        [0, 1, 15].flatMap { database in
            [RESPVersion.resp2, .resp3].map { RedisIdentity(login: login, database: database, version: $0) }
        }
    }

    /// What a server would be after the commands.
    private func run(_ commands: [[ByteBuffer]], on identity: RedisIdentity) -> RedisIdentity {
        var identity = identity
        for command in commands {
            let words = command.map { String(buffer: $0) }
            switch (words[0], words.count) {
            case ("AUTH", 2): identity.login = .init(user: nil, password: command[1])
            case ("AUTH", 3): identity.login = .init(user: command[1], password: command[2])
            case ("HELLO", 2): identity.version = words[1] == "3" ? .resp3 : .resp2
            case ("SELECT", 2): identity.database = Int(words[1])!
            default: Issue.record("\(words)")
            }
        }
        return identity
    }

    @Test func commandsLeadFromEachToEach() {
        for from in Self.identities {
            for to in Self.identities {
                guard let commands = to.commands(from: from) else {
                    // Nobody can log out.
                    #expect(to.login == nil && from.login != nil)
                    continue
                }
                #expect(!(to.login == nil && from.login != nil))
                #expect(self.run(commands, on: from) == to)
                let changes = [to.login != from.login, to.version != from.version, to.database != from.database].filter { $0 }.count
                #expect(commands.count == changes)
                // Nothing is allowed before the login.
                if to.login != from.login { #expect(commands.first?.first == ByteBuffer(string: "AUTH")) }
            }
        }
    }
}
