import NIOCore
import Testing
import WeirPostgresWire

/// What real clients and a real server said: all of it is read, and written as the same bytes.
@Suite struct RecordedSessionTests {
    private static let sessions = [RecordedSession.psql, RecordedSession.pgbench, RecordedSession.asyncpg]

    private func backendMessages(_ session: RecordedSession.Bytes) throws -> [PostgresBackend.Message] {
        let bytes = hex(session.backend)
        // A client that asked for TLS got one byte first.
        let asked = try self.isRequest(hex(session.frontend))
        let pieces = asked ? [piece(bytes, 0..<1), piece(bytes, 1..<bytes.readableBytes)] : [bytes]
        let outcome = outcome(of: PostgresBackendDecoder(phase: asked ? .encryptionResponse(.ssl) : .login), pieces, ends: true)
        #expect(outcome.code == nil && outcome.bytes == bytes)
        return try outcome.frames.map { frame in
            let message = try PostgresBackend.Message(frame)
            var written = ByteBuffer()
            try message.write(into: &written)
            #expect(written == frame.bytes)
            return message
        }
    }

    private func frontendMessages(_ session: RecordedSession.Bytes) throws -> [PostgresFrontend.Message] {
        let bytes = hex(session.frontend)
        let asked = try self.isRequest(bytes)
        let pieces = asked ? [piece(bytes, 0..<8), piece(bytes, 8..<bytes.readableBytes)] : [bytes]
        let outcome = outcome(of: PostgresFrontendDecoder(), pieces, ends: true)
        #expect(outcome.code == nil && outcome.bytes == bytes)
        return try outcome.frames.map { frame in
            let message = try PostgresFrontend.Message(frame)
            var written = ByteBuffer()
            try message.write(into: &written)
            #expect(written == frame.bytes)
            return message
        }
    }

    private func isRequest(_ bytes: ByteBuffer) throws -> Bool {
        try bytes.getInteger(at: 0, as: UInt32.self).map { $0 == 8 } ?? { throw PostgresWireError.unencodableValue("no session") }()
    }

    @Test func everySessionIsReadAndWritten() throws {
        for session in Self.sessions {
            #expect(try self.backendMessages(session).count > 20)
            #expect(try self.frontendMessages(session).count > 10)
        }
    }

    @Test func psql() throws {
        let messages = try self.backendMessages(RecordedSession.psql)
        let rows = messages.compactMap { if case .dataRow(let row) = $0 { Array(row.values) } else { nil } }
        #expect(rows == [[wire("1"), nil, wire("x")]])
        let tags = messages.compactMap { if case .commandComplete(let complete) = $0 { complete.tag } else { nil } }
        #expect(
            tags.map(\.text.string) == [
                "SELECT 1", "CREATE TABLE", "INSERT 0 2", "UPDATE 2", "DO", "BEGIN", "ROLLBACK", "LISTEN", "NOTIFY", "COPY 2", "COPY 1",
                "SET",
            ])
        #expect(tags.map(\.affectedRows) == [1, nil, 2, 2, nil, nil, nil, nil, nil, 2, 1, nil])
        let errors = messages.compactMap { if case .errorResponse(let error) = $0 { error.fields } else { nil } }
        #expect(errors.map(\.description) == ["ERROR 23505", "ERROR 22012"])
        #expect(errors.first?[.constraint]?.string == "t_pkey")
        let notices = messages.compactMap { if case .noticeResponse(let notice) = $0 { notice.fields } else { nil } }
        #expect(notices.map { $0[.message]?.string } == ["hello"] && notices.map { $0[.hint]?.string } == ["none"])
        let notifications = messages.compactMap { if case .notificationResponse(let notification) = $0 { notification } else { nil } }
        #expect(notifications.map(\.channel.string) == ["ch"] && notifications.map(\.payload.string) == ["payload"])
        let statuses = messages.compactMap { if case .readyForQuery(let ready) = $0 { ready.status } else { nil } }
        #expect(Set(statuses) == Set(PostgresTransactionStatus.allCases))
        #expect(messages.first == .encryptionResponse(.refused))

        let sent = try self.frontendMessages(RecordedSession.psql)
        guard case .startupMessage(let startup) = sent[1], case .authenticationResponse(let first) = sent[2] else {
            Issue.record("another beginning")
            return
        }
        #expect(startup.version == .version30 && startup.parameters.user?.string == "weir" && startup.parameters.database?.string == "weir")
        var frame = ByteBuffer()
        try first.write(into: &frame)
        #expect(try PostgresFrontend.SASLInitialResponse(PostgresFrame(frame, from: .frontend)).mechanism.string == "SCRAM-SHA-256")
    }

    @Test func asyncpg() throws {
        let messages = try self.backendMessages(RecordedSession.asyncpg)
        let columns = messages.compactMap { if case .rowDescription(let description) = $0 { Array(description) } else { nil } }
        #expect(columns.first?.map(\.type.rawValue) == [23, 20, 25, 701, 1184, 25])
        let rows = messages.compactMap { if case .dataRow(let row) = $0 { Array(row.values) } else { nil } }
        #expect(rows.first?.map { $0?.readableBytes } == [4, 8, 32, 8, 8, nil])
        let binds = try self.frontendMessages(RecordedSession.asyncpg).compactMap { if case .bind(let bind) = $0 { bind } else { nil } }
        #expect(binds.first?.parameters.count == 5 && binds.first?.parameterFormats.format(ofValue: 4) == .binary)
    }

    @Test func cancellation() throws {
        let messages = try self.frontendMessages(RecordedSession.cancellation)
        let keys = try self.backendMessages(RecordedSession.asyncpg).compactMap {
            if case .backendKeyData(let key) = $0 { key } else { nil }
        }
        let key = try #require(keys.first)
        #expect(messages == [.cancelRequest(.init(processID: key.processID, secretKey: key.secretKey))])
    }
}
