import NIOCore
import NIOSSL
import WeirPool
import WeirPostgresWire

/// How far a client's login is.
struct PostgresProxyLogin {
    var isEncrypted = false
    var scram: PostgresSCRAMServer?
    /// SASLInitialResponse has come.
    var hasBegun = false
    var parameters: [(place: Int, value: String)] = []
}

/// From the first byte to the first ReadyForQuery.
extension PostgresProxyHandler {
    func processStartup() throws(PostgresWireError) -> Bool {
        guard let header = try self.nextHeader(), let bytes = self.input.getSlice(at: self.input.readerIndex, length: header.length) else {
            return false
        }
        let frame = try PostgresFrame(bytes, from: .frontend, limits: self.proxy.configuration.wireLimits)
        self.scanner.take(header)
        self.input.moveReaderIndex(forwardBy: header.length)
        switch header.requestCode {
        case PostgresFrontend.SSLRequest.requestCode: self.answerEncryption()
        case PostgresFrontend.GSSENCRequest.requestCode:
            self.answer { buffer throws(PostgresWireError) in buffer.writeInteger(UInt8(ascii: "N")) }
            self.flushToClient()
        case Self.cancelRequest:
            let request = try PostgresFrontend.CancelRequest(frame, limits: self.proxy.configuration.wireLimits)
            if let secret = request.secretKey.getInteger(at: request.secretKey.readerIndex, as: UInt32.self),
                request.secretKey.readableBytes == 4
            {
                self.proxy.pools.cancels?(request.processID, secret)
            }
            self.cut(nil)
        default: try self.begin(try PostgresFrontend.StartupMessage(frame, limits: self.proxy.configuration.wireLimits))
        }
        return true
    }

    /// What a CancelRequest has in the place of a version.
    private static var cancelRequest: UInt32 { 1234 << 16 | 5678 }

    private func answerEncryption() {
        guard let context, let tls = self.proxy.configuration.tls, !self.login.isEncrypted else {
            self.answer { buffer throws(PostgresWireError) in buffer.writeInteger(UInt8(ascii: "N")) }
            return self.flushToClient()
        }
        self.answer { buffer throws(PostgresWireError) in buffer.writeInteger(UInt8(ascii: "S")) }
        self.flushToClient()
        self.login.isEncrypted = true
        // What comes from here on is TLS, or nothing that is read.
        do {
            try context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
        } catch {
            self.cut("TLS could not be begun")
        }
    }

    // MARK: Who it is

    private func begin(_ message: PostgresFrontend.StartupMessage) throws(PostgresWireError) {
        let configuration = self.proxy.configuration
        let unknown = message.parameters.filter { $0.name.string.hasPrefix("_pq_.") }.map(\.name)
        if message.version.minor > 0 || !unknown.isEmpty {
            self.answer { buffer throws(PostgresWireError) in
                try PostgresBackend.NegotiateProtocolVersion(
                    newestMinorVersion: 3 << 16, unrecognizedOptions: PostgresNames(unknown)
                ).write(into: &buffer)
            }
        }
        guard !configuration.requiresTLS || self.login.isEncrypted else { return self.refuse("28000", "TLS is required") }
        for (name, value) in message.parameters {
            guard self.takeParameter(name.string, value.string) else { return }
        }
        if self.database.isEmpty { self.database = self.user }
        guard self.user.utf8.count < 64, self.database.utf8.count < 64 else {
            return self.refuse("08P01", "the name of the user or the database is too long")
        }
        switch configuration.authentication {
        case .trust(let users):
            guard users?.contains(self.user) ?? true else { return self.refuse("28000", "the user \"\(self.user)\" is not let in") }
            self.admitted()
        case .scram(let users):
            self.login.scram = users.exchange(for: self.user)
            self.phase = .authenticating
            self.answer { buffer throws(PostgresWireError) in
                try PostgresBackend.AuthenticationSASL(mechanisms: [PostgresString(PostgresSCRAM.mechanism)]).write(into: &buffer)
            }
            self.flushToClient()
        }
    }

    /// - Returns: false if it is refused.
    private func takeParameter(_ name: String, _ value: String) -> Bool {
        switch name {
        case "user": self.user = value
        case "database": self.database = value
        case "replication":
            guard ["false", "off", "no", "0"].contains(value.lowercased()) else {
                self.refuse("0A000", "replication connections go to the server itself")
                return false
            }
        case "options":
            guard let options = Self.options(value) else {
                self.refuse("08P01", "options other than settings are not taken")
                return false
            }
            for (name, value) in options where !self.takeSetting(name, value) { return false }
        default: return name.hasPrefix("_pq_.") || self.takeSetting(name, value)
        }
        return true
    }

    private func takeSetting(_ name: String, _ value: String) -> Bool {
        if self.proxy.configuration.ignoredStartupParameters.contains(name) { return true }
        guard let place = PostgresProxyTable.place(name) else {
            self.refuse("08P01", "the start-up parameter \"\(name.prefix(64))\" is not taken here")
            return false
        }
        var value = value
        // As the server has it.
        if name == "application_name" { value = String(decoding: value.utf8.map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self) }
        guard PostgresProxySettings.isSafe(value) else {
            self.refuse("22023", "the value of the start-up parameter \"\(name)\" is too long, or not printable")
            return false
        }
        self.login.parameters.append((place, value))
        return true
    }

    /// `-c name=value` and `--name=value`; nil for anything else.
    static func options(_ text: String) -> [(String, String)]? {
        var words: [String] = [""]
        var isEscaped = false
        for character in text {
            if isEscaped {
                words[words.count - 1].append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == " " {
                words.append("")
            } else {
                words[words.count - 1].append(character)
            }
        }
        var options: [(String, String)] = []
        var isSetting = false
        for word in words where !word.isEmpty {
            var setting = Substring(word)
            if !isSetting {
                if word == "-c" {
                    isSetting = true
                    continue
                }
                guard word.hasPrefix("-c") || word.hasPrefix("--") else { return nil }
                setting = setting.dropFirst(2)
            }
            isSetting = false
            guard let equals = setting.firstIndex(of: "=") else { return nil }
            let name = setting[..<equals].map { $0 == "-" ? "_" : String($0) }.joined()
            options.append((name, String(setting[setting.index(after: equals)...])))
        }
        return isSetting ? nil : options
    }

    // MARK: The proof of it

    func processAuthentication() throws(PostgresWireError) -> Bool {
        guard let header = try self.nextHeader(), let bytes = self.input.getSlice(at: self.input.readerIndex, length: header.length) else {
            return false
        }
        self.scanner.take(header)
        self.input.moveReaderIndex(forwardBy: header.length)
        let limits = self.proxy.configuration.wireLimits
        let frame = try PostgresFrame(bytes, from: .frontend, limits: limits)
        if frame.frontendKind == .terminate {
            self.cut(nil)
            return true
        }
        if !self.login.hasBegun {
            let response = try PostgresFrontend.SASLInitialResponse(frame, limits: limits)
            self.login.hasBegun = true
            guard response.mechanism == PostgresSCRAM.mechanism, let first = response.response,
                let answer = self.login.scram?.received(clientFirst: String(buffer: first))
            else {
                self.refuse("08P01", "the SASL message is malformed, or of another mechanism")
                return true
            }
            self.answer { buffer throws(PostgresWireError) in
                try PostgresBackend.AuthenticationSASLContinue(data: ByteBuffer(string: answer)).write(into: &buffer)
            }
            self.flushToClient()
            return true
        }
        let final = try PostgresFrontend.SASLResponse(frame, limits: limits)
        guard let answer = self.login.scram?.received(clientFinal: String(buffer: final.data)) else {
            self.refuse("28P01", "password authentication failed for user \"\(self.user)\"")
            return true
        }
        self.login.scram = nil
        self.answer { buffer throws(PostgresWireError) in
            try PostgresBackend.AuthenticationSASLFinal(data: ByteBuffer(string: answer)).write(into: &buffer)
        }
        self.admitted()
        return true
    }

    // MARK: In

    /// The client is who it says. The first one of a database waits for the server to tell its settings.
    private func admitted() {
        guard let tenant = self.proxy.tenant(user: self.user, database: self.database) else {
            return self.refuse("53300", "too many databases")
        }
        self.tenant = tenant
        guard tenant.defaults == nil else { return self.welcome() }
        self.phase = .waiting
        self.request = tenant.pool.lease(owner: .postgresProxyClient) { [self] result in
            self.request = nil
            switch consume result {
            case .failure(let error): if !self.isGone { self.noConnection(error) }
            case .success(let lease):
                tenant.learn(lease.resource)
                lease.release()
                guard !self.isGone else { return }
                self.welcome()
                self.process()
            }
        }
        // It may have been told at once.
        if self.phase != .waiting { self.request = nil }
    }

    private func welcome() {
        guard let tenant, let defaults = tenant.defaults else { return }
        self.endAlarm()
        self.settings = tenant.settings
        var told = defaults
        for (place, value) in self.login.parameters {
            self.settings = self.settings.with(place, value)
            // The others are told as the server has them, once it has taken them.
            if PostgresProxyTable.settings[place] == "application_name" { told["application_name"] = value }
        }
        self.wasTold = self.login.parameters.allSatisfy { PostgresProxyTable.settings[$0.place] == "application_name" }
        self.login.parameters = []
        self.number = self.proxy.enter(self)
        var generator = SystemRandomNumberGenerator()
        self.secret = generator.next()
        self.scanner.completeLogin()
        self.phase = .session
        if self.isSession { self.pins = .sessionMode }
        self.answer { buffer throws(PostgresWireError) in
            try PostgresBackend.AuthenticationOk().write(into: &buffer)
            for (name, value) in told.sorted(by: { $0.key < $1.key }) {
                try PostgresBackend.ParameterStatus(name: PostgresString(name), value: PostgresString(value)).write(into: &buffer)
            }
            try PostgresBackend.BackendKeyData(processID: self.number, secretKey: ByteBuffer(integer: self.secret)).write(into: &buffer)
            try buffer.writePostgresReadyForQuery(.idle)
        }
        self.flushToClient()
        if self.isDraining { self.endDrained() }
    }
}

extension Owner {
    static var postgresProxyClient: Owner { Owner("postgres proxy client") }
}
