import Testing

@testable import WeirRedis

@Suite struct CommandNameTests {
    /// The name in bytes that hold more before and after it, or nothing after it.
    private func name(_ bytes: [UInt8], before: Int = 0, after: [UInt8] = []) -> RedisCommandName {
        let all = [UInt8](repeating: UInt8(ascii: "z"), count: before) + bytes + after
        return all.withUnsafeBytes { RedisCommandName($0, at: before, length: bytes.count) }
    }

    private func model(_ bytes: [UInt8]) -> RedisCommandName {
        var name = RedisCommandName()
        name.high = UInt64(min(bytes.count, 16)) << 56
        for (index, byte) in bytes.prefix(15).enumerated() {
            if index < 8 { name.low |= UInt64(byte) << UInt64(index * 8) } else { name.high |= UInt64(byte) << UInt64((index - 8) * 8) }
        }
        return name
    }

    @Test func packsEveryLengthWhereverItStands() {
        for length in 0...20 {
            let bytes = (0..<length).map { UInt8(ascii: "a") + UInt8($0) }
            for before in [0, 1, 7, 8, 9] {
                for after in 0...9 {
                    let rest = [UInt8](repeating: 0xFF, count: after)
                    #expect(self.name(bytes, before: before, after: rest) == self.model(bytes), "\(length) \(before) \(after)")
                }
            }
        }
    }

    @Test func foldsLettersOfEitherCase() {
        for length in 1...15 {
            let lower = (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
            let upper = lower.map { $0 - 0x20 }
            let mixed = zip(lower, upper).enumerated().map { $0.offset % 2 == 0 ? $0.element.0 : $0.element.1 }
            #expect(self.name(lower).folded == self.name(upper).folded)
            #expect(self.name(mixed).folded == self.name(upper).folded)
        }
    }

    /// No other byte becomes a letter.
    @Test func foldsNothingElseToALetter() {
        for byte in UInt8.min ... .max {
            let folded = UInt8(truncatingIfNeeded: self.name([byte]).folded.low)
            guard (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(folded) else { continue }
            #expect(byte == folded || byte == folded + 0x20)
        }
    }

    @Test func differentNamesDiffer() {
        #expect(self.name(Array("GET".utf8)) != self.name(Array("GETX".utf8)))
        #expect(self.name(Array("12345678".utf8)) != self.name(Array("123456789".utf8)))
        #expect(self.name(Array("".utf8)) != self.name(Array("a".utf8)))
        // What folds to nothing counts by its length.
        #expect(self.name(Array("GET ".utf8)).folded != self.name(Array("GET".utf8)).folded)
        #expect(self.name(Array("GET\0".utf8)).folded != self.name(Array("GET".utf8)).folded)
    }

    @Test func descriptionShowsNothingThatCannotBePrinted() {
        #expect(self.name(Array("get".utf8)).description == "get")
        #expect(self.name(Array("0123456789abcdefgh".utf8)).description == "0123456789abcde")
        #expect(self.name([0x1B, UInt8(ascii: "x"), 0xFF, UInt8(ascii: "\n")]).description == "?x??")
        #expect(self.name([]).description == "")
    }
}
