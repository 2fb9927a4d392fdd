import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing
import WeirPostgresWire

/// Bytes to frames, however they are cut.
@Suite struct FrameDecodingTests {
    /// Each direction from its first byte to its last.
    private static let backendWires = Corpus.backend.map(\.wire)
    private static let frontendWires = [Corpus.startup[3].wire] + Corpus.frontend.map(\.wire)

    @Test func everyCutGivesTheSame() {
        let (backend, frontend) = (Corpus.joined(Self.backendWires), Corpus.joined(Self.frontendWires))
        for cut in 0...backend.readableBytes {
            let outcome = outcome(
                of: PostgresBackendDecoder(), [piece(backend, 0..<cut), piece(backend, cut..<backend.readableBytes)], ends: true)
            #expect(outcome.frames.map(\.bytes) == Self.backendWires && outcome.code == nil, "cut at \(cut)")
        }
        for cut in 0...frontend.readableBytes {
            let outcome = outcome(
                of: PostgresFrontendDecoder(), [piece(frontend, 0..<cut), piece(frontend, cut..<frontend.readableBytes)], ends: true)
            #expect(outcome.frames.map(\.bytes) == Self.frontendWires && outcome.code == nil, "cut at \(cut)")
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 64]) func everyPieceSizeGivesTheSame(size: Int) {
        let backend = outcome(of: PostgresBackendDecoder(), pieces(Corpus.joined(Self.backendWires), of: size))
        #expect(backend.frames.map(\.bytes) == Self.backendWires && backend.code == nil)
        let frontend = outcome(of: PostgresFrontendDecoder(), pieces(Corpus.joined(Self.frontendWires), of: size))
        #expect(frontend.frames.map(\.bytes) == Self.frontendWires && frontend.code == nil)
    }

    @Test func verifierOfNIOAgrees() throws {
        let backend = try Self.backendWires.map { ($0, [try frame($0, .backend)]) }
        try ByteToMessageDecoderVerifier.verifyDecoder(inputOutputPairs: backend) { PostgresBackendDecoder() }
        let frontend = try Corpus.frontend.map { ($0.wire, [try frame($0.wire, .frontend)]) }
        try ByteToMessageDecoderVerifier.verifyDecoder(inputOutputPairs: frontend) { PostgresFrontendDecoder(phase: .session) }
    }

    /// At every byte it is known how much is missing, as soon as five bytes are there, and not before.
    @Test func theScannerKnowsKindAndLengthFromFiveBytes() throws {
        for (wires, sender) in [(Self.backendWires, PostgresSender.backend), (Corpus.frontend.map(\.wire), .frontend)] {
            let scanner = PostgresFrameScanner(from: sender, phase: .session)
            for wire in wires {
                for length in 0...wire.readableBytes {
                    let header = try wire.withUnsafeReadableBytes {
                        try scanner.peek(UnsafeRawBufferPointer(rebasing: $0[0..<length]), at: 0)
                    }
                    #expect((header != nil) == (length >= 5))
                    if let header {
                        #expect(header.tag == wire.getInteger(at: 0) && header.length == wire.readableBytes && header.payloadOffset == 5)
                    }
                }
            }
        }
    }

    @Test func aFrameIsASliceOfWhatWasRead() throws {
        let bytes = Corpus.joined([Corpus.login[0].wire, Corpus.login[13].wire])
        let start = bytes.withUnsafeReadableBytes { $0.baseAddress }
        let frames = backend(bytes).frames
        #expect(frames.map { $0.bytes.withUnsafeReadableBytes { $0.baseAddress } } == [start, start.map { $0 + 9 }])
        #expect(MemoryLayout<PostgresFrame>.size <= 24)
        #expect(frames.map(\.backendKind) == [.authentication, .parameterStatus])
        #expect(frames[1].tag == UInt8(ascii: "S") && frames[1].payload == ByteBuffer(string: "TimeZone\0UTC\0"))
    }

    @Test func aFrameIsMadeOfItsBytes() {
        #expect(code { _ = try frame(ByteBuffer(), .backend) } == .unexpectedEnd)
        #expect(code { _ = try frame(wire("Z\0\0\0\u{5}"), .backend) } == .unexpectedEnd)
        #expect(code { _ = try frame(wire("Z\0\0\0\u{5}II"), .backend) } == .trailingBytes)
        #expect(code { _ = try frame(wire("\0\0\0\u{8}\u{4}\u{D2}\u{16}\u{2F}"), .backend) } == .unknownKind)
    }

    @Test func theStreamEndsBetweenMessages() {
        let bytes = Corpus.joined(Self.backendWires)
        #expect(outcome(of: PostgresBackendDecoder(), [bytes], ends: true).code == nil)
        #expect(outcome(of: PostgresBackendDecoder(), [piece(bytes, 0..<(bytes.readableBytes - 1))], ends: true).code == .unexpectedEnd)
        #expect(outcome(of: PostgresFrontendDecoder(), [ByteBuffer(bytes: [0, 0])], ends: true).code == .unexpectedEnd)
    }

    @Test func anErrorStays() throws {
        var decoder = PostgresBackendDecoder()
        var bad = ByteBuffer(string: "?????")
        #expect(code { _ = try decoder.decode(buffer: &bad) } == .unknownKind)
        var good = Corpus.login[0].wire
        #expect(code { _ = try decoder.decode(buffer: &good) } == .unknownKind)
    }

    @Test func framesGoThroughAPipeline() throws {
        let gate = PostgresLoginGate()
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(PostgresFrontendDecoder(gate: gate)))
        defer { _ = try? channel.finish() }
        let long = message(UInt8(ascii: "Q"), ByteBuffer(repeating: 0x20, count: 100_000).appending(ByteBuffer(bytes: [0])))
        try channel.writeInbound(Corpus.startup[3].wire)
        #expect(try channel.readInbound(as: PostgresFrame.self)?.bytes == Corpus.startup[3].wire)
        gate.open()
        #expect(gate.isOpen)
        try channel.writeInbound(long)
        #expect(try channel.readInbound(as: PostgresFrame.self)?.bytes == long)
    }
}
