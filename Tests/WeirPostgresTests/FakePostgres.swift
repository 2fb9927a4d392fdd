import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import WeirPostgresWire

@testable import WeirPostgres

/// A server that plays Postgres as a test tells it, to the byte. What a test does not tell, it does well.
struct FakeScript: Sendable {
    /// The client asks for TLS.
    var encryption: @Sendable (FakeSession) -> Void = { $0.send(.encryptionResponse(.refused)) }
    /// The client says who it is.
    var startup: @Sendable (FakeSession) -> Void = { $0.letIn() }
    /// The client answers a request for authentication.
    var authentication: @Sendable (FakeSession, ByteBuffer) -> Void = { session, _ in session.letIn() }
    /// A statement whose text begins with `victim`. Others are answered with one row: the number of the session.
    var victim: @Sendable (FakeSession, FakeStatement) -> Void = { session, statement in session.answer(statement) }

    init() {}
}

/// What the client sent up to a Sync, or as a Query.
struct FakeStatement: Sendable {
    var sql = ""
    var isSimple = false
    var closes = 0
    var isParsed = false

    /// What is due before the rows.
    var head: [PostgresBackend.Message] {
        if self.isSimple { return [.rowDescription(Self.columns)] }
        var messages = Array(repeating: PostgresBackend.Message.closeComplete(.init()), count: self.closes)
        if self.isParsed {
            messages += [.parseComplete(.init()), .parameterDescription(.init(types: [])), .rowDescription(Self.columns)]
        }
        return messages + [.bindComplete(.init())]
    }

    static let columns = try! PostgresBackend.RowDescription([PostgresColumn(name: "n", type: .int4, typeSize: 4)])
    static let done: [PostgresBackend.Message] = [.commandComplete(.init(tag: "SELECT 1")), .readyForQuery(.init(status: .idle))]

    static func row(_ value: Int) -> PostgresBackend.Message {
        .dataRow(.init(values: try! PostgresValues([ByteBuffer(integer: Int32(value))])))
    }
}

final class FakePostgres: Sendable {
    let port: Int
    private let channel: any Channel
    private let state: NIOLockedValueBox<State>

    struct State {
        var sessions: [FakeSession] = []
        var connections: [any Channel] = []
        var cancels: [Int32] = []
    }

    private init(_ channel: any Channel, _ state: NIOLockedValueBox<State>) {
        self.channel = channel
        self.port = channel.localAddress!.port!
        self.state = state
    }

    static func start(_ script: FakeScript = FakeScript()) async throws -> FakePostgres {
        let state = NIOLockedValueBox(State())
        let channel = try await ServerBootstrap(group: testGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    state.withLockedValue { $0.connections.append(channel) }
                    let gate = PostgresLoginGate()
                    gate.open()
                    let session = FakeSession(channel: channel, script: script, state: state)
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(PostgresFrontendDecoder(gate: gate)), FakeHandler(session))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return FakePostgres(channel, state)
    }

    /// A URL of it, without TLS unless told.
    func url(_ options: String = "sslmode=disable") throws -> PostgresURL {
        try PostgresURL("postgres://fake:s3cr3t-pa55word@127.0.0.1:\(self.port)/fake?\(options)")
    }

    /// Sessions that have begun, in their order: number 1 is the first.
    var sessions: [FakeSession] { self.state.withLockedValue { $0.sessions } }
    /// Connections of every kind.
    var connectionCount: Int { self.state.withLockedValue { $0.connections.count } }
    /// The sessions that were to be cancelled.
    var cancels: [Int32] { self.state.withLockedValue { $0.cancels } }

    /// Completes when the client has closed all connections that were made until now.
    func clientHasClosedAll() async throws {
        for channel in self.state.withLockedValue({ $0.connections }) { try await channel.closeFuture.get() }
    }

    func stop() async throws {
        try await self.channel.close().get()
        for channel in self.state.withLockedValue({ $0.connections }) { channel.close(promise: nil) }
    }

    /// Runs the body beside a server.
    static func with<Success: Sendable>(_ script: FakeScript, _ body: (FakePostgres) async throws -> Success) async throws -> Success {
        let server = try await FakePostgres.start(script)
        do {
            let result = try await body(server)
            try await server.stop()
            return result
        } catch {
            try await server.stop()
            throw error
        }
    }
}

/// One connection of the fake server. May be used from anywhere.
final class FakeSession: Sendable {
    let channel: any Channel
    private let script: FakeScript
    private let state: NIOLockedValueBox<FakePostgres.State>
    private let numberBox = NIOLockedValueBox(0)
    private let statement = NIOLockedValueBox(FakeStatement())
    private let texts = NIOLockedValueBox<[String: String]>([:])
    private let bound = NIOLockedValueBox("")
    /// What the client said when it began: user, database and settings.
    let startup = NIOLockedValueBox<[String: String]>([:])

    init(channel: any Channel, script: FakeScript, state: NIOLockedValueBox<FakePostgres.State>) {
        self.channel = channel
        self.script = script
        self.state = state
    }

    /// From 1 on, by the order of StartupMessages.
    var number: Int { self.numberBox.withLockedValue { $0 } }

    func send(_ messages: PostgresBackend.Message...) { self.send(messages) }

    func send(_ messages: [PostgresBackend.Message]) {
        var buffer = ByteBuffer()
        for message in messages { try! message.write(into: &buffer) }
        self.send(bytes: buffer)
    }

    func send(bytes: ByteBuffer) { self.channel.writeAndFlush(bytes, promise: nil) }

    func close() { self.channel.close(promise: nil) }
    /// Sends nothing more; the channel closes when the client has seen that.
    func hangUp() { self.channel.close(mode: .output, promise: nil) }

    /// Logs the client in.
    func letIn(_ more: PostgresBackend.Message...) {
        self.send(
            [.authenticationOk(.init()), .parameterStatus(.init(name: "server_version", value: "15.0"))] + more + [
                .backendKeyData(.init(processID: Int32(self.number), secretKey: ByteBuffer(string: "abcd"))),
                .readyForQuery(.init(status: .idle)),
            ])
    }

    /// As it should be answered.
    func answer(_ statement: FakeStatement) {
        if statement.isSimple, statement.sql.isEmpty {
            return self.send(.emptyQueryResponse(.init()), .readyForQuery(.init(status: .idle)))
        }
        let row =
            statement.isSimple
            ? PostgresBackend.Message.dataRow(.init(values: try! PostgresValues([ByteBuffer(string: "\(self.number)")])))
            : FakeStatement.row(self.number)
        self.send(statement.head + [row] + FakeStatement.done)
    }

    func received(_ frame: PostgresFrame) throws {
        switch try PostgresFrontend.Message(frame, limits: PostgresWireLimits()) {
        case .sslRequest: self.script.encryption(self)
        case .cancelRequest(let request):
            self.state.withLockedValue { $0.cancels.append(request.processID) }
            self.close()
        case .startupMessage(let message):
            self.startup.withLockedValue { startup in for (name, value) in message.parameters { startup[name.string] = value.string } }
            let number = self.state.withLockedValue { state in
                state.sessions.append(self)
                return state.sessions.count
            }
            self.numberBox.withLockedValue { $0 = number }
            self.script.startup(self)
        case .authenticationResponse(let response): self.script.authentication(self, response.data)
        case .query(let query): self.run(FakeStatement(sql: query.query.string, isSimple: true))
        case .close: self.statement.withLockedValue { $0.closes += 1 }
        case .parse(let parse):
            self.texts.withLockedValue { $0[parse.statement.string] = parse.query.string }
            self.statement.withLockedValue { $0.isParsed = true }
        case .bind(let bind):
            let text = self.texts.withLockedValue { $0[bind.statement.string] }
            self.statement.withLockedValue { $0.sql = text ?? "" }
        case .sync:
            let statement = self.statement.withLockedValue { statement in
                defer { statement = FakeStatement() }
                return statement
            }
            self.run(statement)
        case .terminate: self.close()
        default: break
        }
    }

    private func run(_ statement: FakeStatement) {
        if statement.sql.hasPrefix("victim") { self.script.victim(self, statement) } else { self.answer(statement) }
    }
}

private final class FakeHandler: ChannelInboundHandler {
    typealias InboundIn = PostgresFrame

    private let session: FakeSession

    init(_ session: FakeSession) { self.session = session }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do { try self.session.received(Self.unwrapInboundIn(data)) } catch { context.close(promise: nil) }
    }

    /// What it does not understand, as TLS, it does not hear.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
