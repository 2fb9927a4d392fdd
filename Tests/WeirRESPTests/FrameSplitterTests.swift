import NIOCore
import Testing
import WeirRESP

/// Where values end in bytes that are not kept.
@Suite struct FrameSplitterTests {
    /// What a splitter says of bytes that come in pieces.
    private struct Split: Equatable {
        /// Where values ended, counted from the first byte.
        var ends: [Int] = []
        /// Where it stopped before a push.
        var pushes: [Int] = []
        var isInside = false
        var code: RESPError.Code?
    }

    private static func split(_ pieces: [ByteBuffer], limits: RESPLimits = RESPLimits(), atATime: Int = 1) -> Split {
        var splitter = RESPFrameSplitter(limits: limits)
        var split = Split()
        var base = 0
        var isInPush = false
        do throws(RESPError) {
            for piece in pieces {
                try piece.readableBytesSpan.withUnsafeBytes { bytes throws(RESPError) in
                    var at = 0
                    while at < bytes.count {
                        var values = atATime
                        at = try splitter.pass(bytes, from: at, values: &values, stopsAtPush: !isInPush)
                        isInPush = false
                        if values < atATime, !splitter.isInside { split.ends.append(base + at) }
                        if at < bytes.count, values > 0 {
                            split.pushes.append(base + at)
                            isInPush = true
                        }
                    }
                }
                base += piece.readableBytes
            }
        } catch {
            split.code = error.code
        }
        split.isInside = splitter.isInside
        return split
    }

    /// Streams are refused; all else is as the decoder sees it.
    private static let values = Corpus.values.map(\.wire).filter { !$0.contains("?\r\n") }

    @Test func findsTheEndOfEachValueHoweverItIsCut() {
        #expect(Self.values.count > 30)
        for wire in Self.values where !wire.contains(">") {
            let expected = Split(ends: [wire.utf8.count])
            for cut in cuts(wire) where Self.split(cut) != expected {
                Issue.record("\(wire.debugDescription) in \(cut.map(\.readableBytes))")
            }
        }
    }

    @Test func findsTheEndsOfManyHoweverTheyAreCut() {
        let wires = Self.values.filter { !$0.contains(">") }
        let wire = ByteBuffer(string: wires.joined())
        let ends = wires.indices.map { wires[...$0].reduce(0) { $0 + $1.utf8.count } }
        for size in [1, 2, 3, 5, 7, 11, 64, 4096] { #expect(Self.split(pieces(wire, of: size)) == Split(ends: ends), "\(size)") }
        #expect(Self.split([wire], atATime: wires.count) == Split(ends: [wire.readableBytes]))
    }

    @Test func isInsideUntilTheLastByte() {
        for wire in Self.values where !wire.contains(">") {
            for length in 1..<wire.utf8.count {
                let split = Self.split([ByteBuffer(bytes: wire.utf8.prefix(length))])
                #expect(split == Split(isInside: true), "\(wire.debugDescription) \(length)")
            }
        }
    }

    @Test func stopsBeforeAPush() {
        let push = ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"
        let split = Self.split([ByteBuffer(string: "+OK\r\n\(push)$1\r\na\r\n\(push)\(push):1\r\n")])
        #expect(split.pushes == [5, 40, 68])
        #expect(split.ends == [5, 33, 40, 68, 96, 100])
        #expect(split.code == nil)
    }

    /// What decides where a value ends. A number that is none is the receiver's.
    @Test func refusesWhatLosesTheFrame() {
        let numbers: Set<Character> = [":", "#", "_", ",", "(", "="]
        let kept = Corpus.refused.filter { wire, _ in
            // A push inside a value is none of its elements.
            !numbers.contains(wire.first!) && !wire.contains("?\r\n") && !wire.contains("?x") && !wire.dropFirst().contains(">")
        }
        for (wire, code) in kept {
            for cut in [[ByteBuffer(string: wire)], pieces(ByteBuffer(string: wire), of: 1)] {
                let split = Self.split(cut)
                #expect(split.code != nil, "\(wire.debugDescription)")
                if [.bulkTooLong, .tooManyElements, .unknownType].contains(code) {
                    #expect(split.code == code || split.code == .malformedNumber)
                }
            }
        }
        for wire in ["$?\r\n", "*?\r\n", "%?\r\n", ".\r\n", ";1\r\n"] { #expect(Self.split([ByteBuffer(string: wire)]).code != nil) }
    }

    /// As when a transaction publishes to its own client.
    @Test func aPushInAnArrayIsNoneOfItsElements() {
        let wire = "*2\r\n+OK\r\n>3\r\n+message\r\n+a\r\n*1\r\n:1\r\n:2\r\n"
        for cut in cuts(wire) { #expect(Self.split(cut) == Split(ends: [wire.utf8.count])) }
    }

    @Test(arguments: ["*", "%", "~", "|"]) func refusesWhatIsTooDeep(type: String) {
        #expect(Self.split([ByteBuffer(string: String(repeating: "\(type)1\r\n", count: 200_000))]).code == .tooDeep)
    }

    @Test func limitsHold() {
        let limits = RESPLimits(maximumLineLength: 32, maximumBulkLength: 10, maximumElements: 4, maximumDepth: 2)
        let line = String(repeating: "a", count: 32)
        for size in [1, 7, 100] {
            func split(_ wire: String) -> RESPError.Code? { Self.split(pieces(ByteBuffer(string: wire), of: size), limits: limits).code }
            #expect(split("+\(line)\r\n") == nil)
            #expect(split("+\(line)a\r\n") == .lineTooLong)
            #expect(split("$10\r\n0123456789\r\n") == nil)
            #expect(split("$11\r\n0123456789a\r\n") == .bulkTooLong)
            #expect(split("*2\r\n*1\r\n:1\r\n:2\r\n") == nil)
            #expect(split("*2\r\n*3\r\n:1\r\n") == .tooManyElements)
            #expect(split("*1\r\n*1\r\n*1\r\n") == .tooDeep)
        }
    }

    /// Values made by chance, cut by chance, beside the reader of whole frames.
    @Test(arguments: 1...20) func agreesWithTheReader(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var wire = ByteBuffer()
        for _ in 0..<200 { wire.writeString(Self.values.randomElement(using: &generator)!) }
        var reader = RESPFrameReader()
        reader.append(wire)
        var ends: [Int] = []
        while let frame = try? reader.next() { ends.append((ends.last ?? 0) + frame.bytes.readableBytes) }
        var cut: [ByteBuffer] = []
        var rest = wire
        while rest.readableBytes > 0 {
            cut.append(rest.readSlice(length: min(rest.readableBytes, Int.random(in: 1...97, using: &generator)))!)
        }
        let split = Self.split(cut)
        #expect(split.ends == ends)
        #expect(split.code == nil && !split.isInside)
    }
}
