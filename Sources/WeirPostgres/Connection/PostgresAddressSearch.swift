import NIOCore
import WeirCore

/// One connect of a pool: tries the addresses, one after the other, until one serves and is of the wanted kind. Belongs to one loop.
final class PostgresAddressSearch {
    private let target: PostgresServerTarget
    private let loopContext: LoopContext
    private let first: Int
    private var tried = 0
    /// A standby was preferred, and there was none: any will do now.
    private var takesAny = false
    /// TLS was preferred, and there was none with this address.
    private var goesPlain = false
    private var dial: PostgresDial?
    private var timer: Scheduled<Void>?
    private var whenDone: ((Result<(PostgresConnection, address: Int), PostgresError>) -> Void)?

    private var addresses: [PostgresAddress] { self.target.url.addresses }
    private var current: Int { (self.first + self.tried) % self.addresses.count }
    /// The address after the one that is being tried.
    var next: Int { (self.current + 1) % self.addresses.count }

    /// - Parameter first: the index of the address to begin with.
    init(_ target: PostgresServerTarget, from first: Int, loopContext: LoopContext) {
        self.target = target
        self.first = first
        self.loopContext = loopContext
    }

    /// - Parameter whenDone: called once, perhaps before this returns.
    func start(_ whenDone: @escaping (Result<(PostgresConnection, address: Int), PostgresError>) -> Void) {
        self.whenDone = whenDone
        self.tryCurrent()
    }

    /// Gives up; nothing if it has ended.
    func cancel() {
        guard let whenDone = self.whenDone.take() else { return }
        let error = PostgresError(.connectFailed, "the connect was given up: it took too long, or the pool closes")
        self.timer?.cancel()
        self.dial.take()?.cancel(error)
        whenDone(.failure(error))
    }

    private func tryCurrent() {
        let attributes = self.takesAny ? PostgresSessionAttributes.any : self.target.url.sessionAttributes
        let target = self.goesPlain ? self.target.withoutTLS : self.target
        let dial = PostgresDial(target, to: self.addresses[self.current], attributes: attributes, loopContext: self.loopContext)
        self.dial = dial
        let seconds = self.target.url.connectTimeoutSeconds.map { TimeAmount.seconds(Int64($0)) }
        // One address has all the time that the pool gives, unless its own is said.
        if let timeout = seconds ?? (self.addresses.count > 1 ? self.target.configuration.addressTimeout : nil) {
            self.timer = self.loopContext.loop.assumeIsolated().scheduleTask(in: timeout) {
                dial.cancel(PostgresError(.connectFailed, "the address took too long to connect to"))
            }
        }
        dial.start { self.tried(with: $0) }
    }

    private func tried(with result: Result<PostgresConnection, PostgresError>) {
        self.timer?.cancel()
        self.timer = nil
        guard self.whenDone != nil else {
            if case .success(let connection) = result { connection.close() }
            return
        }
        switch result {
        case .success(let connection): self.finish(.success((connection, self.current)))
        case .failure(let error):
            if self.mayGoPlain(after: error) {
                self.goesPlain = true
                return self.tryCurrent()
            }
            self.goesPlain = false
            self.tried += 1
            // Who is refused by one is refused by all, and may be locked out for asking again.
            guard error.code != .authenticationFailed else { return self.finish(.failure(error)) }
            if self.tried < self.addresses.count { return self.tryCurrent() }
            if self.target.url.sessionAttributes == .preferStandby, !self.takesAny {
                self.takesAny = true
                self.tried = 0
                return self.tryCurrent()
            }
            self.finish(.failure(error))
        }
    }

    private func mayGoPlain(after error: PostgresError) -> Bool {
        guard self.target.url.tlsMode == .prefer, self.target.usesTLS, !self.goesPlain,
            case .tcp = self.addresses[self.current]
        else { return false }
        // Who may not come with TLS may come without: that is no refusal of a password.
        return error.code == .tlsFailed || error.server?.sqlState == .invalidAuthorization
    }

    private func finish(_ result: Result<(PostgresConnection, address: Int), PostgresError>) {
        guard let whenDone = self.whenDone.take() else { return }
        self.dial = nil
        self.timer?.cancel()
        self.timer = nil
        whenDone(result)
    }
}
