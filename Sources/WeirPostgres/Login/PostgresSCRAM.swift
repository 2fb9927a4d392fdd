import Crypto
import NIOCore

/// One SCRAM-SHA-256 exchange from the client's side: what is said and what is believed. A value without any I/O; the nonce is passed in.
///
/// The server proves itself too: who has not checked ``verify(_:)`` has logged in at anyone's.
/// Sources: RFC 5802, RFC 7677, <https://www.postgresql.org/docs/15/sasl-authentication.html>.
struct PostgresSCRAM {
    enum Binding {
        /// This side does not bind.
        case unsupported
        /// This side would, and the server has not offered it: one who has is told so by this.
        case notOffered
        /// To the server's certificate, by its hash.
        case endPoint(hash: [UInt8])

        var header: String {
            switch self {
            case .unsupported: return "n,,"
            case .notOffered: return "y,,"
            case .endPoint: return "p=tls-server-end-point,,"
            }
        }
    }

    /// What a key is made from, slowly.
    struct Salting: Hashable {
        let salt: [UInt8]
        let iterations: Int
    }

    static var mechanism: String { "SCRAM-SHA-256" }
    static var mechanismWithBinding: String { "SCRAM-SHA-256-PLUS" }
    /// Of what the server may send for a nonce or a salt.
    private static var longest: Int { 1024 }

    private let binding: Binding
    private let nonce: String
    private var clientFirstBare: String { "n=,r=\(self.nonce)" }
    private var serverFirst = ""
    private var fullNonce = ""
    private var expectedSignature: [UInt8]?

    /// - Parameter nonce: printable, without a comma, and never the same twice.
    init(_ binding: Binding, nonce: String) {
        self.binding = binding
        self.nonce = nonce
    }

    /// Eighteen random bytes, as the server has them.
    static func makeNonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.encode((0..<18).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// What this side begins with. The user's name stands in the StartupMessage, and is not read here by the server.
    var clientFirst: String { self.binding.header + self.clientFirstBare }

    /// Reads the server's first message.
    ///
    /// - Parameter maximumIterations: what this side is ready to compute.
    mutating func received(serverFirst message: String, maximumIterations: Int) throws(PostgresError) -> Salting {
        let fields = message.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 3, let nonce = Self.value("r", fields[0]), let salt = Self.value("s", fields[1]).flatMap(Base64.decode),
            let iterations = Self.value("i", fields[2]), iterations.utf8.count <= 10, let count = Int(iterations), count > 0
        else { throw Self.refusal("the server's SCRAM message is malformed") }
        guard nonce.utf8.count > self.nonce.utf8.count, nonce.hasPrefix(self.nonce), nonce.utf8.count <= Self.longest else {
            throw Self.refusal("the server's SCRAM nonce does not go on from this side's, or is too long")
        }
        guard (1...Self.longest).contains(salt.count) else { throw Self.refusal("the server's SCRAM salt is empty or too long") }
        guard count <= maximumIterations else { throw Self.refusal("the server asks for more SCRAM iterations than are allowed") }
        self.serverFirst = message
        self.fullNonce = String(nonce)
        return Salting(salt: salt, iterations: count)
    }

    /// What proves that this side knows the password.
    mutating func clientFinal(saltedPassword: SymmetricKey) -> String {
        var bound = Array(self.binding.header.utf8)
        if case .endPoint(let hash) = self.binding { bound += hash }
        let withoutProof = "c=\(Base64.encode(bound)),r=\(self.fullNonce)"
        let signed = Array("\(self.clientFirstBare),\(self.serverFirst),\(withoutProof)".utf8)
        let clientKey = Self.hmac("Client Key", saltedPassword)
        let storedKey = SymmetricKey(data: SHA256.hash(data: Array(clientKey)))
        let signature = HMAC<SHA256>.authenticationCode(for: signed, using: storedKey)
        let serverKey = SymmetricKey(data: Array(Self.hmac("Server Key", saltedPassword)))
        self.expectedSignature = Array(HMAC<SHA256>.authenticationCode(for: signed, using: serverKey))
        return "\(withoutProof),p=\(Base64.encode(zip(clientKey, signature).map { $0 ^ $1 }))"
    }

    /// Believes the server's last message, or does not.
    mutating func verify(_ message: String) throws(PostgresError) {
        guard let expected = self.expectedSignature.take() else { throw Self.refusal("the server ends SCRAM before it has begun") }
        let fields = message.split(separator: ",", omittingEmptySubsequences: false)
        guard let proof = fields.first.flatMap({ Self.value("v", $0) }).flatMap(Base64.decode), proof.count == expected.count else {
            throw Self.refusal("the server gave no proof that it knows the password")
        }
        // All of it, whatever differs.
        guard zip(proof, expected).reduce(0, { $0 | ($1.0 ^ $1.1) }) == 0 else {
            throw Self.refusal("the server's proof that it knows the password is wrong")
        }
    }

    private static func hmac(_ text: StaticString, _ key: SymmetricKey) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array("\(text)".utf8), using: key)
    }

    private static func value(_ name: Character, _ field: Substring) -> Substring? {
        guard field.first == name, field.dropFirst().first == "=" else { return nil }
        return field.dropFirst(2)
    }

    private static func refusal(_ message: StaticString) -> PostgresError { PostgresError(.authenticationFailed, message) }
}

/// Shows nothing of the exchange.
extension PostgresSCRAM: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgresSCRAM.Salting: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: ["iterations": self.iterations]) }
}

/// RFC 4648, section 4, of a few bytes.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                text.append(place <= group.count ? self.alphabet[Int(bits >> UInt32(18 - 6 * place)) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for what is not base 64, padding included.
    static func decode(_ text: Substring) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 4) {
            let group = digits[start..<(start + 4)]
            let padding = start + 4 == digits.count ? group.reversed().prefix { $0 == UInt8(ascii: "=") }.count : 0
            guard padding <= 2 else { return nil }
            var bits: UInt32 = 0
            for digit in group.dropLast(padding) {
                guard let value = self.alphabet.firstIndex(of: digit) else { return nil }
                bits = bits << 6 | UInt32(value)
            }
            bits <<= UInt32(6 * padding)
            for place in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * place))) }
        }
        return bytes
    }
}
