import Crypto
import CryptoExtras

/// What a server keeps of a password, and what proves that a client knows it: SCRAM-SHA-256.
struct PostgresSCRAMVerifier: Sendable {
    let iterations: Int
    let salt: [UInt8]
    let storedKey: [UInt8]
    let serverKey: [UInt8]

    /// What new ones are made with, as the server does it.
    static var iterations: Int { 4096 }

    /// - Complexity: milliseconds.
    init(password: String, salt: [UInt8]) throws {
        let salted = try KDF.Insecure.PBKDF2.deriveKey(
            from: PostgresPassword.prepared(password), salt: salt, using: .sha256, outputByteCount: 32,
            unsafeUncheckedRounds: Self.iterations)
        let clientKey = HMAC<SHA256>.authenticationCode(for: Array("Client Key".utf8), using: salted)
        self.iterations = Self.iterations
        self.salt = salt
        self.storedKey = Array(SHA256.hash(data: Array(clientKey)))
        self.serverKey = Array(HMAC<SHA256>.authenticationCode(for: Array("Server Key".utf8), using: salted))
    }

    /// Reads `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`, as `pg_authid` has it.
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "SCRAM-SHA-256" else { return nil }
        let salting = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard salting.count == 2, keys.count == 2, let iterations = Int(salting[0]), (1...10_000_000).contains(iterations),
            let salt = Base64.decode(salting[1]), !salt.isEmpty, let storedKey = Base64.decode(keys[0]), storedKey.count == 32,
            let serverKey = Base64.decode(keys[1]), serverKey.count == 32
        else { return nil }
        (self.iterations, self.salt, self.storedKey, self.serverKey) = (iterations, salt, storedKey, serverKey)
    }

    /// One that no password fits, and that looks like another each time the same user is asked for.
    init(nobody user: String, secret: SymmetricKey) {
        let seed = Array(HMAC<SHA256>.authenticationCode(for: Array(user.utf8), using: secret))
        self.iterations = Self.iterations
        self.salt = Array(seed.prefix(16))
        self.storedKey = Array(SHA256.hash(data: seed))
        self.serverKey = self.storedKey
    }
}

/// Shows no key.
extension PostgresSCRAMVerifier: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: ["iterations": self.iterations]) }
}

/// One SCRAM-SHA-256 exchange from the server's side, without channel binding. A value without any I/O; the nonce is passed in.
///
/// Sources: RFC 5802, RFC 7677.
struct PostgresSCRAMServer {
    private let verifier: PostgresSCRAMVerifier
    private let isKnown: Bool
    private let nonce: String
    private var header = ""
    private var clientFirstBare = ""
    private var serverFirst = ""

    /// - Parameters:
    ///   - isKnown: whether there is such a user; if not, no proof is right.
    ///   - nonce: printable, without a comma, and never the same twice.
    init(_ verifier: PostgresSCRAMVerifier, isKnown: Bool, nonce: String) {
        self.verifier = verifier
        self.isKnown = isKnown
        self.nonce = nonce
    }

    /// - Returns: what is answered; nil for what is not SCRAM, or wants to bind.
    mutating func received(clientFirst message: String) -> String? {
        guard message.utf8.count <= 2048 else { return nil }
        let fields = message.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 4, fields[0] == "n" || fields[0] == "y", fields[1].isEmpty || fields[1].hasPrefix("a="),
            fields[2].hasPrefix("n="), let nonce = Self.value("r", fields[3]), !nonce.isEmpty, nonce.utf8.count <= 1024
        else { return nil }
        self.header = "\(fields[0]),\(fields[1]),"
        self.clientFirstBare = fields[2...].joined(separator: ",")
        self.serverFirst = "r=\(nonce)\(self.nonce),s=\(Base64.encode(self.verifier.salt)),i=\(self.verifier.iterations)"
        return self.serverFirst
    }

    /// - Returns: what is answered to a client that knows the password; nil for all others.
    /// - Complexity: the same time for all proofs of a right length.
    func received(clientFinal message: String) -> String? {
        guard message.utf8.count <= 4096, let comma = message.lastIndex(of: ","), message[comma...].hasPrefix(",p=") else { return nil }
        let withoutProof = message[..<comma]
        let fields = withoutProof.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count >= 2, let proof = Base64.decode(message[comma...].dropFirst(3)), proof.count == 32,
            Self.value("c", fields[0]).flatMap(Base64.decode).map({ $0 == Array(self.header.utf8) }) ?? false,
            let nonce = Self.value("r", fields[1]), self.serverFirst.hasPrefix("r=\(nonce),")
        else { return nil }
        let signed = Array("\(self.clientFirstBare),\(self.serverFirst),\(withoutProof)".utf8)
        let signature = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: self.verifier.storedKey))
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        let difference = zip(SHA256.hash(data: clientKey), self.verifier.storedKey).reduce(0) { $0 | ($1.0 ^ $1.1) }
        let serverSignature = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: self.verifier.serverKey))
        guard difference == 0, self.isKnown else { return nil }
        return "v=\(Base64.encode(Array(serverSignature)))"
    }

    private static func value(_ name: Character, _ field: Substring) -> Substring? {
        guard field.first == name, field.dropFirst().first == "=" else { return nil }
        return field.dropFirst(2)
    }
}

/// Shows nothing of the exchange.
extension PostgresSCRAMServer: CustomReflectable {
    var customMirror: Mirror { Mirror(self, children: []) }
}
