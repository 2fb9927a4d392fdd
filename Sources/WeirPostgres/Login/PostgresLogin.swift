import Crypto
import NIOCore
import NIOSSL
import WeirCore
import WeirPostgresWire
import WeirSockets

/// What is said on a new connection before anyone may use it: TLS, who is there, the proof of it, and of which kind the server is. Belongs
/// to the connection's loop; has no deadline of its own, as whoever connects has one.
///
/// Nothing but the request for TLS is said in plain text where TLS is asked for, and nothing that came in plain text is read after it. A
/// login that is less than what was asked for (a clear password, no binding, no proof of the server's) is refused.
/// Source: <https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.3>.
final class PostgresLogin {
    private enum State {
        case encryption
        case authentication
        case scram(PostgresSCRAM)
        /// The server's proof is believed.
        case proven
        /// It has let this side in; its settings come.
        case settings
        case over
    }

    private unowned let connection: PostgresConnection
    private let target: PostgresServerTarget
    private let host: String?
    private var state = State.authentication
    private var certificateHash: [UInt8]?
    private(set) var usesTLS = false
    private var whenDone: ((Result<Void, PostgresError>) -> Void)?

    private var loop: any EventLoop { self.connection.loopContext.loop }
    private var url: PostgresURL { self.target.url }

    /// - Parameter host: the name to verify; nil for a Unix socket, over which no TLS is spoken.
    init(_ connection: PostgresConnection, target: PostgresServerTarget, host: String?) {
        self.connection = connection
        self.target = target
        self.host = host
    }

    /// - Parameter whenDone: called once; after an error the connection is closed.
    func run(_ whenDone: @escaping (Result<Void, PostgresError>) -> Void) {
        self.whenDone = whenDone
        self.connection.login = self
        if self.asksForTLS {
            self.state = .encryption
            self.send { buffer throws(PostgresWireError) in try PostgresFrontend.SSLRequest().write(into: &buffer) }
        } else {
            self.start()
        }
    }

    var asksForTLS: Bool { self.target.usesTLS && self.host != nil }

    // MARK: TLS

    func encryptionAnswered(_ byte: UInt8) {
        guard case .encryption = self.state, let context = self.connection.context else {
            return self.fail(.protocolViolation, "an answer to no request")
        }
        if byte == UInt8(ascii: "S"), let tls = self.target.tls, let host {
            do {
                try context.pipeline.syncOperations.addHandler(try tls.handler(host: host), position: .first)
            } catch {
                return self.fail(.tlsFailed, "the TLS configuration or the server's name cannot be used", cause: error)
            }
            self.usesTLS = true
            // Kept by TLS until the server has shown its certificate.
            self.start()
        } else if self.url.tlsMode == .prefer {
            self.start()
        } else {
            self.fail(.tlsFailed, "the server speaks no TLS")
        }
    }

    // MARK: Who is there

    private func start() {
        self.state = .authentication
        var parameters: [(name: PostgresString, value: PostgresString)] = [("user", PostgresString(self.url.user))]
        if let database = self.url.database { parameters.append(("database", PostgresString(database))) }
        if let name = self.url.applicationName { parameters.append(("application_name", PostgresString(name))) }
        if let options = self.url.options { parameters.append(("options", PostgresString(options))) }
        for (name, value) in self.target.configuration.parameters.sorted(by: { $0.key < $1.key }) {
            parameters.append((PostgresString(name), PostgresString(value)))
        }
        // Text is UTF-8 here, and dates are read as ISO writes them.
        if !self.target.isForClients { parameters += [("client_encoding", "UTF8"), ("DateStyle", "ISO")] }
        let message = PostgresFrontend.StartupMessage(parameters: PostgresStartupParameters(parameters))
        self.send { buffer throws(PostgresWireError) in try message.write(into: &buffer) }
    }

    /// - Returns: false for a message that may not come now.
    func received(_ frame: PostgresFrame) throws(PostgresWireError) -> Bool {
        switch (try PostgresBackend.Message(frame, limits: self.target.configuration.wireLimits), self.state) {
        case (.errorResponse(let response), _):
            self.refused(PostgresServerError(response.fields))
        case (.authenticationOk, .authentication), (.authenticationOk, .proven):
            guard self.bindingIsEnough else { return true }
            self.state = .settings
        case (.authenticationOk, .scram), (.authenticationOk, .over):
            self.fail(.authenticationFailed, "the server let this side in before it had proved that it knows the password")
        case (.authenticationSASL(let request), .authentication): self.beginSCRAM(request.mechanisms.map(\.string))
        case (.authenticationSASLContinue(let message), .scram(let scram)): self.goOn(scram, String(buffer: message.data))
        case (.authenticationSASLFinal(let message), .scram(var scram)):
            do throws(PostgresError) {
                try scram.verify(String(buffer: message.data))
                self.state = .proven
            } catch {
                self.finish(error)
            }
        case (.authenticationMD5Password(let request), .authentication): self.sendMD5(request.salt)
        case (.authenticationCleartextPassword, .authentication): self.sendCleartext()
        case (.authenticationGSS, _), (.authenticationSSPI, _), (.authenticationKerberosV5, _):
            self.fail(.authenticationFailed, "the server asks for a login that is not spoken here")
        case (.negotiateProtocolVersion, .authentication): break
        case (.backendKeyData(let key), .settings):
            self.connection.cancelKey = PostgresBackend.BackendKeyData(
                processID: key.processID, secretKey: ByteBuffer(bytes: key.secretKey.readableBytesView))
        case (.readyForQuery(let ready), .settings):
            guard ready.status == .idle else { return false }
            // Text would be read as what it is not.
            if !self.target.isForClients, let encoding = self.connection.parameters["client_encoding"], encoding != "UTF8" {
                self.fail(.connectFailed, "the server does not take UTF-8 for text, as an option has it")
                return true
            }
            self.finish(nil)
        default: return false
        }
        return true
    }

    /// Who insists on a login that is bound to its connection takes no other.
    private var bindingIsEnough: Bool {
        guard self.url.channelBinding == .require else { return true }
        if case .proven = self.state, self.certificateHash != nil { return true }
        self.fail(.authenticationFailed, "channel binding is required, and the server let this side in without it")
        return false
    }

    // MARK: SCRAM

    private func beginSCRAM(_ mechanisms: [String]) {
        guard self.url.password != nil else { return self.fail(.authenticationFailed, "the server asks for a password, and there is none") }
        let offersBinding = mechanisms.contains(PostgresSCRAM.mechanismWithBinding)
        var binding = PostgresSCRAM.Binding.unsupported
        if self.usesTLS, self.url.channelBinding != .disable {
            let certificate = try? self.connection.channel?.pipeline.syncOperations.nioSSL_peerCertificate()
            self.certificateHash = offersBinding ? certificate.flatMap { $0 }.flatMap(PostgresCertificate.endPointHash) : nil
            if let hash = self.certificateHash { binding = .endPoint(hash: hash) } else if !offersBinding { binding = .notOffered }
        }
        if self.url.channelBinding == .require, self.certificateHash == nil {
            return self.fail(.authenticationFailed, "channel binding is required, and there is none with this server")
        }
        let mechanism = self.certificateHash == nil ? PostgresSCRAM.mechanism : PostgresSCRAM.mechanismWithBinding
        guard mechanisms.contains(mechanism) else {
            return self.fail(.authenticationFailed, "the server offers no SASL mechanism that is spoken here")
        }
        let scram = PostgresSCRAM(binding, nonce: PostgresSCRAM.makeNonce())
        self.state = .scram(scram)
        self.send { buffer throws(PostgresWireError) in
            try buffer.writePostgresSASLInitialResponse(mechanism: mechanism, response: ByteBuffer(string: scram.clientFirst))
        }
    }

    private func goOn(_ scram: PostgresSCRAM, _ message: String) {
        var scram = scram
        do throws(PostgresError) {
            let salting = try scram.received(
                serverFirst: message, maximumIterations: self.target.configuration.maximumSCRAMIterations)
            self.state = .over
            // Elsewhere, as it takes a while.
            self.target.keys.saltedPassword(salting, on: self.loop).assumeIsolated().whenComplete { result in
                guard self.whenDone != nil else { return }
                switch result {
                case .success(let key):
                    let final = scram.clientFinal(saltedPassword: key)
                    self.state = .scram(scram)
                    self.send { buffer throws(PostgresWireError) in
                        try buffer.writePostgresAuthenticationResponse(ByteBuffer(string: final))
                    }
                case .failure(let error):
                    self.fail(.authenticationFailed, "the SCRAM keys could not be made", cause: error)
                }
            }
        } catch {
            self.finish(error)
        }
    }

    // MARK: Passwords

    private func sendMD5(_ salt: UInt32) {
        guard self.target.configuration.allowsMD5Password else {
            return self.fail(.authenticationFailed, "the server asks for an MD5 password, which is not allowed")
        }
        guard let password = self.passwordWithoutBinding() else { return }
        let hash = PostgresPassword.md5(user: self.url.user, password: password, salt: salt)
        self.send { buffer throws(PostgresWireError) in try buffer.writePostgresPasswordMessage(hash) }
    }

    private func sendCleartext() {
        // Who has not been verified might be anyone.
        let isVerified = self.host == nil || self.usesTLS && [.verifyCA, .verifyFull].contains(self.url.tlsMode)
        guard self.target.configuration.allowsCleartextPassword, isVerified else {
            return self.fail(
                .authenticationFailed, "the server asks for the password in clear text, which is allowed only where it is set and verified")
        }
        guard let password = self.passwordWithoutBinding() else { return }
        self.send { buffer throws(PostgresWireError) in try buffer.writePostgresPasswordMessage(password) }
    }

    private func passwordWithoutBinding() -> String? {
        guard self.url.channelBinding != .require else {
            self.fail(.authenticationFailed, "channel binding is required, and the server asks for a login without it")
            return nil
        }
        guard let password = self.url.password else {
            self.fail(.authenticationFailed, "the server asks for a password, and there is none")
            return nil
        }
        return password
    }

    // MARK: The end

    private func send(_ body: (inout ByteBuffer) throws(PostgresWireError) -> Void) {
        var buffer = ByteBuffer()
        do throws(PostgresWireError) {
            try body(&buffer)
        } catch {
            return self.fail(.connectFailed, "the user, the database or a setting is too long, or has a NUL in it", cause: error)
        }
        self.connection.context?.writeAndFlush(PostgresConnection.wrapOutboundOut(buffer), promise: nil)
    }

    private func refused(_ error: PostgresServerError) {
        switch error.sqlState {
        case .invalidPassword?, .invalidAuthorization?:
            self.finish(PostgresError(.authenticationFailed, "the server refused the user or the password", server: error))
        default: self.finish(PostgresError(.connectFailed, "the server refused the connection", server: error))
        }
    }

    private func fail(_ code: PostgresError.Code, _ message: StaticString, cause: (any Error)? = nil) {
        self.finish(PostgresError(code, message, cause: cause))
    }

    /// The connection says that it has ended.
    func connectionEnded(_ error: PostgresError) {
        guard let whenDone = self.whenDone.take() else { return }
        self.state = .over
        // What it sent was not the protocol, which is no loss.
        if error.code == .protocolViolation { return whenDone(.failure(error)) }
        if let cause = error.cause, ClientTLS.isFailure(cause) {
            return whenDone(.failure(PostgresError(.tlsFailed, "TLS could not be agreed on with the server", cause: cause)))
        }
        whenDone(.failure(PostgresError(.connectFailed, "the connection was lost during the login", cause: error, server: error.server)))
    }

    private func finish(_ error: PostgresError?) {
        guard let whenDone = self.whenDone.take() else { return }
        self.state = .over
        if let error {
            self.connection.close()
            return whenDone(.failure(error))
        }
        self.connection.loginDone()
        whenDone(.success(()))
    }
}
