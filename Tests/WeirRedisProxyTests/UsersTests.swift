import Crypto
import NIOCore
import Testing

@testable import WeirRedis

@Suite struct UsersTests {
    private func accepts(_ users: RedisUsers, _ user: String, _ password: String) -> Bool {
        users.accepts(user: user, password: ByteBuffer(string: password))
    }

    private func hash(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    @Test func acceptsWhatTheListSays() throws {
        let users = try RedisUsers(
            list: """
                # people

                user anna on >secret >other
                user\tberta   on #\(self.hash("hashed"))
                user carl off >secret
                user dora on nopass
                user emil on >secret off
                user fritz >secret
                user gerda on
                user #hans on >p#w>d
                   user ida on >x
                # user jan on nopass
                """)
        #expect(self.accepts(users, "anna", "secret") && self.accepts(users, "anna", "other"))
        #expect(!self.accepts(users, "anna", "") && !self.accepts(users, "anna", "secret ") && !self.accepts(users, "Anna", "secret"))
        #expect(self.accepts(users, "berta", "hashed") && !self.accepts(users, "berta", self.hash("hashed")))
        #expect(!self.accepts(users, "carl", "secret"))
        #expect(self.accepts(users, "dora", "") && self.accepts(users, "dora", "anything"))
        #expect(!self.accepts(users, "emil", "secret"))
        #expect(!self.accepts(users, "fritz", "secret"))
        #expect(!self.accepts(users, "gerda", "") && !self.accepts(users, "gerda", "secret"))
        #expect(self.accepts(users, "#hans", "p#w>d"))
        #expect(self.accepts(users, "ida", "x"))
        #expect(!self.accepts(users, "jan", "") && !self.accepts(users, "default", "") && !self.accepts(users, "", ""))
        #expect(users.needsLogin)
    }

    @Test func linesMayEndAsOnWindows() throws {
        let users = try RedisUsers(list: "user anna on >a\r\nuser berta on >b\r\n\r\n# the end\r\n")
        #expect(self.accepts(users, "anna", "a") && self.accepts(users, "berta", "b"))
    }

    @Test func hashesHaveEitherCase() throws {
        let users = try RedisUsers(list: "user a on #\(self.hash("x").uppercased())")
        #expect(self.accepts(users, "a", "x"))
    }

    @Test func onlyADefaultUserWithoutPasswordNeedsNoLogin() throws {
        #expect(try RedisUsers(list: "").needsLogin)
        #expect(try RedisUsers(list: "user default on >x").needsLogin)
        #expect(try RedisUsers(list: "user default nopass").needsLogin)
        #expect(try RedisUsers(list: "user default on >").needsLogin)
        #expect(try !RedisUsers(list: "user default on nopass").needsLogin)
        #expect(try !RedisUsers(list: "user default on nopass >x").needsLogin)
    }

    @Test(arguments: [
        ("usr anna on", 1), ("user", 1), ("\n\nuser a on\nuser a on", 4), ("user a on\nuser b on ~*", 2), ("user a on +@all", 1),
        ("user a on #123", 1), ("user a on #\(String(repeating: "g", count: 64))", 1),
        ("user a on #\(String(repeating: "a", count: 65))", 1),
        ("user a ON", 1), ("user a on secret", 1), ("user a resetpass", 1), ("# x\nuser a on >s3cret\nnonsense s3cret", 3),
    ])
    func errorsNameTheLine(_ list: String, _ line: Int) {
        do {
            _ = try RedisUsers(list: list)
            Issue.record("accepted: \(list)")
        } catch {
            #expect(error.line == line)
            #expect(error.description.hasPrefix("line \(line): "))
            for secret in ["secret", "s3cret", "123", "ggg", "aaaa"] { #expect(!"\(error) \(String(reflecting: error))".contains(secret)) }
        }
    }

    @Test func showsNothingOfPasswords() throws {
        let users = try RedisUsers(list: "user anna on >s3cret #\(self.hash("hashed"))\nuser berta on >x")
        var dumped = ""
        dump(users, to: &dumped)
        var configuration = RedisProxyConfiguration()
        configuration.users = users
        dump(configuration, to: &dumped)
        for text in ["\(users)", String(reflecting: users), dumped, "\(configuration)"] {
            #expect(!text.contains("s3cret") && !text.contains("anna"))
            #expect(!text.contains(self.hash("hashed")) && !text.contains(self.hash("s3cret")))
            #expect(!text.contains("hashes"))
        }
        #expect("\(users)" == "RedisUsers(2)")
    }
}
