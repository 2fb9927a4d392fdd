import WeirCore

/// A server to talk HTTP/1.1 to: connections are pooled by it. Only `http`, as TLS is not there yet.
public struct HTTPOrigin: Hashable, Sendable, CustomStringConvertible {
    /// The host's name or address, without brackets.
    public var host: String
    /// The port.
    public var port: Int

    /// An origin by its parts.
    public init(host: String, port: Int = 80) {
        self.host = host
        self.port = port
    }

    /// What a `Host` header says: the port is left out where it is 80.
    public var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == 80 ? host : "\(host):\(self.port)"
    }

    public var description: String { "http://\(self.authority)" }
}

/// An origin and a path under it: `http://host[:port][/path]`, such as the URL of an upstream.
public struct HTTPBaseURL: Hashable, Sendable, CustomStringConvertible {
    /// The server.
    public var origin: HTTPOrigin
    /// Empty, or a path that begins with `/` and does not end with it.
    public var path: String

    public var description: String { "\(self.origin)\(self.path)" }

    /// Reads a URL.
    /// - Throws: ``HTTPURLError`` naming the part that is wrong.
    public init(_ url: String) throws(HTTPURLError) {
        if url.lowercased().hasPrefix("https://") {
            throw HTTPURLError(
                .tlsNotSupported, "https:// asks for TLS, which this client does not have yet; use http:// on a network you trust")
        }
        guard url.lowercased().hasPrefix("http://") else { throw HTTPURLError(.scheme, "the URL must begin with http://") }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count)
        guard !authority.contains("@") else { throw HTTPURLError(.credentials, "the URL must hold no user and no password") }
        guard !path.contains("?"), !path.contains("#") else { throw HTTPURLError(.path, "the URL must have no query and no fragment") }
        guard path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw HTTPURLError(.path, "the path has characters that must be percent-encoded")
        }
        self.origin = try Self.origin(authority)
        var trimmed = String(path)
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = trimmed
    }

    private static func origin(_ authority: Substring) throws(HTTPURLError) -> HTTPOrigin {
        var host = authority
        var port: Substring?
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { throw HTTPURLError(.host, "the address lacks its closing bracket") }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.first == ":" else { throw HTTPURLError(.host, "something follows the bracket that is no port") }
            port = after.isEmpty ? nil : after.dropFirst()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else {
                throw HTTPURLError(.host, "what stands in brackets is no IPv6 address")
            }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                host = authority[..<colon]
                port = authority[authority.index(after: colon)...]
            }
            let isHost = { (character: Character) in
                character.isASCII && (character.isLetter || character.isNumber || "-._".contains(character))
            }
            guard !host.isEmpty, host.utf8.count <= 253, host.allSatisfy(isHost) else {
                throw HTTPURLError(.host, "the host is missing or is no name and no address")
            }
        }
        guard let port else { return HTTPOrigin(host: String(host)) }
        guard port.utf8.count <= 5, port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(port), (1...65535).contains(number)
        else {
            throw HTTPURLError(.port, "the port is no number from 1 to 65535")
        }
        return HTTPOrigin(host: String(host), port: number)
    }
}

/// What is wrong with the URL of an HTTP server. No message repeats any of it.
public struct HTTPURLError: WeirError {
    /// Which part is wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// It does not begin with `http://`.
        public static let scheme = Code(description: "scheme")
        /// It begins with `https://`: TLS, which is not there yet.
        public static let tlsNotSupported = Code(description: "tlsNotSupported")
        /// It holds a user or a password.
        public static let credentials = Code(description: "credentials")
        /// The host is missing or has characters that no host has.
        public static let host = Code(description: "host")
        /// The port is no number from 1 to 65535.
        public static let port = Code(description: "port")
        /// The path has a query, a fragment or raw characters.
        public static let path = Code(description: "path")
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
