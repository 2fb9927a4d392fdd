import NIOCore
import Testing
import WeirCore
import WeirPool
import WeirPostgresWire

@testable import WeirPostgres

/// Servers that fail, fall silent and hang up in their own ways: cases 38, 40, 42, 50.
struct HostileEndTests {
    typealias Message = PostgresBackend.Message

    static func error(_ severity: PostgresString, _ state: PostgresString) -> Message {
        .errorResponse(.init(fields: [.init(.severity, severity), .init(.sqlState, state), .init(.message, "m")]))
    }

    private static var one: PostgresConfiguration {
        var configuration = PostgresConfiguration.patient
        configuration.sharedConnections = 1
        configuration.cancelTimeout = .milliseconds(200)
        return configuration
    }

    // MARK: Errors

    /// None of them has what an error has: typed all the same, and the connection serves on.
    @Test(
        arguments: [
            [], [.init(.message, "only text")], [.init(.init(rawValue: 0x7A), "unknown"), .init(.init(rawValue: 1), "")],
            [.init(.sqlState, "no"), .init(.severity, "ÜBEL")], [.init(.sqlState, "22012"), .init(.sqlState, "42601")],
        ] as [[PostgresField]])
    func errorsWithoutWhatTheyShouldHave(fields: [PostgresField]) async throws {
        var script = FakeScript()
        script.victim = { session, _ in
            session.send(.errorResponse(.init(fields: PostgresFields(fields))), .readyForQuery(.init(status: .idle)))
        }
        try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url(), configuration: Self.one) { local, _ in
                let error = await PostgresError.of { _ = try await local.query("victim") }
                #expect(error?.code == .serverError)
                #expect(error?.sqlState == (fields.first { $0.value == "22012" } != nil ? .divisionByZero : nil))
                #expect(error?.server?.fields.count == fields.count)
                let value1 = try await local.query("select 1")[0].decode(Int.self)
                #expect(value1 == 1)
            }
        }
    }

    /// An error fails its own statement, whatever was sent with it.
    @Test func anErrorInAPipelineTouchesNoOther() async throws {
        var script = FakeScript()
        script.victim = { session, _ in session.send(Self.error("ERROR", "22012"), .readyForQuery(.init(status: .idle))) }
        try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url(), configuration: Self.one) { local, _ in
                _ = try await local.query("select 1")
                let all = (0..<30).map { local.query($0 % 3 == 0 ? "victim" : "select 1") }
                for (number, future) in all.enumerated() {
                    if number % 3 == 0 {
                        #expect(await PostgresError.of { _ = try await future.get() }?.sqlState == .divisionByZero)
                    } else {
                        let value2 = try await future.get()[0].decode(Int.self)
                        #expect(value2 == 1)
                    }
                }
            }
            #expect(server.sessions.count == 1)
        }
    }

    @Test func twoErrorsForOneStatement() async throws {
        let error = try await HostileServerTests.attack { session, _ in
            session.send(Self.error("ERROR", "22012"), Self.error("ERROR", "42601"), .readyForQuery(.init(status: .idle)))
        }
        // The first one is its answer; the second is no protocol.
        #expect(error.sqlState == .divisionByZero)
    }

    // MARK: FATAL

    @Test func fatalInTheMiddleOfRows() async throws {
        let error = try await HostileServerTests.attack { session, statement in
            session.send(statement.head + [FakeStatement.row(1), Self.error("FATAL", "57P01")])
            session.close()
        }
        #expect(error.code == .serverError && error.sqlState == .adminShutdown && error.mayHaveRun)
    }

    /// It says that the session is over, and does not hang up.
    @Test func fatalWithoutAnEnd() async throws {
        let error = try await HostileServerTests.attack { session, statement in
            session.send(statement.head + [Self.error("FATAL", "57P01")])
        }
        #expect(error.sqlState == .adminShutdown && error.mayHaveRun)
    }

    @Test(arguments: [true, false]) func fatalWhileNothingIsDue(hangsUp: Bool) async throws {
        try await FakePostgres.with(FakeScript()) { server in
            try await withPostgres(try server.url(), configuration: Self.one) { local, _ in
                let value3 = try await local.query("select 1")[0].decode(Int.self)
                #expect(value3 == 1)
                server.sessions[0].send(Self.error("FATAL", "57P01"))
                if hangsUp { server.sessions[0].hangUp() }
                try await server.sessions[0].channel.closeFuture.get()
                let value4 = try await local.query("select 1")[0].decode(Int.self)
                #expect(value4 == 2)
            }
        }
    }

    /// What nobody asked for.
    @Test(
        arguments: [
            .readyForQuery(.init(status: .idle)), .commandComplete(.init(tag: "SELECT 1")),
            .dataRow(.init(values: try! PostgresValues([]))),
            .copyData(.init(data: ByteBuffer(string: "x"))), error("ERROR", "22012"), .authenticationOk(.init()),
        ] as [Message])
    func messagesWhileNothingIsDue(message: Message) async throws {
        try await FakePostgres.with(FakeScript()) { server in
            try await withPostgres(try server.url(), configuration: Self.one) { local, _ in
                let value5 = try await local.query("select 1")[0].decode(Int.self)
                #expect(value5 == 1)
                server.sessions[0].send(message)
                try await server.sessions[0].channel.closeFuture.get()
                let value6 = try await local.query("select 1")[0].decode(Int.self)
                #expect(value6 == 2)
            }
        }
    }

    /// Right behind an answer, so that the next statement may have been sent already: nobody gets another's answer.
    @Test func anAnswerThatComesTwice() async throws {
        var script = FakeScript()
        script.victim = { session, statement in
            session.answer(statement)
            if session.number == 1 { session.answer(statement) }
        }
        try await FakePostgres.with(script) { server in
            try await withPostgres(try server.url(), configuration: Self.one) { local, _ in
                _ = try await local.query("select 1")
                let answers = ["victim", "victim", "select 1"].map { local.query(PostgresQuery(sql: $0)) }
                var failures = 0
                for future in answers {
                    do {
                        let value7 = try await future.get()[0].decode(Int.self)
                        #expect(value7 == 1)
                    } catch let error as PostgresError {
                        #expect(error.code == .protocolViolation && error.mayHaveRun)
                        failures += 1
                    }
                }
                #expect(failures >= 1)
                try await server.sessions[0].channel.closeFuture.get()
                let value8 = try await local.query("select 1")[0].decode(Int.self)
                #expect(value8 == 2)
            }
        }
    }

    // MARK: Silence

    @Test func halfAMessageAndSilence() async throws {
        let error = try await HostileServerTests.attack(deadline: .milliseconds(100)) { session, statement in
            session.send(statement.head)
            session.send(bytes: HostileServerTests.raw("D", 100, [0, 1, 0, 0]))
        }
        #expect(error.code == .timeout && error.mayHaveRun)
    }

    @Test func halfAMessageAndTheEnd() async throws {
        let error = try await HostileServerTests.attack { session, statement in
            session.send(statement.head)
            session.send(bytes: HostileServerTests.raw("D", 100, [0, 1, 0, 0]))
            session.close()
        }
        #expect(error.code == .connectionLost && error.mayHaveRun)
    }

    /// All that were sent fail, each once; those that waited go elsewhere.
    @Test func aServerThatHangsUpOnAPipeline() async throws {
        var script = FakeScript()
        script.victim = { session, _ in if session.number == 1 { session.close() } }
        var configuration = Self.one
        configuration.pipelineDepth = 10
        try await FakePostgres.with(script) { [configuration] server in
            try await withPostgres(try server.url(), configuration: configuration) { local, _ in
                _ = try await local.query("select 1")
                let receivers = (0..<20).map { _ in CountingReceiver(local.loop) }
                for (number, receiver) in receivers.enumerated() {
                    local.send(number == 0 ? "victim" : "select 1", deadline: nil, tag: 0, to: receiver)
                }
                for receiver in receivers { try await receiver.ended.get() }
                #expect(receivers.allSatisfy { $0.ends == 1 })
                #expect(receivers[..<10].allSatisfy { $0.failures.first?.code == .connectionLost && $0.failures[0].mayHaveRun })
                #expect(receivers[10...].allSatisfy { $0.completions == 1 })
            }
        }
    }

    // MARK: Copies that nobody asked for

    @Test func aCopyInThatNobodyAskedFor() async throws {
        // A real server answers CopyFail by an error; this one takes the Sync behind it for a statement.
        let error = try await HostileServerTests.attack { session, statement in
            session.send(statement.head + [.copyInResponse(.init(format: .text, columnFormats: []))])
        }
        #expect(error.code == .protocolViolation)
    }
}
