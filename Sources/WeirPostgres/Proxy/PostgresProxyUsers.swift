import Crypto

/// Who may use a proxy: names and passwords, as PgBouncer's `userlist.txt` has them.
///
/// A line for each user: `"name" "password"` or `"name" "SCRAM-SHA-256$…"`, a double quote in either is written twice. Lines that begin with
/// `;` or `#` and empty ones are passed over. MD5 hashes are refused: a client cannot prove by SCRAM that it knows such a password.
public struct PostgresProxyUsers: Sendable {
    /// What is wrong with a list. Says nothing of passwords.
    public struct ListError: Error, CustomStringConvertible {
        public let line: Int
        public let message: String
        public var description: String { "line \(self.line): \(self.message)" }
    }

    private struct User {
        let verifier: PostgresSCRAMVerifier
        /// If it stands in the list as it is.
        let password: String?
    }

    private var users: [String: User] = [:]
    private let secret = SymmetricKey(size: .bits256)

    /// Reads a list.
    ///
    /// - Complexity: some milliseconds for each password that stands there as it is, as its keys are made here, so that no login takes longer
    ///   than another.
    public init(list: String) throws(ListError) {
        for (index, line) in list.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            var rest = line.drop { $0 == " " || $0 == "\t" }
            guard let first = rest.first, first != ";", first != "#" else { continue }
            func fail(_ message: String) -> ListError { ListError(line: index + 1, message: message) }
            guard let name = Self.quoted(&rest), let secret = Self.quoted(&rest) else {
                throw fail("a line is \"name\" \"password\"")
            }
            guard !name.isEmpty, name.utf8.count < 64 else { throw fail("a name has 1 to 63 bytes") }
            guard self.users[name] == nil else { throw fail("the user has a line already") }
            if secret.hasPrefix("SCRAM-SHA-256$") {
                guard let verifier = PostgresSCRAMVerifier(secret) else { throw fail("a SCRAM secret that is malformed") }
                self.users[name] = User(verifier: verifier, password: nil)
            } else {
                guard secret.utf8.count != 35 || !secret.hasPrefix("md5") else { throw fail("MD5 hashes are not taken") }
                guard !secret.isEmpty else { throw fail("an empty password") }
                var generator = SystemRandomNumberGenerator()
                let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
                guard let verifier = try? PostgresSCRAMVerifier(password: secret, salt: salt) else { throw fail("a password of no use") }
                self.users[name] = User(verifier: verifier, password: secret)
            }
        }
    }

    private static func quoted(_ rest: inout Substring) -> String? {
        rest = rest.drop { $0 == " " || $0 == "\t" }
        guard rest.popFirst() == "\"" else { return nil }
        var text = ""
        while let character = rest.popFirst() {
            if character != "\"" {
                text.append(character)
            } else if rest.first == "\"" {
                text.append(character)
                rest.removeFirst()
            } else {
                return text
            }
        }
        return nil
    }

    /// How many there are.
    public var count: Int { self.users.count }

    /// What a client of this name has to prove, whether there is one or not.
    func exchange(for user: String) -> PostgresSCRAMServer {
        let nobody = PostgresSCRAMVerifier(nobody: user, secret: self.secret)
        let known = self.users[user]
        return PostgresSCRAMServer(known?.verifier ?? nobody, isKnown: known != nil, nonce: PostgresSCRAM.makeNonce())
    }

    func password(of user: String) -> String? { self.users[user]?.password }
}

/// Shows how many there are.
extension PostgresProxyUsers: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgresProxyUsers(\(self.users.count))" }
    public var customMirror: Mirror { Mirror(self, children: ["count": self.users.count]) }
}
