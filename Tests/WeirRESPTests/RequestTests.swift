import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing
import WeirRESP

/// What a client sends.
@Suite struct RequestTests {
    static let corpus: [(wire: String, texts: [[String]])] = [
        ("*1\r\n$4\r\nPING\r\n", [["PING"]]),
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", [["SET", "k", ""]]),
        ("*2\r\n$3\r\nGET\r\n$6\r\n\r\n*1\r\n\r\n", [["GET", "\r\n*1\r\n"]]),
        ("*1\r\n$12\r\nabcdefghijkl\r\n", [["abcdefghijkl"]]),
        // Empty ones are passed over.
        ("*0\r\n*1\r\n$4\r\nPING\r\n", [["PING"]]),
        ("*-1\r\n*0\r\n\r\n\n  \r\nPING\r\n", [["PING"]]),
        ("*0\r\n", []),
        ("\r\n", []),
        // By hand.
        ("PING\r\n", [["PING"]]),
        ("PING\n", [["PING"]]),
        ("  set\tkey   value \r\n", [["set", "key", "value"]]),
        ("get a\r\n*1\r\n$4\r\nPING\r\nget b\r\n", [["get", "a"], ["PING"], ["get", "b"]]),
        ("$3\r\n", [["$3"]]),
        ("a *b\r\n", [["a", "*b"]]),
    ]

    static let refused: [(wire: String, code: RESPError.Code)] = [
        ("*-7\r\n", .malformedNumber),
        ("*+1\r\n", .malformedNumber),
        ("*01\r\n", .malformedNumber),
        ("*\r\n", .malformedNumber),
        ("*?\r\n", .malformedNumber),
        ("*1\n", .malformedLine),
        ("*1\rx", .malformedLine),
        ("*9223372036854775807\r\n", .tooManyElements),
        ("*9223372036854775808\r\n", .malformedNumber),
        ("*99999999999999999999\r\n", .malformedNumber),
        ("*2147483647\r\n", .tooManyElements),
        ("*1\r\n:1\r\n", .malformedValue),
        ("*1\r\n*1\r\n", .malformedValue),
        ("*1\r\nPING\r\n", .malformedValue),
        ("*1\r\n\r\n", .malformedValue),
        ("*1\r\n$-1\r\n", .malformedNumber),
        ("*1\r\n$-2\r\n", .malformedNumber),
        ("*1\r\n$?\r\n", .malformedNumber),
        ("*1\r\n$05\r\n", .malformedNumber),
        ("*1\r\n$536870913\r\n", .bulkTooLong),
        ("*1\r\n$9223372036854775807\r\n", .bulkTooLong),
        ("*1\r\n$99999999999999999999\r\n", .malformedNumber),
        ("*1\r\n$4\r\nPINGxx", .malformedLine),
        ("get \"a\r\n", .unbalancedQuotes),
    ]

    @Test func readsEach() {
        for (wire, texts) in Self.corpus {
            let outcome = requests([ByteBuffer(string: wire)])
            #expect(outcome.texts == texts && outcome.code == nil, "\(wire.debugDescription)")
        }
    }

    @Test func everyPairOfCutsGivesTheSame() {
        for (wire, texts) in Self.corpus {
            for cut in cuts(wire) where requests(cut).texts != texts {
                Issue.record("\(wire.debugDescription) in \(cut.map(\.readableBytes))")
            }
        }
        for (wire, code) in Self.refused {
            for cut in cuts(wire) where requests(cut) != Outcome(code: code) {
                Issue.record("\(wire.debugDescription) in \(cut.map(\.readableBytes)): \(String(describing: requests(cut).code))")
            }
        }
    }

    @Test func verifierOfNIOAgrees() throws {
        let pairs = Self.corpus.filter { !$0.texts.isEmpty }.map { wire, texts in
            (wire, texts.map { RESPRequest($0.map { ByteBuffer(string: $0) }) })
        }
        try ByteToMessageDecoderVerifier.verifyDecoder(stringInputOutputPairs: pairs) { RESPRequestDecoder() }
    }

    @Test func itsPartsAreSlices() throws {
        let wire = ByteBuffer(string: "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n")
        let request = try #require(requests([wire]).messages.first)
        #expect(request.bytes == wire)
        #expect(request.count == 3 && request.arguments.underestimatedCount == 3)
        #expect(String(buffer: request.name) == "SET")
        let inside = wire.withUnsafeReadableBytes { wire in
            request.arguments.allSatisfy { argument in
                argument.withUnsafeReadableBytes { UnsafeRawBufferPointer(rebasing: wire[...]).containsAddress(of: $0) }
            }
        }
        #expect(inside)
        #expect(RESPRequest(Array(request.arguments)) == request)
    }

    @Test func aRequestIsAFrame() throws {
        for (wire, _) in Self.corpus {
            for request in requests([ByteBuffer(string: wire)]).messages {
                let frame = try RESPFrame(request.bytes)
                #expect(frame.elements?.compactMap(\.string) == Array(request.arguments))
            }
        }
    }

    @Test func staysFailed() {
        var decoder = RESPRequestDecoder()
        var bad = ByteBuffer(string: "*1\r\n:1\r\n")
        #expect(throws: RESPError.self) { try decoder.decode(buffer: &bad) }
        var good = ByteBuffer(string: "PING\r\n")
        #expect(throws: RESPError.self) { try decoder.decode(buffer: &good) }
    }

    @Test func endInTheMiddleIsAnError() throws {
        for wire in ["PIN", "*1", "*1\r\n", "*1\r\n$4\r\nPI"] {
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(RESPRequestDecoder()))
            try channel.writeInbound(ByteBuffer(string: wire))
            let error = #expect(throws: RESPError.self) { try channel.finish() }
            #expect(error?.code == .unexpectedEnd, "\(wire.debugDescription)")
        }
    }

    // MARK: Limits

    /// The code, which must not depend on the cut.
    private func code(_ wire: String, _ limits: RESPLimits) -> RESPError.Code? {
        let whole = requests([ByteBuffer(string: wire)], limits: limits)
        for size in [1, 2, 3, 10, 37] { #expect(requests(pieces(ByteBuffer(string: wire), of: size), limits: limits) == whole) }
        return whole.code
    }

    @Test func limitsOnArguments() {
        let limits = RESPLimits(maximumBulkLength: 5, maximumElements: 3)
        #expect(self.code("*3\r\n$5\r\n", limits) == nil)
        #expect(self.code("*4\r\n", limits) == .tooManyElements)
        #expect(self.code("*1\r\n$6\r\n", limits) == .bulkTooLong)
        #expect(self.code("a b c\r\n", limits) == nil)
        #expect(self.code("a b c d\r\n", limits) == .tooManyElements)
        #expect(self.code("abcdef\r\n", limits) == .bulkTooLong)
    }

    @Test func limitsOnTheWhole() {
        let limits = RESPLimits(maximumFrameLength: 31)
        #expect(self.code("*2\r\n$3\r\nGET\r\n$9\r\n123456789\r\n", limits) == nil)
        #expect(self.code("*2\r\n$3\r\nGET\r\n$12\r\n", limits) == .frameTooLong)
        #expect(self.code("*9\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n?", limits) == .frameTooLong)
    }

    @Test func limitsOnLines() {
        let limits = RESPLimits(maximumLineLength: 32)
        let longest = String(repeating: "x", count: 32)
        #expect(self.code("\(longest)\r\n\(longest)\n", limits) == nil)
        #expect(self.code("\(longest)x\n", limits) == .lineTooLong)
        #expect(self.code("\(longest)x\r\n", limits) == .lineTooLong)
        #expect(self.code("\(longest)xx", limits) == .lineTooLong)
        #expect(self.code(String(repeating: " ", count: 40), RESPLimits(maximumFrameLength: 20)) == .lineTooLong)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func containsAddress(of other: UnsafeRawBufferPointer) -> Bool {
        guard let start = self.baseAddress, let otherStart = other.baseAddress else { return false }
        return otherStart >= start && otherStart + other.count <= start + self.count
    }
}
