import NIOCore
import Testing
import WeirRESP

/// Bytes that are not the protocol.
@Suite struct RefusalTests {
    @Test func refusesWithItsCode() {
        for (wire, code) in Corpus.refused {
            let outcome = decode(wire)
            #expect(outcome == Outcome(code: code), "\(wire.debugDescription): \(String(describing: outcome.code))")
        }
    }

    @Test func everyPairOfCutsGivesTheSameCode() {
        for (wire, code) in Corpus.refused {
            for cut in cuts(wire) where decode(cut) != Outcome(code: code) {
                Issue.record("\(wire.debugDescription) in \(cut.map(\.readableBytes))")
            }
        }
    }

    @Test func whatCameBeforeIsDelivered() {
        for (wire, code) in Corpus.refused {
            #expect(decode("+OK\r\n:1\r\n" + wire).values == [.simple("OK"), .integer(1)])
            #expect(decode("+OK\r\n" + wire).code == code)
        }
    }

    @Test func aDecoderStaysFailed() {
        var decoder = RESPFrameDecoder()
        var garbage = ByteBuffer(string: "?\r\n")
        let first = #expect(throws: RESPError.self) { try decoder.decode(buffer: &garbage) }
        var good = ByteBuffer(string: "+OK\r\n")
        let second = #expect(throws: RESPError.self) { try decoder.decode(buffer: &good) }
        #expect(first == second)
    }

    @Test func aReaderStaysFailedAndHoldsNothing() {
        var reader = RESPFrameReader()
        // Refused in the middle of a value, with levels open.
        reader.append(ByteBuffer(string: "*2\r\n*1\r\n:1\r\n$3\r\nabcde"))
        let first = #expect(throws: RESPError.self) { try reader.next() }
        #expect(first?.code == .malformedLine)
        reader.append(ByteBuffer(string: "+OK\r\n"))
        for _ in 0..<3 {
            let again = #expect(throws: RESPError.self) { try reader.next() }
            #expect(again == first)
            #expect(reader.unreadBytes == 0)
        }
    }

    @Test func anErrorSaysNothingOfWhatWasReceived() {
        for (wire, _) in Corpus.refused + [("$3\r\nsecret", .malformedLine), (":secret\r\n", .malformedNumber)] {
            var reader = RESPFrameReader()
            reader.append(ByteBuffer(string: wire))
            let error = #expect(throws: RESPError.self) { try reader.next() }
            #expect(error.map { !"\($0) \($0.debugDescription)".contains("secret") } == true)
            #expect(error?.shortDescription == error?.code.description)
        }
    }
}
