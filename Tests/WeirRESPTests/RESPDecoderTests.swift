import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing
import WeirRESP

@Suite struct RESPDecoderTests {
    @Test func readsEachValue() {
        for (wire, value) in Corpus.values {
            let (values, error) = decode(wire)
            #expect(values == [value] && error == nil, "\(wire.debugDescription)")
        }
    }

    @Test func notANumberIsRead() {
        guard case .double(let value) = decode(",nan\r\n").values.first else {
            Issue.record("no double")
            return
        }
        #expect(value.isNaN)
    }

    @Test func verifierOfNIOAgrees() throws {
        let pairs = Corpus.values.map { ($0.wire, [$0.value]) }
        try ByteToMessageDecoderVerifier.verifyDecoder(stringInputOutputPairs: pairs) { RESPDecoder() }
    }

    @Test func everySplitInTwoGivesTheSame() {
        let wire = ByteBuffer(string: Corpus.values.map(\.wire).joined())
        let expected = Corpus.values.map(\.value)
        for cut in 0...wire.readableBytes {
            let first = wire.getSlice(at: 0, length: cut)!
            let second = wire.getSlice(at: cut, length: wire.readableBytes - cut)!
            let (values, error) = decode([first, second])
            #expect(values == expected && error == nil, "cut at \(cut)")
        }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 11]) func everyChunkSizeGivesTheSame(size: Int) {
        let wire = ByteBuffer(string: Corpus.values.map(\.wire).joined())
        let (values, error) = decode(pieces(wire, of: size))
        #expect(values == Corpus.values.map(\.value))
        #expect(error == nil)
    }

    @Test func refusesWithItsCode() {
        for (wire, code) in Corpus.refused {
            let whole = decode(wire)
            #expect(whole.values.isEmpty && whole.error?.code == code, "\(wire.debugDescription): \(String(describing: whole.error))")
            let dripped = decode(pieces(ByteBuffer(string: wire), of: 1))
            #expect(dripped.values.isEmpty && dripped.error?.code == code, "dripped \(wire.debugDescription)")
        }
    }

    @Test func staysFailed() {
        var decoder = RESPDecoder()
        var garbage = ByteBuffer(string: "?\r\n")
        #expect(throws: RESPError.self) { try decoder.decode(buffer: &garbage) }
        var good = ByteBuffer(string: "+OK\r\n")
        #expect(throws: RESPError.self) { try decoder.decode(buffer: &good) }
    }

    @Test func endInTheMiddleIsAnError() throws {
        for wire in ["+O", "$5\r\nhel", "$5\r\n", "*2\r\n:1\r\n", "*1\r\n", "|1\r\n+a\r\n"] {
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(RESPDecoder()))
            try channel.writeInbound(ByteBuffer(string: wire))
            let error = #expect(throws: RESPError.self) { try channel.finish() }
            #expect(error?.code == .unexpectedEnd, "\(wire.debugDescription)")
        }
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(RESPDecoder()))
        try channel.writeInbound(ByteBuffer(string: "+OK\r\n"))
        #expect(try channel.finish().hasLeftOvers)
    }

    // MARK: Limits

    @Test(arguments: ["*", "%", "~", ">", "|"]) func depthIsLimited(type: String) {
        let limits = RESPDecoderLimits(maximumDepth: 8)
        // A map's first element is a key: one deeper each time all the same.
        let nest = { (depth: Int) in (type == ">" ? ">1\r\n" : "\(type)1\r\n") + String(repeating: "*1\r\n", count: depth - 1) }
        #expect(decode(nest(8), limits: limits).error == nil)
        #expect(decode(nest(9), limits: limits).error?.code == .tooDeep)
    }

    @Test func hostileNestingIsRefusedEarly() {
        for type in ["*", "%", "~", "|"] {
            #expect(decode(String(repeating: "\(type)1\r\n", count: 200_000)).error?.code == .tooDeep)
        }
        #expect(decode(String(repeating: ">1\r\n", count: 200_000)).error?.code == .malformedValue)
    }

    @Test func elementsAreCountedOverTheWholeValue() {
        let limits = RESPDecoderLimits(maximumElements: 10)
        #expect(decode("*10\r\n", limits: limits).error == nil)
        #expect(decode("*11\r\n", limits: limits).error?.code == .tooManyElements)
        #expect(decode("%5\r\n", limits: limits).error == nil)
        #expect(decode("%6\r\n", limits: limits).error?.code == .tooManyElements)
        #expect(decode("*5\r\n*6\r\n", limits: limits).error?.code == .tooManyElements)
        #expect(
            decode("|5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n*1\r\n", limits: limits).error?.code
                == .tooManyElements)
        // The next value has the whole budget again.
        let five = "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"
        #expect(decode(five + five + five, limits: limits).values.count == 3)
    }

    @Test func linesAreLimited() {
        let limits = RESPDecoderLimits(maximumLineLength: 32)
        let longest = String(repeating: "x", count: 32)
        #expect(decode("+\(longest)\r\n", limits: limits).values == [.simple(longest)])
        #expect(decode("+\(longest)x\r\n", limits: limits).error?.code == .lineTooLong)
        #expect(decode("-" + String(repeating: "x", count: 40), limits: limits).error?.code == .lineTooLong)
        #expect(decode("(" + String(repeating: "1", count: 1 << 20)).error?.code == .lineTooLong)
        // A length is refused long before the line limit.
        #expect(decode("$" + String(repeating: "1", count: 30)).error?.code == .malformedNumber)
    }

    @Test func stringsAndFramesAreLimitedBeforeTheyAreBuffered() {
        let limits = RESPDecoderLimits(maximumBulkLength: 100, maximumFrameLength: 219)
        #expect(decode("$100\r\n", limits: limits).error == nil)
        #expect(decode("$101\r\n", limits: limits).error?.code == .bulkTooLong)
        #expect(decode("!101\r\n", limits: limits).error?.code == .bulkTooLong)
        let hundred = "$100\r\n" + String(repeating: "x", count: 100) + "\r\n"
        #expect(decode("*3\r\n" + hundred + "$98\r\n", limits: limits).error == nil)
        #expect(decode("*3\r\n" + hundred + "$100\r\n", limits: limits).error?.code == .frameTooLong)
        #expect(decode(hundred + hundred + hundred, limits: limits).values.count == 3)
    }

    // MARK: Cost

    /// An array restarted from its beginning at each read would take 10^10 steps here, and never end.
    @Test func aLargeArrayInSmallPiecesIsReadOnce() {
        var wire = ByteBuffer(string: "*50000\r\n")
        for index in 0..<50_000 { wire.writeRESPBulkString(String(index % 100)) }
        let (values, error) = decode(pieces(wire, of: 3))
        #expect(error == nil)
        guard case .array(let elements)? = values.first else {
            Issue.record("no array")
            return
        }
        #expect(elements.count == 50_000)
        #expect(elements[99] == .bulk("99"))
    }

    /// A line searched from its beginning at each read would take 10^10 steps here.
    @Test func aLongLineInSmallPiecesIsSearchedOnce() {
        let limits = RESPDecoderLimits(maximumLineLength: 2 << 20)
        let text = String(repeating: "x", count: 1 << 20)
        #expect(decode(pieces(ByteBuffer(string: "+\(text)\r\n"), of: 16), limits: limits).values == [.simple(text)])
    }

    @Test func thousandRepliesInOneRead() {
        let wire = String(repeating: "$3\r\nabc\r\n", count: 1000)
        #expect(decode(wire).values == Array(repeating: .bulk("abc"), count: 1000))
    }

    @Test func aValueIsNoLargerThanABuffer() {
        // Over 24 bytes it would be boxed on each step through a pipeline.
        #expect(MemoryLayout<RESPValue>.size <= 24)
    }
}
