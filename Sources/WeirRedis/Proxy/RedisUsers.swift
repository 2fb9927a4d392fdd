import Crypto
public import NIOCore

/// Who may use a proxy: names and passwords, as the access list of Redis writes them.
///
/// A line for each user: `user <name> on|off [nopass] [><password>]… [#<SHA-256 in hexadecimal>]…`, with empty lines and lines that begin
/// with `#` between. Rules about keys and commands are refused, as silence about a rule that nobody keeps would mislead.
public struct RedisUsers: Sendable {
    /// What is wrong with a list. Says nothing of passwords.
    public struct ListError: Error, CustomStringConvertible {
        public let line: Int
        public let message: String
        public var description: String { "line \(self.line): \(self.message)" }
    }

    private struct User {
        var isOn = false
        var needsNoPassword = false
        /// SHA-256 of the passwords.
        var hashes: [[UInt8]] = []
    }

    private var users: [String: User] = [:]

    /// Reads a list.
    public init(list: String) throws(ListError) {
        for (index, line) in list.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            func fail(_ message: String) -> ListError { ListError(line: index + 1, message: message) }
            guard first == "user", words.count >= 2 else { throw fail("a line is `user <name> <rules>`") }
            let name = String(words[1])
            guard self.users[name] == nil else { throw fail("the user has a line already") }
            var user = User()
            for rule in words.dropFirst(2) {
                switch rule.first {
                case ">": user.hashes.append(Array(SHA256.hash(data: Array(rule.dropFirst().utf8))))
                case "#":
                    guard let hash = Self.bytes(ofHexadecimal: rule.dropFirst()) else { throw fail("a hash has 64 hexadecimal digits") }
                    user.hashes.append(hash)
                default:
                    switch rule {
                    case "on": user.isOn = true
                    case "off": user.isOn = false
                    case "nopass": user.needsNoPassword = true
                    default: throw fail("a rule is on, off, nopass, a password or a hash; the server has the others")
                    }
                }
            }
            self.users[name] = user
        }
    }

    /// Whether anyone is the default user without saying so.
    var needsLogin: Bool { !self.accepts(user: "default", password: ByteBuffer()) || self.users["default"]?.needsNoPassword != true }

    /// Whether the user may use the proxy.
    ///
    /// - Complexity: the same time for every password of a user, known or not.
    public func accepts(user: String, password: ByteBuffer) -> Bool {
        let hash = Array(SHA256.hash(data: Array(password.readableBytesView)))
        guard let user = self.users[user], user.isOn else { return false }
        var isRight = user.needsNoPassword
        for known in user.hashes where zip(known, hash).reduce(UInt8(0), { $0 | ($1.0 ^ $1.1) }) == 0 { isRight = true }
        return isRight
    }

    private static func bytes(ofHexadecimal text: Substring) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard text.count == 64, digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}

/// Shows how many there are.
extension RedisUsers: CustomStringConvertible, CustomReflectable {
    public var description: String { "RedisUsers(\(self.users.count))" }
    public var customMirror: Mirror { Mirror(self, children: ["count": self.users.count]) }
}
