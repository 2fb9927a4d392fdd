import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing
import WeirRESP

/// Bytes to frames, however they are cut.
@Suite struct FrameDecodingTests {
    @Test func readsEachValue() {
        for (wire, value) in Corpus.values {
            let outcome = decode(wire)
            #expect(outcome.values == [value] && outcome.code == nil, "\(wire.debugDescription)")
            #expect(outcome.messages.first?.bytes == ByteBuffer(string: wire), "\(wire.debugDescription)")
        }
    }

    @Test func verifierOfNIOAgrees() throws {
        let pairs = try Corpus.values.map { ($0.wire, [try RESPFrame(ByteBuffer(string: $0.wire))]) }
        try ByteToMessageDecoderVerifier.verifyDecoder(stringInputOutputPairs: pairs) { RESPFrameDecoder() }
    }

    @Test func everyPairOfCutsGivesTheSame() {
        for (wire, value) in Corpus.values {
            let whole = decode(wire)
            for cut in cuts(wire) {
                let outcome = decode(cut)
                if outcome != whole || outcome.values != [value] {
                    Issue.record("\(wire.debugDescription) in \(cut.map(\.readableBytes))")
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 11, 64]) func everyPieceSizeGivesTheSame(size: Int) {
        let wire = ByteBuffer(string: Corpus.values.map(\.wire).joined())
        let outcome = decode(pieces(wire, of: size))
        #expect(outcome.values == Corpus.values.map(\.value))
        #expect(outcome.code == nil)
    }

    @Test func aFrameIsASliceOfWhatWasRead() {
        let wire = ByteBuffer(string: "$5\r\nhello\r\n*1\r\n:1\r\n")
        let start = wire.withUnsafeReadableBytes { $0.baseAddress }
        var reader = RESPFrameReader()
        reader.append(wire)
        for offset in [0, 11] {
            let frame = try? reader.next()
            #expect(reader.unreadBytes == wire.readableBytes - 11 - offset / 11 * 8)
            #expect(frame?.bytes.withUnsafeReadableBytes { $0.baseAddress } == start.map { $0 + offset })
        }
    }

    /// A reader looks ahead: what is whole comes before what is wrong, however much of it there is and whenever more is read.
    @Test(arguments: [1, 31, 32, 33, 64, 100]) func whatIsWholeComesBeforeTheError(frames: Int) {
        for cut in [0, 1, 7, 4 * frames, 4 * frames + 1] {
            let wire = ByteBuffer(string: (0..<frames).map { ":\($0 % 10)\r\n" }.joined() + "?garbage")
            var reader = RESPFrameReader()
            reader.append(wire.getSlice(at: 0, length: cut)!)
            var numbers: [Int64] = []
            // The rest comes when one of those that were found has been taken.
            if cut > 0, let frame = try? reader.next() { numbers.append(frame.integer!) }
            reader.append(wire.getSlice(at: cut, length: wire.readableBytes - cut)!)
            let error = #expect(throws: RESPError.self) { while let frame = try reader.next() { numbers.append(frame.integer!) } }
            #expect(numbers == (0..<frames).map { Int64($0 % 10) })
            #expect(error?.code == .unknownType && reader.unreadBytes == 0)
        }
    }

    @Test func aFrameIsMadeOfItsBytes() throws {
        #expect(try RESPFrame(ByteBuffer(string: ":5\r\n")).integer == 5)
        #expect(throws: RESPError.self) { try RESPFrame(ByteBuffer()) }
        let short = #expect(throws: RESPError.self) { try RESPFrame(ByteBuffer(string: "*2\r\n:5\r\n")) }
        #expect(short?.code == .unexpectedEnd)
        let long = #expect(throws: RESPError.self) { try RESPFrame(ByteBuffer(string: ":5\r\n:")) }
        #expect(long?.code == .malformedValue)
    }

    @Test func aFramePassesThroughAPipelineWithoutABox() {
        #expect(MemoryLayout<RESPFrame>.size <= 24)
        #expect(MemoryLayout<RESPRequest>.size <= 24)
        #expect(MemoryLayout<RESPValue>.size <= 24)
    }

    @Test func endInTheMiddleIsAnError() throws {
        for wire in ["+O", "$5\r\nhel", "$5\r\n", "*2\r\n:1\r\n", "*1\r\n", "|1\r\n+a\r\n:1\r\n", "*?\r\n", "$?\r\n;1\r\na\r\n"] {
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(RESPFrameDecoder()))
            try channel.writeInbound(ByteBuffer(string: wire))
            let error = #expect(throws: RESPError.self) { try channel.finish() }
            #expect(error?.code == .unexpectedEnd, "\(wire.debugDescription)")
        }
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(RESPFrameDecoder()))
        try channel.writeInbound(ByteBuffer(string: "+OK\r\n"))
        #expect(try channel.finish().hasLeftOvers)
    }
}
