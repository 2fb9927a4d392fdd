import NIOCore
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// Servers that break the protocol when they are asked something: cases 28, 29, 38 to 42.
///
/// Whatever the server does, the statement gets one typed error, its connection is closed and not used again, another connection goes on,
/// and the next statement gets its own answer over a new connection.
struct HostileServerTests {
    typealias Message = PostgresBackend.Message

    /// A message whose length says what it likes.
    static func raw(_ tag: Character, _ length: UInt32, _ payload: [UInt8] = []) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeInteger(tag.asciiValue!)
        bytes.writeInteger(length)
        bytes.writeBytes(payload)
        return bytes
    }

    static func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    /// - Parameters:
    ///   - isSimple: by the simple protocol, on a leased connection.
    ///   - cleanly: the client closes the connection by itself; false where the server does.
    @discardableResult
    static func attack(
        isSimple: Bool = false, deadline: TimeAmount = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
        _ victim: @escaping @Sendable (FakeSession, FakeStatement) -> Void
    ) async throws -> PostgresError {
        var script = FakeScript()
        script.victim = { session, statement in
            // Only its first connection is hostile.
            if session.number == 1 { victim(session, statement) } else { session.answer(statement) }
        }
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        configuration.cancelTimeout = .milliseconds(200)
        return try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url(), configuration: configuration) { local, _ in
                if isSimple { return try await self.attackLeased(local, server, deadline, sourceLocation) }
                let first = try await local.query("select 1")[0].decode(Int.self)
                #expect(first == 1, sourceLocation: sourceLocation)
                return try await local.withConnection { other in
                    let value1 = try await other.query("select 1")[0].decode(Int.self)
                    #expect(value1 == 2, sourceLocation: sourceLocation)
                    let receiver = CountingReceiver(local.loop)
                    local.send("victim", deadline: .now() + deadline, tag: 0, to: receiver)
                    try await receiver.ended.get()
                    try await server.sessions[0].channel.closeFuture.get()
                    // Others go on, and what is asked next goes elsewhere.
                    let value2 = try await other.query("select 1")[0].decode(Int.self)
                    #expect(value2 == 2, sourceLocation: sourceLocation)
                    let value3 = try await local.query("select 1")[0].decode(Int.self)
                    #expect(value3 == 3, sourceLocation: sourceLocation)
                    let value4 = try await local.query("victim")[0].decode(Int.self)
                    #expect(value4 == 3, sourceLocation: sourceLocation)
                    #expect(receiver.ends == 1 && receiver.completions == 0, sourceLocation: sourceLocation)
                    return try #require(receiver.failures.first, sourceLocation: sourceLocation)
                }
            }
        }
    }

    private static func attackLeased(
        _ local: LocalPostgres, _ server: FakePostgres, _ deadline: TimeAmount, _ location: SourceLocation
    ) async throws -> PostgresError {
        let error = await PostgresError.of(
            {
                try await local.withConnection { connection in
                    _ = try await connection.simpleQuery("victim", deadline: .now() + deadline).get()
                }
            }, location)
        try await server.sessions[0].channel.closeFuture.get()
        let next = try await local.withConnection { try await $0.simpleQuery("select 1").get() }
        #expect(try next[0][0].decode(Int.self) == 2, sourceLocation: location)
        return try #require(error, sourceLocation: location)
    }

    // MARK: Lengths

    static let tags = Array("RK23CGHWdcDIEVvnNAtS1sZT")

    /// 0 to 3, less than the kind's least, all of 2^31 and more; of every message.
    @Test(arguments: tags) func lengthsThatLie(tag: Character) async throws {
        for length: UInt32 in [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            let error = try await Self.attack { session, _ in session.send(bytes: Self.raw(tag, length, Array(repeating: 0, count: 64))) }
            #expect(error.code == .protocolViolation && error.mayHaveRun, "\(tag) \(length): \(error)")
        }
    }

    /// The message is as long as it says, and its parts are not.
    @Test(
        arguments: [
            ("T", [0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]), ("T", [0, 1] + text("n")), ("T", [0, 2] + text("a")), ("T", [0x80, 0]),
        ] as [(Character, [UInt8])])
    func columnsThatLie(tag: Character, payload: [UInt8]) async throws {
        let error = try await Self.attack { session, statement in
            session.send(.parseComplete(.init()), .parameterDescription(.init(types: [])))
            session.send(bytes: Self.raw(tag, UInt32(payload.count + 4), payload))
        }
        #expect(error.code == .protocolViolation)
    }

    @Test(
        arguments: [
            // A length of -2, beyond the end, 65,535 columns in ten bytes, one too few, one too many, trailing bytes.
            [0, 1, 0xff, 0xff, 0xff, 0xfe], [0, 1, 0, 0, 0, 200, 1], [0, 1, 0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0], [0, 2, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1], [0, 1, 0, 0, 0, 1, 1, 9], [0, 1, 0, 0, 0],
        ] as [[UInt8]])
    func rowsThatLie(payload: [UInt8]) async throws {
        let error = try await Self.attack { session, statement in
            session.send(statement.head)
            session.send(bytes: Self.raw("D", UInt32(payload.count + 4), payload))
            session.send(FakeStatement.done)
        }
        #expect(error.code == .protocolViolation && error.mayHaveRun)
    }

    // MARK: Messages that may not come

    /// Each kind that is never due where a statement begins, and where its rows are.
    @Test(
        arguments: [
            .readyForQuery(.init(status: .idle)), .copyData(.init(data: ByteBuffer(string: "x"))), .copyDone(.init()),
            .copyBothResponse(.init(format: .text, columnFormats: [])), .functionCallResponse(.init(result: nil)), .closeComplete(.init()),
            .backendKeyData(.init(processID: 1, secretKey: ByteBuffer(string: "abcd"))), .authenticationOk(.init()),
            .authenticationCleartextPassword(.init()), .negotiateProtocolVersion(.init(newestMinorVersion: 0, unrecognizedOptions: [])),
            .parseComplete(.init()), .noData(.init()), .parameterDescription(.init(types: [])),
        ] as [Message])
    func messagesThatMayNotCome(message: Message) async throws {
        let inRows = try await Self.attack { session, statement in session.send(statement.head + [message] + FakeStatement.done) }
        #expect(inRows.code == .protocolViolation, "\(message) among rows")
        if case .parseComplete = message { return }
        let atBegin = try await Self.attack { session, statement in session.send([message] + statement.head + FakeStatement.done) }
        #expect(atBegin.code == .protocolViolation, "\(message) first")
    }

    @Test func rowsBeforeTheyAreDescribed() async throws {
        for messages: [Message] in [
            [FakeStatement.row(1)], [.parseComplete(.init()), FakeStatement.row(1)],
            [
                .parseComplete(.init()), .parameterDescription(.init(types: [])), .noData(.init()), .bindComplete(.init()),
                FakeStatement.row(1),
            ],
        ] {
            let error = try await Self.attack { session, _ in session.send(messages + FakeStatement.done) }
            #expect(error.code == .protocolViolation)
        }
        for messages: [Message] in [
            [FakeStatement.row(1)],
            // The second result has no description of its own.
            [.rowDescription(FakeStatement.columns), .commandComplete(.init(tag: "SELECT 0")), FakeStatement.row(1)],
        ] {
            let error = try await Self.attack(isSimple: true) { session, _ in session.send(messages + FakeStatement.done) }
            #expect(error.code == .protocolViolation)
        }
    }

    /// An end without a result would be taken for one, and each answer for that of the statement before.
    @Test func anEndWithoutAResult() async throws {
        let error = try await Self.attack(isSimple: true) { session, _ in session.send(.readyForQuery(.init(status: .idle))) }
        #expect(error.code == .protocolViolation)
    }

    @Test func anEndOfNoKnownKind() async throws {
        let error = try await Self.attack { session, statement in
            session.send(statement.head + [FakeStatement.row(1), .commandComplete(.init(tag: "SELECT 1"))])
            session.send(bytes: Self.raw("Z", 5, Array("Z".utf8)))
        }
        #expect(error.code == .protocolViolation)
    }

    @Test func anEndThatNeverComes() async throws {
        let error = try await Self.attack(deadline: .milliseconds(100)) { session, statement in
            session.send(statement.head + [FakeStatement.row(1), .commandComplete(.init(tag: "SELECT 1"))])
        }
        #expect(error.code == .timeout && error.mayHaveRun)
    }

    @Test func answersOutOfOrder() async throws {
        let error = try await Self.attack { session, statement in session.send(statement.head.reversed() + FakeStatement.done) }
        #expect(error.code == .protocolViolation)
    }

    // MARK: What is well all the same

    /// Runs a statement that is answered by this script, and expects its row from the first session.
    private static func succeeds(
        _ location: SourceLocation = #_sourceLocation, _ victim: @escaping @Sendable (FakeSession, FakeStatement) -> Void
    ) async throws {
        var script = FakeScript()
        script.victim = victim
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url(), configuration: configuration) { local, _ in
                for _ in 0..<3 {
                    let value5 = try await local.query("victim")[0].decode(Int.self)
                    #expect(value5 == 1, sourceLocation: location)
                    let value6 = try await local.query("select 1")[0].decode(Int.self)
                    #expect(value6 == 1, sourceLocation: location)
                }
            }
            #expect(server.sessions.count == 1, sourceLocation: location)
        }
    }

    static let asides: [Message] = [
        .noticeResponse(.init(fields: [.init(.severity, "NOTICE"), .init(.message, "x")])), .noticeResponse(.init(fields: [])),
        .parameterStatus(.init(name: "TimeZone", value: "UTC")),
        .notificationResponse(.init(processID: 1, channel: "c", payload: "p")),
    ]

    @Test func whatMayComeAtAnyTimeMay() async throws {
        try await Self.succeeds { session, statement in
            let messages = statement.head + [FakeStatement.row(session.number)] + FakeStatement.done
            session.send(Self.asides + messages.flatMap { [$0] + Self.asides })
        }
    }

    @Test func aServerThatAnswersByteByByte() async throws {
        try await Self.succeeds { session, statement in
            var bytes = ByteBuffer()
            for message in statement.head + [FakeStatement.row(session.number)] + FakeStatement.done { try! message.write(into: &bytes) }
            Self.drip(bytes, session)
        }
    }

    /// Each byte in a write of its own, the next one when the loop comes round.
    static func drip(_ bytes: ByteBuffer, _ session: FakeSession) {
        var rest = bytes
        guard let byte = rest.readSlice(length: 1) else { return }
        let next = rest
        session.channel.eventLoop.execute {
            session.send(bytes: byte)
            self.drip(next, session)
        }
    }
}
