import NIOCore
import Testing
import WeirRESP

/// What a peer may make a decoder hold.
@Suite struct LimitTests {
    private static let hundred = "$100\r\n" + String(repeating: "x", count: 100) + "\r\n"

    /// The code, which must not depend on the cut.
    private func code(_ wire: String, _ limits: RESPLimits, sourceLocation: SourceLocation = #_sourceLocation) -> RESPError.Code? {
        let whole = decode(wire, limits: limits)
        for size in [1, 2, 3, 10, 37] {
            #expect(decode(pieces(ByteBuffer(string: wire), of: size), limits: limits) == whole, sourceLocation: sourceLocation)
        }
        return whole.code
    }

    @Test(arguments: ["*", "%", "~", "|"], [1, 8, 128]) func depth(type: String, limit: Int) {
        let limits = RESPLimits(maximumDepth: limit)
        for line in ["\(type)1\r\n", "\(type)?\r\n"] {
            #expect(decode(String(repeating: line, count: limit), limits: limits).code == nil)
            #expect(decode(String(repeating: line, count: limit + 1), limits: limits).code == .tooDeep)
            // An aggregate of no elements is one as well.
            #expect(decode(String(repeating: line, count: limit) + "*0\r\n", limits: limits).code == .tooDeep)
        }
    }

    @Test func elementsOfTheWholeValue() {
        let limits = RESPLimits(maximumElements: 10)
        #expect(self.code("*10\r\n", limits) == nil)
        #expect(self.code("*11\r\n", limits) == .tooManyElements)
        #expect(self.code("%5\r\n", limits) == nil)
        #expect(self.code("%6\r\n", limits) == .tooManyElements)
        #expect(self.code("*5\r\n*6\r\n", limits) == .tooManyElements)
        #expect(self.code("|5\r\n" + String(repeating: ":1\r\n", count: 10) + "*1\r\n", limits) == .tooManyElements)
        // The next value has the whole budget again.
        let five = "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"
        #expect(decode(five + five + five, limits: limits).messages.count == 3)
    }

    @Test func elementsOfStreams() {
        let limits = RESPLimits(maximumElements: 10)
        #expect(self.code("*?\r\n" + String(repeating: ":1\r\n", count: 10) + ".\r\n", limits) == nil)
        #expect(self.code("*?\r\n" + String(repeating: ":1\r\n", count: 11), limits) == .tooManyElements)
        // What is nested counts, and so does what it is nested in.
        #expect(self.code("*?\r\n" + String(repeating: "*1\r\n:1\r\n", count: 5) + ".\r\n", limits) == nil)
        #expect(self.code("*?\r\n" + String(repeating: "*1\r\n:1\r\n", count: 6), limits) == .tooManyElements)
        #expect(self.code("*?\r\n" + String(repeating: "*?\r\n.\r\n", count: 11), limits) == .tooManyElements)
        #expect(self.code("*?\r\n" + String(repeating: "*0\r\n", count: 11), limits) == .tooManyElements)
        #expect(self.code("*?\r\n" + String(repeating: "$?\r\n;0\r\n", count: 11), limits) == .tooManyElements)
    }

    @Test func lines() {
        let limits = RESPLimits(maximumLineLength: 32)
        let longest = String(repeating: "x", count: 32)
        for type in ["+", "-"] {
            #expect(self.code("\(type)\(longest)\r\n", limits) == nil)
            #expect(self.code("\(type)\(longest)x\r\n", limits) == .lineTooLong)
            #expect(self.code("\(type)\(longest)\n", limits) == .malformedLine)
            #expect(self.code("\(type)\(longest)x\n", limits) == .lineTooLong)
            #expect(self.code("\(type)\(longest)xxxxxx", limits) == .lineTooLong)
        }
        #expect(self.code("(" + String(repeating: "1", count: 33), limits) == .lineTooLong)
        // A length is refused long before the line limit.
        #expect(self.code("$" + String(repeating: "1", count: 30), limits) == .malformedNumber)
        #expect(self.code(":" + String(repeating: "1", count: 30), limits) == .malformedNumber)
    }

    @Test func stringsBeforeTheyAreBuffered() {
        let limits = RESPLimits(maximumBulkLength: 100)
        for type in ["$", "!", "="] {
            #expect(self.code("\(type)100\r\n", limits) == nil)
            #expect(self.code("\(type)101\r\n", limits) == .bulkTooLong)
        }
        #expect(self.code(Self.hundred, limits) == nil)
        #expect(self.code("$101\r\n" + String(repeating: "x", count: 101) + "\r\n", limits) == .bulkTooLong)
        #expect(self.code("$?\r\n;101\r\n", limits) == .bulkTooLong)
        // All the pieces of a stream are one string; the next one begins anew.
        let sixty = ";60\r\n" + String(repeating: "x", count: 60) + "\r\n"
        #expect(self.code("$?\r\n\(sixty);40\r\n", limits) == nil)
        #expect(self.code("$?\r\n\(sixty);41\r\n", limits) == .bulkTooLong)
        #expect(self.code("*2\r\n$?\r\n\(sixty);0\r\n$?\r\n\(sixty);0\r\n", limits) == nil)
    }

    @Test func wholeValues() {
        let limits = RESPLimits(maximumFrameLength: 219)
        #expect(self.code("*3\r\n" + Self.hundred + "$98\r\n", limits) == nil)
        #expect(self.code("*3\r\n" + Self.hundred + "$100\r\n", limits) == .frameTooLong)
        #expect(self.code("*2\r\n" + Self.hundred + Self.hundred, limits) == .frameTooLong)
        #expect(self.code("*2\r\n" + Self.hundred + Self.hundred, RESPLimits(maximumFrameLength: 220)) == nil)
        #expect(self.code(Self.hundred, RESPLimits(maximumFrameLength: 107)) == .frameTooLong)
        #expect(decode(Self.hundred + Self.hundred + Self.hundred, limits: limits).messages.count == 3)
    }

    /// Which error it is must not depend on how much was read before the limit was looked at.
    @Test func wholeValuesOfManyShortOnes() {
        let limits = RESPLimits(maximumFrameLength: 20)
        #expect(self.code("*3\r\n:1\r\n:1\r\n:1\r\n", limits) == nil)
        #expect(self.code("*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", limits) == nil)
        #expect(self.code("*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", limits) == .frameTooLong)
        #expect(self.code("*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n?", limits) == .frameTooLong)
        #expect(self.code("*9\r\n+ok\r\n+0123456789\r\n", limits) == .frameTooLong)
        #expect(self.code("*9\r\n+ok\r\n+0123456789\n", limits) == .frameTooLong)
        #expect(self.code("*9\r\n+ok\r\n+0123456789", limits) == .frameTooLong)
        #expect(self.code("*9\r\n+0123456789a\r\n?", limits) == .unknownType)
        #expect(self.code("|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n:1\r\n", limits) == .frameTooLong)
        #expect(self.code("|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n", limits) == nil)
        #expect(self.code("|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n", limits) == .frameTooLong)
        #expect(self.code("*?\r\n*?\r\n*?\r\n*?\r\n*?\r\n*?\r\n", limits) == .frameTooLong)
    }
}
