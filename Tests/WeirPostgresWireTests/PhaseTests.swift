import NIOCore
import Testing
import WeirPostgresWire

/// What comes before there are tags, and before it is known who speaks.
@Suite struct PhaseTests {
    private let ssl = Corpus.startup[0].wire
    private let gss = Corpus.startup[1].wire
    private let cancel = Corpus.startup[2].wire
    private let startup = Corpus.startup[3].wire
    private let sync = wire("S\0\0\0\u{4}")

    @Test func encryptionIsAskedForOnceEach() {
        #expect(frontend(self.ssl, self.gss, self.startup, self.sync).frames.count == 4)
        #expect(frontend(self.gss, self.ssl, self.startup).frames.count == 3)
        #expect(frontend(self.ssl, self.ssl) == Outcome(frames: frontend(self.ssl).frames, code: .unexpectedKind))
        #expect(frontend(self.gss, self.gss).code == .unexpectedKind)
    }

    @Test func nothingFollowsARequestForEncryption() {
        #expect(frontend(self.ssl.appending(self.startup)) == Outcome(code: .unexpectedBytes))
        #expect(frontend(self.gss.appending(ByteBuffer(bytes: [0]))) == Outcome(code: .unexpectedBytes))
    }

    @Test func nothingFollowsTheAnswer() {
        for byte in ["S", "N"] {
            let outcome = outcome(
                of: PostgresBackendDecoder(phase: .encryptionResponse(.ssl)), [wire(byte).appending(Corpus.login[0].wire)])
            #expect(outcome == Outcome(code: .unexpectedBytes))
        }
        #expect(outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.gss)), [wire("GG")]).code == .unexpectedBytes)
    }

    @Test func theAnswerIsOneOfThree() {
        for byte in UInt8.min...UInt8.max {
            let isSSL = byte == UInt8(ascii: "S") || byte == UInt8(ascii: "N")
            let isGSS = byte == UInt8(ascii: "G") || byte == UInt8(ascii: "N")
            if byte == UInt8(ascii: "E") { continue }
            let bytes = [ByteBuffer(bytes: [byte])]
            #expect(outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.ssl)), bytes).code == (isSSL ? nil : .unknownKind))
            #expect(outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.gss)), bytes).code == (isGSS ? nil : .unknownKind))
        }
    }

    @Test func anErrorInsteadOfTheAnswerIsTheLast() throws {
        let error = wire("E\0\0\0\u{A}Mold\0\0")
        let answered = outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.ssl)), pieces(error, of: 3))
        #expect(answered.code == nil && answered.frames.map(\.backendKind) == [.errorResponse])
        #expect(outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.ssl)), [error, wire("S")]).code == .unexpectedBytes)
        let long = wire("E\u{1}\0\0\0")
        #expect(outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.ssl)), [long]).code == .lengthTooLong)
    }

    @Test func afterTheAnswerMessagesCome() {
        let outcome = outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(.ssl)), [wire("N")] + Corpus.backend.map(\.wire))
        #expect(outcome.code == nil && outcome.frames.count == Corpus.backend.count + 1)
    }

    @Test func aCancelRequestIsTheLast() {
        #expect(frontend(self.cancel).code == nil)
        #expect(frontend(self.cancel, self.sync) == Outcome(frames: frontend(self.cancel).frames, code: .unexpectedBytes))
        #expect(frontend(self.cancel.appending(self.sync)).frames.count == 1)
    }

    @Test func aStartupMessageComesOnce() {
        // Its first byte is no tag any more.
        #expect(frontend(self.startup, self.startup).code == .unknownKind)
    }

    @Test func messagesAreSmallUntilTheLogin() throws {
        let long = wire("T\0\u{1}\0\u{1}")
        #expect(backend(long).code == .lengthTooLong)
        #expect(backend(Corpus.login[14].wire, long).code == nil)

        var decoder = PostgresFrontendDecoder()
        var (packet, query) = (self.startup, wire("Q\0\u{1}\0\u{1}"))
        #expect(try decoder.decode(buffer: &packet) != nil)
        #expect(frontend(self.startup, query).code == .lengthTooLong)
        decoder.completeLogin()
        #expect(try decoder.decode(buffer: &query) == nil)
        // What answers a request for authentication is small at any time.
        var password = wire("p\0\u{1}\0\u{1}")
        #expect(code { _ = try decoder.decode(buffer: &password) } == .lengthTooLong)
    }

    @Test func aLoginCannotBeCompletedBeforeItBegins() throws {
        var scanner = PostgresFrameScanner(from: .frontend)
        scanner.completeLogin()
        #expect(scanner.phase == .startup)
    }

    /// A proxy passes a message on whose rest has not come: the phase changes when it says so, not before.
    @Test func aMessageIsTakenWhenItIsTaken() throws {
        var scanner = PostgresFrameScanner(from: .backend)
        try wire("Z\0\0\0\u{5}").withUnsafeReadableBytes { bytes in
            #expect(try scanner.next(bytes, at: 0) == nil)
            #expect(scanner.phase == .login)
            let header = try #require(try scanner.peek(bytes, at: 0))
            #expect(header.length == 6 && scanner.phase == .login)
            scanner.take(header)
            #expect(scanner.phase == .session)
        }
    }
}
