import NIOConcurrencyHelpers
import NIOCore
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// Servers that lie at start-up: cases 28, 34 to 39, 55. The connect fails once, typed, and leaves nothing open; the password is in nothing
/// that is printed.
struct HostileLoginTests {
    typealias Message = PostgresBackend.Message

    /// How a connect to this server fails.
    private static func error(
        _ script: FakeScript, _ options: String = "sslmode=disable", _ configuration: PostgresConfiguration = .patient,
        _ location: SourceLocation = #_sourceLocation
    ) async throws -> PostgresError {
        try await FakePostgres.with(script) { server in
            let error = await Connecting.error(try server.url(options), configuration, location)
            // Closed by the client: this would not end otherwise.
            try await server.clientHasClosedAll()
            return try #require(error, sourceLocation: location)
        }
    }

    private static func script(startup: @escaping @Sendable (FakeSession) -> Void) -> FakeScript {
        var script = FakeScript()
        script.startup = startup
        return script
    }

    private static func script(encryption: @escaping @Sendable (FakeSession) -> Void) -> FakeScript {
        var script = FakeScript()
        script.encryption = encryption
        return script
    }

    // MARK: TLS

    @Test(arguments: ["require", "verify-ca", "verify-full"]) func aServerWithoutTLS(mode: String) async throws {
        let error = try await Self.error(Self.script(encryption: { $0.send(.encryptionResponse(.refused)) }), "sslmode=\(mode)")
        #expect(error.code == .tlsFailed)
    }

    @Test func aServerWithoutTLSWhereItIsPreferred() async throws {
        try await FakePostgres.with(FakeScript()) { server in
            try await Connecting.with(try server.url("sslmode=prefer")) { _ in }
            #expect(server.sessions.count == 1)
        }
    }

    /// Behind `S` and `N` nothing may come in plain text: it would be taken for what TLS has brought.
    @Test(arguments: ["prefer", "require", "verify-full"], ["S", "N"]) func bytesBehindTheAnswer(mode: String, answer: String) async throws
    {
        var bytes = ByteBuffer(string: answer)
        try Message.errorResponse(.init(fields: [.init(.severity, "FATAL"), .init(.sqlState, "57P03")])).write(into: &bytes)
        let error = try await Self.error(Self.script(encryption: { [bytes] in $0.send(bytes: bytes) }), "sslmode=\(mode)")
        #expect(error.code == .protocolViolation, "\(error)")
        #expect(error.server == nil)
    }

    /// In a write of its own behind `S`: TLS does not take it, and nobody else does.
    @Test func plainTextInPlaceOfTLS() async throws {
        let script = Self.script(encryption: { session in
            session.send(.encryptionResponse(.ssl))
            session.channel.eventLoop.execute { session.letIn() }
        })
        let error = try await Self.error(script, "sslmode=require")
        #expect([.tlsFailed, .protocolViolation].contains(error.code), "\(error)")
    }

    /// What an option of the user's, or a pooler's, may lead to.
    @Test func anotherEncodingThanAskedFor() async throws {
        let script = Self.script(startup: { session in
            session.send(.authenticationOk(.init()), .parameterStatus(.init(name: "client_encoding", value: "LATIN1")))
            session.send(.readyForQuery(.init(status: .idle)))
        })
        let error = try await Self.error(script)
        #expect(error.code == .connectFailed)
    }

    @Test(arguments: ["prefer", "require"], ["X", "G", "s", "\0"]) func answersThatAreNone(mode: String, answer: String) async throws {
        let error = try await Self.error(Self.script(encryption: { $0.send(bytes: ByteBuffer(string: answer)) }), "sslmode=\(mode)")
        #expect(error.code == .protocolViolation)
    }

    /// What an old server, or one that is full, says; and whoever stands between. It is not believed to be the server.
    @Test(arguments: ["prefer", "require"]) func anErrorForAnAnswer(mode: String) async throws {
        let error = try await Self.error(
            Self.script(encryption: { $0.send(HostileEndTests.error("FATAL", "53300")) }), "sslmode=\(mode)")
        #expect(error.code == .connectFailed && error.sqlState == .tooManyConnections)
    }

    @Test func aHangUpForAnAnswer() async throws {
        let error = try await Self.error(Self.script(encryption: { $0.close() }), "sslmode=require")
        #expect([.connectFailed, .tlsFailed].contains(error.code))
        let inTLS = try await Self.error(
            Self.script(encryption: { session in
                session.send(.encryptionResponse(.ssl))
                session.close()
            }), "sslmode=require")
        #expect([.connectFailed, .tlsFailed].contains(inTLS.code))
    }

    // MARK: Logins that are not allowed

    private static let cleartext = script(startup: { $0.send(.authenticationCleartextPassword(.init())) })
    private static let md5 = script(startup: { $0.send(.authenticationMD5Password(.init(salt: 1))) })

    @Test func clearTextIsRefused() async throws {
        var allowing = PostgresConfiguration.patient
        allowing.allowsCleartextPassword = true
        for (options, configuration) in [("", PostgresConfiguration.patient), ("", allowing), ("sslmode=prefer", allowing)] {
            let error = try await Self.error(Self.cleartext, options, configuration)
            #expect(error.code == .authenticationFailed)
        }
    }

    @Test func md5IsRefusedWhereItIsNotAllowed() async throws {
        var configuration = PostgresConfiguration.patient
        configuration.allowsMD5Password = false
        let error = try await Self.error(Self.md5, "", configuration)
        #expect(error.code == .authenticationFailed)
    }

    @Test(
        arguments: [
            [.authenticationCleartextPassword(.init())], [.authenticationMD5Password(.init(salt: 1))],
            [.authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256"]))], [.authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256-PLUS"]))],
            [.authenticationOk(.init()), .readyForQuery(.init(status: .idle))],
        ] as [[Message]])
    func lessThanTheBindingThatIsRequired(messages: [Message]) async throws {
        var configuration = PostgresConfiguration.patient
        configuration.allowsCleartextPassword = true
        let answers = NIOLockedValueBox(0)
        var script = Self.script(startup: { $0.send(messages) })
        script.authentication = { _, _ in answers.withLockedValue { $0 += 1 } }
        let error = try await Self.error(script, "sslmode=disable&channel_binding=require", configuration)
        #expect(error.code == .authenticationFailed)
        #expect(answers.withLockedValue { $0 } == 0)
    }

    @Test(
        arguments: [
            [.authenticationGSS(.init())], [.authenticationSSPI(.init())], [.authenticationKerberosV5(.init())],
            [.authenticationSASL(.init(mechanisms: []))], [.authenticationSASL(.init(mechanisms: ["SCRAM-SHA-1", "OAUTHBEARER"]))],
            // Bound to TLS that is not there.
            [.authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256-PLUS"]))],
        ] as [[Message]])
    func loginsThatAreNotSpoken(messages: [Message]) async throws {
        let error = try await Self.error(Self.script(startup: { $0.send(messages) }))
        #expect(error.code == .authenticationFailed)
    }

    // MARK: SCRAM

    /// A server that offers SCRAM and answers the client's first message by this, and its last one by that.
    private static func scram(
        first: @escaping @Sendable (_ nonce: String) -> String, last: [Message] = [.authenticationOk(.init())]
    ) -> (FakeScript, messages: NIOLockedValueBox<[String]>) {
        let messages = NIOLockedValueBox<[String]>([])
        var script = Self.script(startup: { $0.send(.authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256"]))) })
        script.authentication = { session, data in
            let text = String(buffer: data)
            let count = messages.withLockedValue { messages in
                messages.append(text)
                return messages.count
            }
            guard count == 1 else { return session.send(last) }
            let nonce = text.split(separator: ",").last { $0.hasPrefix("r=") }.map { String($0.dropFirst(2)) } ?? ""
            session.send(.authenticationSASLContinue(.init(data: ByteBuffer(string: first(nonce)))))
        }
        return (script, messages)
    }

    private static let salt = "c2FsdHNhbHQ="

    @Test(
        arguments: [
            { "r=\($0)x,s=\(salt),i=2000000000" }, { "r=\($0)x,s=\(salt),i=9223372036854775807" },
            { "r=\($0)x,s=\(salt),i=99999999999999999999" },
            { "r=\($0)x,s=\(salt),i=0" }, { "r=\($0)x,s=\(salt),i=-4096" }, { "r=\($0)x,s=\(salt),i=" }, { "r=\($0)x,s=\(salt)" },
            { "r=\($0),s=\(salt),i=4096" }, { "r=x\($0),s=\(salt),i=4096" }, { _ in "r=,s=\(salt),i=4096" },
            { _ in "r=another,s=\(salt),i=4096" },
            { "r=\($0)\(String(repeating: "x", count: 50_000)),s=\(salt),i=4096" }, { "r=\($0)x,s=,i=4096" },
            { "r=\($0)x,s=no base64,i=4096" },
            { "r=\($0)x,s=\(String(repeating: "YWFh", count: 5000)),i=4096" }, { "m=ext,r=\($0)x,s=\(salt),i=4096" }, { _ in "" },
            { _ in ",,," },
            { _ in "e=unknown-user" },
        ] as [@Sendable (String) -> String])
    func firstMessagesThatAreRefused(first: @escaping @Sendable (String) -> String) async throws {
        let (script, messages) = Self.scram(first: first)
        let error = try await Self.error(script)
        #expect(error.code == .authenticationFailed, "\(error)")
        // No proof was made of it.
        #expect(messages.withLockedValue { $0.count } == 1)
    }

    /// Over what a message of a login may be: refused before it is read.
    @Test func aNonceOfAHundredKilobytes() async throws {
        let (script, messages) = Self.scram(first: { "r=\($0)\(String(repeating: "x", count: 100_000)),s=\(Self.salt),i=4096" })
        let error = try await Self.error(script)
        #expect(error.code == .protocolViolation, "\(error)")
        #expect(messages.withLockedValue { $0.count } == 1)
    }

    static let well: @Sendable (String) -> String = { "r=\($0)server,s=\(salt),i=4096" }

    @Test(arguments: [
        "v=\(String(repeating: "A", count: 43))=", "v=", "v=AAAA", "v=not base 64", "", "e=other-error", "x=1",
    ])
    func aServerThatDoesNotKnowThePassword(last: String) async throws {
        let (script, messages) = Self.scram(
            first: Self.well,
            last: [
                .authenticationSASLFinal(.init(data: ByteBuffer(string: last))), .authenticationOk(.init()),
                .readyForQuery(.init(status: .idle)),
            ])
        let error = try await Self.error(script)
        #expect(error.code == .authenticationFailed, "\(error)")
        #expect(messages.withLockedValue { $0.count } == 2)
    }

    /// It lets the client in without having proved anything.
    @Test func aServerThatProvesNothing() async throws {
        let (script, _) = Self.scram(first: Self.well, last: [.authenticationOk(.init()), .readyForQuery(.init(status: .idle))])
        let error = try await Self.error(script)
        #expect(error.code == .authenticationFailed, "\(error)")
        // In place of its first message, too.
        let early = try await Self.error(
            Self.script(startup: {
                $0.send(
                    .authenticationSASL(.init(mechanisms: ["SCRAM-SHA-256"])), .authenticationOk(.init()),
                    .readyForQuery(.init(status: .idle)))
            }))
        #expect(early.code == .authenticationFailed, "\(early)")
    }

    // MARK: Out of turn

    @Test(
        arguments: [
            [.readyForQuery(.init(status: .idle))], [.backendKeyData(.init(processID: 1, secretKey: ByteBuffer(string: "abcd")))],
            [.authenticationSASLContinue(.init(data: ByteBuffer(string: "r=x")))],
            [.authenticationSASLFinal(.init(data: ByteBuffer(string: "v=")))],
            [.authenticationOk(.init()), .authenticationOk(.init())],
            [.authenticationOk(.init()), .readyForQuery(.init(status: .inTransaction))],
            [.authenticationOk(.init()), .authenticationMD5Password(.init(salt: 1))], [.dataRow(.init(values: try! PostgresValues([])))],
            [.authenticationOk(.init()), .commandComplete(.init(tag: "SELECT 1"))], [.parseComplete(.init())],
            [.authenticationOk(.init()), .copyData(.init(data: ByteBuffer(string: "x")))],
            [.encryptionResponse(.ssl), .encryptionResponse(.ssl)],
        ] as [[Message]])
    func messagesOutOfTurn(messages: [Message]) async throws {
        let error = try await Self.error(Self.script(startup: { $0.send(messages + Self.asManyBytes) }))
        #expect(error.code == .protocolViolation, "\(messages): \(error)")
    }

    /// So that what is no message of its own has the bytes of one.
    private static let asManyBytes: [Message] = [.readyForQuery(.init(status: .idle)), .readyForQuery(.init(status: .idle))]

    @Test(arguments: HostileServerTests.tags) func lengthsThatLie(tag: Character) async throws {
        for length: UInt32 in [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            let bytes = HostileServerTests.raw(tag, length, Array(repeating: 0, count: 64))
            for script in [
                Self.script(startup: { $0.send(bytes: bytes) }),
                Self.script(startup: { session in
                    session.send(.authenticationOk(.init()))
                    session.send(bytes: bytes)
                }),
            ] {
                let error = try await Self.error(script)
                #expect(error.code == .protocolViolation, "\(tag) \(length): \(error)")
            }
        }
    }

    /// Larger than a login's messages may be, and smaller than a session's.
    @Test func messagesThatAreTooLargeForALogin() async throws {
        for tag in ["E", "N", "T", "d", "R"] as [Character] {
            let error = try await Self.error(Self.script(startup: { $0.send(bytes: HostileServerTests.raw(tag, 1 << 20)) }))
            #expect(error.code == .protocolViolation)
        }
    }

    @Test(
        arguments: [
            [], [.init(.message, "s3cr3t-pa55word is wrong")], [.init(.severity, "FATAL"), .init(.sqlState, "s3cr3t-pa55word")],
            [.init(.severity, "s3cr3t-pa55word"), .init(.message, "x")],
        ] as [[PostgresField]])
    func errorsWithoutWhatTheyShouldHave(fields: [PostgresField]) async throws {
        let error = try await Self.error(Self.script(startup: { $0.send(.errorResponse(.init(fields: PostgresFields(fields)))) }))
        #expect(error.code == .connectFailed && error.server?.fields.count == fields.count && error.sqlState == nil)
    }

    @Test func whatMayComeAtAnyTimeMay() async throws {
        let script = Self.script(startup: { session in
            session.send(
                HostileServerTests.asides + [.negotiateProtocolVersion(.init(newestMinorVersion: 0, unrecognizedOptions: []))]
                    + HostileServerTests.asides + [.authenticationOk(.init())] + HostileServerTests.asides + [
                        .readyForQuery(.init(status: .idle))
                    ])
        })
        try await FakePostgres.with(script) { server in
            let value = try await Connecting.with(try server.url()) { connection in
                #expect(connection.parameters["TimeZone"] == "UTC")
                return try await connection.query("select 1")[0].decode(Int.self)
            }
            #expect(value == 1)
        }
    }

    @Test func aServerThatAnswersByteByByte() async throws {
        let script = Self.script(startup: { session in
            var bytes = ByteBuffer()
            for message: Message in HostileServerTests.asides + [
                .authenticationOk(.init()), .backendKeyData(.init(processID: 7, secretKey: ByteBuffer(string: "abcd"))),
                .readyForQuery(.init(status: .idle)),
            ] { try! message.write(into: &bytes) }
            HostileServerTests.drip(bytes, session)
        })
        try await FakePostgres.with(script) { server in
            let key = try await Connecting.with(try server.url()) { connection in connection.cancelKey?.processID }
            #expect(key == 7)
        }
    }

    // MARK: Silence

    @Test func silence() async throws {
        for script in [
            Self.script(startup: { _ in }), Self.script(startup: { $0.send(bytes: HostileServerTests.raw("R", 8, [0, 0])) }),
            Self.script(startup: { $0.send(.authenticationOk(.init())) }),
        ] {
            let error = try await Self.error(script, "sslmode=disable&connect_timeout=1")
            #expect(error.code == .connectFailed)
        }
        for script in [Self.script(encryption: { _ in }), Self.script(encryption: { $0.send(.encryptionResponse(.ssl)) })] {
            let error = try await Self.error(script, "sslmode=require&connect_timeout=1")
            #expect(error.code == .connectFailed)
        }
    }

    @Test func hangUps() async throws {
        for script in [
            Self.script(startup: { $0.close() }),
            Self.script(startup: { session in
                session.send(bytes: HostileServerTests.raw("R", 8, [0, 0]))
                session.close()
            }),
            Self.script(startup: { session in
                session.send(.authenticationOk(.init()))
                session.close()
            }),
        ] {
            let error = try await Self.error(script)
            #expect(error.code == .connectFailed)
        }
    }

    // MARK: The pool

    /// Who is refused is not refused a hundred times, and hears why.
    @Test func aRefusalIsNoStorm() async throws {
        let script = Self.script(startup: { $0.send(HostileEndTests.error("FATAL", "28P01")) })
        try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url(), connections: 32) { local, pool in
                let futures = (0..<500).map { _ in local.query("select 1") }
                for future in futures {
                    let error = await PostgresError.of { _ = try await future.get() }
                    #expect(error?.code == .noConnection && error?.mayHaveRun == false)
                    #expect(error?.root.code == .authenticationFailed && error?.root.sqlState == .invalidPassword)
                }
                Secrets.expectNone(of: "s3cr3t-pa55word", in: local)
                Secrets.expectNone(of: "s3cr3t-pa55word", in: pool)
            }
            #expect(server.connectionCount <= 4, "\(server.connectionCount)")
        }
    }

    /// A server that comes back lets everyone in again.
    @Test func thePoolRecoversByItself() async throws {
        let script = Self.script(startup: { session in
            if session.number <= 2 { session.send(HostileEndTests.error("FATAL", "57P03")) } else { session.letIn() }
        })
        try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url()) { local, _ in
                let futures = (0..<50).map { _ in local.query("select 1") }
                for future in futures {
                    let value1 = try await future.get()[0].decode(Int.self)
                    #expect(value1 >= 3)
                }
            }
        }
    }
}
