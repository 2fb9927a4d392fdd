import WeirSockets

extension PostgresURL {
    /// Reads a connection string of either form; see ``PostgresURL``.
    ///
    /// - Throws: ``PostgresURLError`` naming the part that is wrong and repeating none of it.
    public init(_ text: String) throws(PostgresURLError) {
        var options = Options()
        let scheme = ["postgres://", "postgresql://"].first { text.prefix($0.count).lowercased() == $0 }
        if let scheme {
            try options.readURL(text.dropFirst(scheme.count))
        } else {
            guard !text.contains("://") else { throw PostgresURLError(.form, "a URL must begin with postgres:// or postgresql://") }
            try options.readList(text)
        }
        try self.init(options)
    }

    private init(_ options: Options) throws(PostgresURLError) {
        let values = options.values
        guard let user = values["user"], !user.isEmpty else { throw PostgresURLError(.credentials, "no user is named") }
        self.init(addresses: try Self.addresses(values), user: user, password: values["password"])
        self.database = values["dbname"].flatMap { $0.isEmpty ? nil : $0 }
        self.tlsMode = try Self.word(values["sslmode"]) ?? .prefer
        self.channelBinding = try Self.word(values["channel_binding"]) ?? .prefer
        self.sessionAttributes = try Self.word(values["target_session_attrs"]) ?? .any
        self.rootCertificateFile = values["sslrootcert"].flatMap { $0 == "system" ? nil : $0 }
        self.certificateFile = values["sslcert"]
        self.privateKeyFile = values["sslkey"]
        self.applicationName = values["application_name"]
        self.options = values["options"]
        if let seconds = values["connect_timeout"] {
            guard let number = Int(seconds), (0...86_400).contains(number) else {
                throw PostgresURLError(.option, "connect_timeout is no number of seconds up to a day")
            }
            self.connectTimeoutSeconds = number == 0 ? nil : number
        }
        if let encoding = values["client_encoding"], !["utf8", "utf-8", "auto", "unicode"].contains(encoding.lowercased()) {
            throw PostgresURLError(.option, "client_encoding must be UTF8: text is UTF-8 here")
        }
    }

    /// Hosts and ports are lists; one port is all hosts'.
    private static func addresses(_ values: [String: String]) throws(PostgresURLError) -> [PostgresAddress] {
        let list = { (text: String) in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        // A name beside an address would be there to be verified, and there is no place for it in one of the addresses.
        guard values["host"] == nil || values["hostaddr"] == nil else {
            throw PostgresURLError(.option, "host and hostaddr are both given: one of them says where")
        }
        let hosts = list(values["hostaddr"] ?? values["host"] ?? "localhost")
        let ports = list(values["port"] ?? "")
        guard ports.count == 1 || ports.count == hosts.count else {
            throw PostgresURLError(.port, "there must be one port, or one for each host")
        }
        var addresses: [PostgresAddress] = []
        for (index, host) in hosts.enumerated() {
            let text = ports.count == 1 ? ports[0] : ports[index]
            guard let port = text.isEmpty ? PostgresAddress.defaultPort : Int(text), (1...65535).contains(port) else {
                throw PostgresURLError(.port, "a port is no number from 1 to 65535")
            }
            if host.hasPrefix("/") {
                addresses.append(.unixSocket(directory: host, port: port))
            } else {
                addresses.append(.tcp(host: host.isEmpty ? "localhost" : try Self.host(host), port: port))
            }
        }
        return addresses
    }

    private static func host(_ host: String) throws(PostgresURLError) -> String {
        let isHost = { (character: Character) in
            character.isASCII && (character.isLetter || character.isNumber || "-._:%".contains(character))
        }
        guard host.utf8.count <= 253, host.allSatisfy(isHost) else { throw PostgresURLError(.host, "a host is no name and no address") }
        return host
    }

    private static func word<Word: RawRepresentable<String>>(_ text: String?) throws(PostgresURLError) -> Word? {
        guard let text else { return nil }
        guard let word = Word(rawValue: text) else { throw PostgresURLError(.option, "an option has a value that it does not know") }
        return word
    }
}

/// What a connection string says, by libpq's names.
private struct Options {
    private(set) var values: [String: String] = [:]

    private static let names: Set<String> = [
        "host", "hostaddr", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding",
        "target_session_attrs", "connect_timeout", "application_name", "options", "client_encoding",
    ]

    mutating func set(_ name: String, _ value: String) throws(PostgresURLError) {
        guard Self.names.contains(name) else { throw PostgresURLError(.option, "there is an option that nobody would read") }
        guard self.values.updateValue(value, forKey: name) == nil else { throw PostgresURLError(.option, "something is given twice") }
        guard !value.utf8.contains(0) else {
            throw PostgresURLError(name == "password" ? .credentials : .option, "a value has a NUL in it")
        }
    }

    // MARK: URLs

    mutating func readURL(_ rest: Substring) throws(PostgresURLError) {
        guard !rest.contains("#") else { throw PostgresURLError(.form, "a URL must have no fragment; # is %23") }
        let beforeQuery = rest.prefix { $0 != "?" }
        let authority = beforeQuery.prefix { $0 != "/" }
        var hosts = authority
        if let at = authority.lastIndex(of: "@") {
            hosts = authority[authority.index(after: at)...]
            try self.readLogin(authority[..<at])
        }
        if !hosts.isEmpty { try self.readHosts(hosts) }
        let database = beforeQuery.dropFirst(authority.count).dropFirst()
        if !database.isEmpty {
            guard !database.contains("/"), let name = percentDecoded(database) else {
                throw PostgresURLError(.form, "what follows the hosts is not one name of a database")
            }
            try self.set("dbname", name)
        }
        for option in rest.dropFirst(beforeQuery.count).dropFirst().split(separator: "&") {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = percentDecoded(parts[1]) else {
                throw PostgresURLError(.option, "an option of the URL has no value, or a percent escape that is not one")
            }
            try self.set(String(parts[0]), value)
        }
    }

    private mutating func readLogin(_ text: Substring) throws(PostgresURLError) {
        guard !text.contains("@") else {
            throw PostgresURLError(.credentials, "the URL has more than one @; in a user or password it is %40")
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let user = percentDecoded(parts[0]), let password = percentDecoded(parts.count > 1 ? parts[1] : "") else {
            throw PostgresURLError(.credentials, "the user or password has a percent escape that is not one")
        }
        if !user.isEmpty { try self.set("user", user) }
        if parts.count > 1 { try self.set("password", password) }
    }

    private mutating func readHosts(_ text: Substring) throws(PostgresURLError) {
        var hosts: [String] = []
        var ports: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var host = part
            var port: Substring = ""
            if part.first == "[" {
                guard let bracket = part.firstIndex(of: "]") else { throw PostgresURLError(.host, "an address lacks its closing bracket") }
                host = part[part.index(after: part.startIndex)..<bracket]
                let after = part[part.index(after: bracket)...]
                guard after.isEmpty || after.first == ":" else {
                    throw PostgresURLError(.host, "something follows a bracket that is no port")
                }
                port = after.dropFirst()
            } else if let colon = part.firstIndex(of: ":") {
                host = part[..<colon]
                port = part[part.index(after: colon)...]
            }
            guard let name = percentDecoded(host), !name.contains(",") else { throw PostgresURLError(.host, "a host is none") }
            hosts.append(name)
            ports.append(String(port))
        }
        try self.set("host", hosts.joined(separator: ","))
        if ports.contains(where: { !$0.isEmpty }) { try self.set("port", ports.joined(separator: ",")) }
    }

    // MARK: Lists

    mutating func readList(_ text: String) throws(PostgresURLError) {
        var rest = text[...]
        while true {
            rest = rest.drop { $0.isWhitespace }
            guard !rest.isEmpty else { return }
            let name = rest.prefix { $0 != "=" && !$0.isWhitespace }
            rest = rest.dropFirst(name.count).drop { $0.isWhitespace }
            guard !name.isEmpty, rest.first == "=" else { throw PostgresURLError(.form, "a name of the list is not followed by =") }
            rest = rest.dropFirst().drop { $0.isWhitespace }
            try self.set(String(name), try Self.value(&rest))
        }
    }

    private static func value(_ rest: inout Substring) throws(PostgresURLError) -> String {
        let isQuoted = rest.first == "'"
        if isQuoted { rest = rest.dropFirst() }
        var value = ""
        while let character = rest.first, isQuoted ? character != "'" : !character.isWhitespace {
            rest = rest.dropFirst()
            if character == "\\" {
                guard let escaped = rest.popFirst() else { throw PostgresURLError(.form, "the list ends in the middle of an escape") }
                value.append(escaped)
            } else {
                value.append(character)
            }
        }
        if isQuoted {
            guard rest.popFirst() == "'" else { throw PostgresURLError(.form, "a quote is not closed") }
            guard rest.first?.isWhitespace ?? true else { throw PostgresURLError(.form, "something follows a closing quote") }
        }
        return value
    }
}
