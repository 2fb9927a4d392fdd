import WeirCore

/// Where a Redis server is and how to log in: `redis://[user[:password]@]host[:port][/database]`.
///
/// `redis://:password@host` has a password and no user. User and password are percent-decoded, as they must be encoded
/// where they hold `:`, `@`, `/` or `%`. An IPv6 address stands in brackets. No description shows the password.
public struct RedisURL: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The host's name or address, brackets removed.
    public var host: String
    /// 6379 unless given.
    public var port: Int
    /// Nil for the default user.
    public var user: String?
    /// Nil for no login.
    public var password: String?
    /// The database to select, 0 unless given.
    public var database: Int

    /// A server by its parts.
    public init(host: String, port: Int = 6379, user: String? = nil, password: String? = nil, database: Int = 0) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
    }

    /// The URL without its password.
    public var description: String {
        let login = self.user.map { "\($0)@" } ?? ""
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "redis://\(login)\(host):\(self.port)/\(self.database)"
    }

    public var debugDescription: String { self.description }

    /// What `dump` shows: no password.
    public var customMirror: Mirror { Mirror(self, children: ["url": self.description]) }
}

/// What is wrong with a Redis URL. No message repeats any of it.
public struct RedisURLError: WeirError {
    /// Which part is wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// It does not begin with `redis://`.
        public static let scheme = Code(description: "scheme")
        /// It begins with `rediss://`: TLS, which is not there yet.
        public static let tlsNotSupported = Code(description: "tlsNotSupported")
        /// User or password: more than one `@`, or a broken percent escape.
        public static let credentials = Code(description: "credentials")
        /// The host is missing or has characters that no host has.
        public static let host = Code(description: "host")
        /// The port is no number from 1 to 65535.
        public static let port = Code(description: "port")
        /// What follows the host is not one `/` and a number.
        public static let database = Code(description: "database")
        /// It has a query or a fragment.
        public static let query = Code(description: "query")
    }

    public let code: Code
    public let message: String
    public var cause: (any Error)? { nil }

    @inline(never)
    init(_ code: Code, _ message: StaticString) {
        self.code = code
        self.message = "\(message)"
    }
}

extension RedisURL {
    /// Reads a URL.
    /// - Throws: ``RedisURLError`` naming the part that is wrong.
    public init(_ url: String) throws(RedisURLError) {
        if url.lowercased().hasPrefix("rediss://") {
            throw RedisURLError(
                .tlsNotSupported, "rediss:// asks for TLS, which this client does not have yet; use redis:// on a network you trust")
        }
        guard url.lowercased().hasPrefix("redis://") else { throw RedisURLError(.scheme, "the URL must begin with redis://") }
        let rest = url.dropFirst("redis://".count)
        guard !rest.contains("?"), !rest.contains("#") else {
            throw RedisURLError(.query, "the URL must have no query and no fragment; in a password ? is %3F and # is %23")
        }
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        var address = authority
        var user: String?
        var password: String?
        if let at = authority.lastIndex(of: "@") {
            let login = authority[..<at]
            guard !login.contains("@") else {
                throw RedisURLError(.credentials, "the URL has more than one @; in a user or password it is %40")
            }
            address = authority[authority.index(after: at)...]
            (user, password) = try Self.credentials(login)
        }
        let (host, port) = try Self.address(address)
        self.init(host: host, port: port, user: user, password: password, database: try Self.database(path))
    }

    private static func credentials(_ login: Substring) throws(RedisURLError) -> (user: String?, password: String?) {
        let parts = login.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let user = self.percentDecoded(parts[0]), let password = self.percentDecoded(parts.count > 1 ? parts[1] : "") else {
            throw RedisURLError(.credentials, "the user or password has a percent escape that is not one")
        }
        guard user.isEmpty || !password.isEmpty else {
            throw RedisURLError(.credentials, "the URL names a user without a password")
        }
        return (user.isEmpty ? nil : user, password.isEmpty ? nil : password)
    }

    private static func address(_ address: Substring) throws(RedisURLError) -> (host: String, port: Int) {
        var host = address
        var port: Substring?
        if address.first == "[" {
            guard let bracket = address.firstIndex(of: "]") else { throw RedisURLError(.host, "the address lacks its closing bracket") }
            host = address[address.index(after: address.startIndex)..<bracket]
            let after = address[address.index(after: bracket)...]
            guard after.isEmpty || after.first == ":" else { throw RedisURLError(.host, "something follows the bracket that is no port") }
            port = after.isEmpty ? nil : after.dropFirst()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw RedisURLError(.host, "what stands in brackets is no IPv6 address")
            }
        } else if let colon = address.firstIndex(of: ":") {
            host = address[..<colon]
            port = address[address.index(after: colon)...]
        }
        let isHost = { (character: Character) in
            character.isASCII && (character.isLetter || character.isNumber || "-._:".contains(character))
        }
        guard !host.isEmpty, host.utf8.count <= 253, host.allSatisfy(isHost) else {
            throw RedisURLError(.host, "the host is missing or is no name and no address")
        }
        guard let port else { return (String(host), 6379) }
        guard port.utf8.count <= 5, port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(port), (1...65535).contains(number)
        else {
            throw RedisURLError(.port, "the port is no number from 1 to 65535")
        }
        return (String(host), number)
    }

    private static func database(_ path: Substring) throws(RedisURLError) -> Int {
        let number = path.dropFirst()
        guard !number.isEmpty else { return 0 }
        guard number.utf8.count <= 9, number.allSatisfy({ $0.isASCII && $0.isNumber }), let database = Int(number) else {
            throw RedisURLError(.database, "what follows the host is not the number of a database")
        }
        return database
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.hexadecimal), let low = rest.popFirst().flatMap(Self.hexadecimal) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
        default: return nil
        }
    }
}
