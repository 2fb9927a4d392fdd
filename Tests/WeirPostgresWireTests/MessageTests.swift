import NIOCore
import Testing
import WeirPostgresWire

/// Every message, from bytes and to bytes.
@Suite struct MessageTests {
    @Test func theCorpusHasEveryKind() {
        let backend = Set(Corpus.backend.compactMap { try? frame($0.wire, .backend).backendKind })
        #expect(backend == Set(PostgresBackend.Kind.allCases))
        let frontend = Set((Corpus.startup + Corpus.frontend).compactMap { try? frame($0.wire, .frontend).frontendKind })
        #expect(frontend == Set(PostgresFrontend.Kind.allCases))
    }

    @Test func backendMessagesAreReadAndWritten() throws {
        for (message, wire) in Corpus.backend {
            #expect(try PostgresBackend.Message(frame(wire, .backend)) == message, "\(wire)")
            var written = ByteBuffer(string: "before")
            try message.write(into: &written)
            #expect(written == ByteBuffer(string: "before").appending(wire), "\(wire)")
        }
    }

    @Test func frontendMessagesAreReadAndWritten() throws {
        for (message, wire) in Corpus.startup + Corpus.frontend {
            #expect(try PostgresFrontend.Message(frame(wire, .frontend)) == message, "\(wire)")
            var written = ByteBuffer(string: "before")
            try message.write(into: &written)
            #expect(written == ByteBuffer(string: "before").appending(wire), "\(wire)")
        }
    }

    @Test func aMessageIsNoOther() throws {
        for (_, wire) in Corpus.backend {
            let frame = try frame(wire, .backend)
            let isReadAs = [
                code { _ = try PostgresBackend.DataRow(frame) }, code { _ = try PostgresBackend.NoData(frame) },
                code { _ = try PostgresBackend.AuthenticationSASLFinal(frame) }, code { _ = try PostgresBackend.EncryptionResponse(frame) },
            ]
            #expect(isReadAs.filter { $0 == nil }.count <= 1)
            #expect(isReadAs.allSatisfy { $0 == nil || $0 == .unexpectedKind })
        }
        for (_, wire) in Corpus.startup {
            let frame = try frame(wire, .frontend)
            let isReadAs = [
                code { _ = try PostgresFrontend.SSLRequest(frame) }, code { _ = try PostgresFrontend.GSSENCRequest(frame) },
                code { _ = try PostgresFrontend.CancelRequest(frame) },
            ]
            #expect(isReadAs.allSatisfy { $0 == nil || $0 == .unexpectedKind } && isReadAs.filter { $0 == nil }.count <= 1)
        }
    }

    /// Whatever ends before or after where it should is refused, whichever message it is.
    @Test(arguments: [PostgresSender.backend, .frontend]) func everyMessageEndsWhereItEnds(sender: PostgresSender) {
        let open: Set<UInt8> = sender == .backend ? [UInt8(ascii: "d")] : [UInt8(ascii: "d"), UInt8(ascii: "p")]
        for wire in sender == .backend ? Corpus.backend.map(\.wire) : Corpus.frontend.map(\.wire) {
            let tag = wire.getInteger(at: 0, as: UInt8.self)!
            // What lasts to the end of its message, whatever that is, has no end of its own.
            let code = wire.getInteger(at: 5, as: UInt32.self)
            if open.contains(tag) || tag == UInt8(ascii: "K") || tag == UInt8(ascii: "R") && [8, 11, 12].contains(code) { continue }
            let payload = wire.getSlice(at: 5, length: wire.readableBytes - 5)!
            #expect(refusal(message(tag, payload.appending(ByteBuffer(bytes: [0]))), sender) != nil, "\(wire)")
            for length in 0..<payload.readableBytes {
                #expect(refusal(message(tag, payload.getSlice(at: 0, length: length)!), sender) != nil, "\(wire), \(length)")
            }
        }
    }

    // MARK: What shares a tag

    @Test func answersToRequestsForAuthentication() throws {
        var buffer = ByteBuffer()
        try PostgresFrontend.PasswordMessage(password: "weir").write(into: &buffer)
        #expect(buffer == wire("p\0\0\0\u{9}weir\0"))
        #expect(try PostgresFrontend.PasswordMessage(frame(buffer, .frontend)).password == "weir")
        #expect(code { _ = try PostgresFrontend.SASLInitialResponse(frame(buffer, .frontend)) } == .lengthMismatch)

        for (response, golden) in [
            (ByteBuffer(string: "n,,"), wire("p\0\0\0\u{11}SCRAM\0\0\0\0\u{3}n,,")),
            (nil, wire("p\0\0\0\u{E}SCRAM\0\u{FF}\u{FF}\u{FF}\u{FF}")),
        ] as [(ByteBuffer?, ByteBuffer)] {
            let message = PostgresFrontend.SASLInitialResponse(mechanism: "SCRAM", response: response)
            buffer.clear()
            try message.write(into: &buffer)
            #expect(buffer == golden)
            #expect(try PostgresFrontend.SASLInitialResponse(frame(buffer, .frontend)) == message)
        }
        for data in [ByteBuffer(), ByteBuffer(string: "c=biws")] {
            buffer.clear()
            try PostgresFrontend.SASLResponse(data: data).write(into: &buffer)
            try PostgresFrontend.GSSResponse(data: data).write(into: &buffer)
            #expect(buffer == message(0x70, data).appending(message(0x70, data)))
            #expect(try PostgresFrontend.SASLResponse(frame(message(0x70, data), .frontend)).data == data)
            #expect(try PostgresFrontend.GSSResponse(frame(message(0x70, data), .frontend)).data == data)
        }
    }

    @Test func encryptionResponses() throws {
        for (message, wire) in Corpus.encryptionResponses {
            var written = ByteBuffer()
            try message.write(into: &written)
            #expect(written == wire)
            let encryption: PostgresEncryption = wire == ByteBuffer(string: "G") ? .gss : .ssl
            let frames = outcome(of: PostgresBackendDecoder(phase: .encryptionResponse(encryption)), [wire]).frames
            #expect(try frames.map { try PostgresBackend.Message($0) } == [message])
            #expect(frames.first?.backendKind == nil && frames.first?.payload.readableBytes == 0)
        }
    }

    @Test func theVersionThatAServerNegotiates() {
        for (sent, version) in [(0, "3.0"), (2, "3.2"), (0x3_0000, "3.0"), (0x3_0002, "3.2")] as [(Int32, String)] {
            let message = PostgresBackend.NegotiateProtocolVersion(newestMinorVersion: sent, unrecognizedOptions: [])
            #expect(message.version.description == version)
        }
    }

    /// Neither as text nor as a buffer shows its bytes.
    @Test func descriptionsTellNothing() throws {
        #expect("\(wire("secret"))".contains("["))
        for (message, wire) in Corpus.backend {
            let isReport = message.description.hasPrefix("ErrorResponse") || message.description.hasPrefix("NoticeResponse")
            #expect(isReport || message.description.allSatisfy { $0.isLetter || $0.isNumber }, "\(message)")
            #expect(try !"\(frame(wire, .backend))".contains("["))
        }
        for (message, wire) in Corpus.startup + Corpus.frontend {
            #expect(message.description.allSatisfy { $0.isLetter }, "\(message)")
            #expect(try !"\(frame(wire, .frontend))".contains("["))
        }
        #expect("\(PostgresFrontend.PasswordMessage(password: "secret"))" == "PasswordMessage")
        #expect("\(PostgresFrontend.Message.query(.init(query: "secret")))" == "Query")
        #expect("\(try PostgresValues([wire("secret")]))" == "PostgresValues(1)")
        #expect("\(PostgresString("secret"))" == "PostgresString(6 bytes)")
    }
}
