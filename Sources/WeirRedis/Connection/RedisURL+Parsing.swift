import WeirSockets

extension RedisURL {
    /// Reads a URL; see ``RedisURL`` for its forms. The scheme may be in any case.
    ///
    /// - Throws: ``RedisURLError`` naming the part that is wrong and repeating none of it.
    public init(_ url: String) throws(RedisURLError) {
        let (scheme, rest) = try Self.scheme(url)
        guard !rest.contains("#") else {
            throw RedisURLError(.query, "the URL must have no fragment; in a user or password # is %23 and ? is %3F")
        }
        let beforeQuery = rest.prefix { $0 != "?" }
        let authority = beforeQuery.prefix { $0 != "/" }
        let path = beforeQuery.dropFirst(authority.count)
        var login = Login()
        var hosts = authority
        if let at = authority.lastIndex(of: "@") {
            hosts = authority[authority.index(after: at)...]
            try login.read(authority[..<at])
        }
        var database: Int?
        let addresses: [RedisAddress]
        if scheme.isUnix {
            guard hosts.isEmpty else { throw RedisURLError(.path, "the path of the Unix socket must begin with /") }
            addresses = [try Self.unixSocket(path)]
        } else {
            addresses = try Self.tcp(hosts)
            database = try Self.database(path)
        }
        try Self.readQuery(rest.dropFirst(beforeQuery.count).dropFirst(), &login, &database)
        if login.user != nil, login.password == nil {
            throw RedisURLError(.credentials, "the URL names a user without a password; user:@ is one whose password is empty")
        }
        self.init(
            addresses: addresses, user: login.user, password: login.password, database: database ?? 0, usesTLS: scheme.usesTLS)
    }

    // MARK: The parts

    private static func scheme(_ url: String) throws(RedisURLError) -> (scheme: (usesTLS: Bool, isUnix: Bool), rest: Substring) {
        for (scheme, usesTLS, isUnix) in [
            ("redis://", false, false), ("rediss://", true, false), ("redis+unix://", false, true), ("unix://", false, true),
        ] where url.prefix(scheme.count).lowercased() == scheme {
            return ((usesTLS, isUnix), url.dropFirst(scheme.count))
        }
        throw RedisURLError(.scheme, "the URL must begin with redis://, rediss:// or redis+unix://")
    }

    private struct Login {
        var user: String?
        var password: String?

        /// `user:password`, `:password`, or a user whose password comes later.
        mutating func read(_ text: Substring) throws(RedisURLError) {
            guard !text.contains("@") else {
                throw RedisURLError(.credentials, "the URL has more than one @; in a user or password it is %40")
            }
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let user = percentDecoded(parts[0]), let password = percentDecoded(parts.count > 1 ? parts[1] : "") else {
                throw RedisURLError(.credentials, "the user or password has a percent escape that is not one")
            }
            self.user = user.isEmpty ? nil : user
            // An empty one is one where a user is named.
            self.password = password.isEmpty && (user.isEmpty || parts.count == 1) ? nil : password
        }

        mutating func set(_ part: WritableKeyPath<Login, String?>, _ value: String) throws(RedisURLError) {
            guard self[keyPath: part] == nil else { throw RedisURLError(.credentials, "the user or the password is given twice") }
            self[keyPath: part] = value
        }
    }

    private static func tcp(_ hosts: Substring) throws(RedisURLError) -> [RedisAddress] {
        var addresses: [RedisAddress] = []
        for host in hosts.split(separator: ",", omittingEmptySubsequences: false) { addresses.append(try self.address(host)) }
        return addresses
    }

    private static func address(_ address: Substring) throws(RedisURLError) -> RedisAddress {
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
        guard let port else { return .tcp(host: String(host), port: RedisAddress.defaultPort) }
        guard port.utf8.count <= 5, let number = self.number(port), (1...65535).contains(number) else {
            throw RedisURLError(.port, "the port is no number from 1 to 65535")
        }
        return .tcp(host: String(host), port: number)
    }

    private static func unixSocket(_ path: Substring) throws(RedisURLError) -> RedisAddress {
        guard path.count > 1, path.last != "/" else { throw RedisURLError(.path, "the path of the Unix socket is missing or ends in /") }
        guard let path = percentDecoded(path), !path.utf8.contains(0) else {
            throw RedisURLError(.path, "the path of the Unix socket has a zero byte or a percent escape that is not one")
        }
        return .unixSocket(path: path)
    }

    private static func database(_ path: Substring) throws(RedisURLError) -> Int? {
        let text = path.dropFirst()
        guard !text.isEmpty else { return nil }
        guard let number = self.number(text) else {
            throw RedisURLError(.database, "what follows the host is not the number of a database")
        }
        return number
    }

    private static func readQuery(_ query: Substring, _ login: inout Login, _ database: inout Int?) throws(RedisURLError) {
        guard !query.isEmpty else { return }
        for option in query.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[1].isEmpty else { throw RedisURLError(.query, "an option of the URL has no value") }
            guard let value = percentDecoded(parts[1]) else {
                throw RedisURLError(.query, "an option of the URL has a percent escape that is not one")
            }
            switch parts[0] {
            case "user", "username": try login.set(\.user, value)
            case "password": try login.set(\.password, value)
            case "db", "database":
                guard database == nil else { throw RedisURLError(.database, "the database is given twice") }
                guard let number = self.number(value[...]) else { throw RedisURLError(.database, "the database is no number") }
                database = number
            default:
                throw RedisURLError(.query, "the URL has an option that is none of db, user and password")
            }
        }
    }

    private static func number(_ text: Substring) -> Int? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}
