import NIOCore
import Testing
import WeirRESP

/// Cases from advisories and bug reports of other clients and servers, by their numbers in the project's list.
@Suite struct HostileCaseTests {
    @Test func case1DeepArraysAreRefused() {
        #expect(decode(String(repeating: "*1\r\n", count: 200_000)) == Outcome(code: .tooDeep))
        #expect(requests([ByteBuffer(string: String(repeating: "*1\r\n", count: 200_000))]) == Outcome(code: .malformedValue))
    }

    @Test(arguments: ["%", "~", "|", "*?", "%?", "~?", "|?"]) func case2DeepAggregatesOfEveryTypeAreRefused(type: String) {
        let line = type.utf8.count == 1 ? "\(type)1\r\n" : "\(type)\r\n"
        #expect(decode(String(repeating: line, count: 200_000)) == Outcome(code: .tooDeep))
    }

    @Test func case2PushesAreNotNested() {
        #expect(decode(String(repeating: ">1\r\n", count: 200_000)) == Outcome(code: .malformedValue))
        #expect(decode(">1\r\n" + String(repeating: "*1\r\n", count: 200_000)) == Outcome(code: .tooDeep))
    }

    @Test(arguments: ["2147483647", "4294967295", "4294967296", "9223372036854775807"]) func case3HugeCountsAreRefused(count: String) {
        for type in ["*", "%", "~", ">", "|"] { #expect(decode("\(type)\(count)\r\n") == Outcome(code: .tooManyElements)) }
        #expect(requests([ByteBuffer(string: "*\(count)\r\n")]) == Outcome(code: .tooManyElements))
    }

    @Test func case3ACountReservesNothing() {
        // Nested, so that all the budget is announced at once; memory would be 16 MiB for each level.
        let announced = decode(String(repeating: "*32000\r\n", count: 32), limits: RESPLimits())
        #expect(announced == Outcome())
    }

    @Test(arguments: ["99999999999999999999", "18446744073709551616", "9223372036854775808", "00000000000000000000001"])
    func case4LengthsThatOverflowAreRefused(length: String) {
        for type in ["$", "!", "=", "*", "%", "~", ">", "|", "$?\r\n;"] {
            #expect(decode("\(type)\(length)\r\n") == Outcome(code: .malformedNumber))
        }
        #expect(requests([ByteBuffer(string: "*1\r\n$\(length)\r\n")]) == Outcome(code: .malformedNumber))
    }

    @Test(arguments: ["9223372036854775807", "9223372036854775806", "4294967296", "2147483648"])
    func case4TheLargestLengthsAreRefused(length: String) {
        for type in ["$", "!", "=", "$?\r\n;"] { #expect(decode("\(type)\(length)\r\n") == Outcome(code: .bulkTooLong)) }
        let unlimited = RESPLimits(maximumBulkLength: .max, maximumElements: .max, maximumFrameLength: 1 << 31)
        for type in ["$", "!", "=", "$?\r\n;"] {
            #expect(decode("\(type)\(length)\r\n", limits: unlimited) == Outcome(code: .frameTooLong))
        }
        #expect(requests([ByteBuffer(string: "*1\r\n$\(length)\r\n")], limits: unlimited) == Outcome(code: .frameTooLong))
        #expect(decode("*9223372036854775807\r\n", limits: unlimited) == Outcome())
        #expect(decode("*1\r\n*9223372036854775807\r\n", limits: unlimited) == Outcome(code: .tooManyElements))
        #expect(decode("%9223372036854775807\r\n", limits: unlimited) == Outcome(code: .tooManyElements))
        #expect(requests([ByteBuffer(string: "*9223372036854775807\r\n")], limits: unlimited) == Outcome())
    }

    @Test(arguments: [
        "$-2", "*-7", "$+5", "$05", "$ 5", "*+1", "*01", "* 1", "$-0", "$-", "*-11", "%-1", "~-1", "|-1", ">-1", "$0x5", "$5.0",
    ])
    func case5LengthsAreWrittenOneWayOnly(line: String) {
        #expect(decode("\(line)\r\nhello\r\n") == Outcome(code: .malformedNumber))
    }

    @Test func case6AStringEndsWhereItsLengthSays() {
        for wire in ["$5\r\nabcdeXY", "$5\r\nabcde\n\n", "$5\r\nabcde\rX", "!5\r\nabcdeXY", "=5\r\ntxt:eXY", "$0\r\nX\r\n"] {
            #expect(decode(wire) == Outcome(code: .malformedLine))
        }
        #expect(requests([ByteBuffer(string: "*1\r\n$4\r\nPINGXY")]) == Outcome(code: .malformedLine))
    }

    @Test func case7StringsOverTheLimitAreRefusedUnseen() {
        for type in ["$", "!", "="] {
            #expect(decode("\(type)536870912\r\n") == Outcome())
            #expect(decode("\(type)536870913\r\n") == Outcome(code: .bulkTooLong))
        }
        #expect(requests([ByteBuffer(string: "*1\r\n$536870913\r\n")]) == Outcome(code: .bulkTooLong))
    }

    @Test func case8UnknownTypesAreRefused() {
        let types = Set(RESPKind.allCases.map(\.rawValue)).union("|;.".utf8)
        for byte in UInt8.min...UInt8.max where !types.contains(byte) {
            #expect(decode([ByteBuffer(bytes: [byte])]) == Outcome(code: .unknownType))
        }
    }

    @Test func case8LinesEndByBoth() {
        for wire in [
            "+OK\n", "-ERR\n", ":1\n", "$1\na", "*1\n", "_\n", "#t\n", ",1\n", "(1\n", "*?\n", "$?\r\n;0\n", "*?\r\n.\n", "+\rx",
            "+a\r\r\n",
        ] {
            #expect(decode(wire) == Outcome(code: .malformedLine), "\(wire.debugDescription)")
        }
    }

    @Test(arguments: ["+", "-", ",", "("]) func case9EndlessLinesAreRefused(type: String) {
        let endless = String(repeating: "1", count: 100_000)
        #expect(decode(pieces(ByteBuffer(string: type + endless), of: 1000)) == Outcome(code: .lineTooLong))
    }

    @Test func case9EndlessInlineCommandsAreRefused() {
        let endless = ByteBuffer(string: String(repeating: "x", count: 100_000))
        #expect(requests(pieces(endless, of: 1000)) == Outcome(code: .lineTooLong))
    }

    @Test func case10OddNumbersHaveADefinedResult() throws {
        #expect(decode(":9223372036854775808\r\n") == Outcome(code: .malformedNumber))
        #expect(decode("(" + String(repeating: "9", count: 1 << 20) + "\r\n") == Outcome(code: .lineTooLong))
        #expect(decode("#x\r\n") == Outcome(code: .malformedNumber))
        #expect(decode("=3\r\nab\r\n\r\n") == Outcome(code: .malformedLine))
        #expect(decode("=3\r\nabc\r\n") == Outcome(code: .malformedValue))
        #expect(decode(",nan\r\n").messages.first?.double?.isNaN == true)
        #expect(decode(",inf\r\n").messages.first?.double == .infinity)
        let long = RESPLimits(maximumLineLength: 1 << 20)
        let digits = String(repeating: "9", count: 1 << 20)
        #expect(decode("(\(digits)\r\n", limits: long).messages.first?.string == ByteBuffer(string: digits))
        #expect(decode(",\(digits)\r\n", limits: long).messages.first?.double == .infinity)
    }

    @Test func case11StreamsAreRead() {
        #expect(decode("$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n").values == [.bulk("abc")])
        #expect(decode("*?\r\n$?\r\n;1\r\na\r\n;0\r\n%?\r\n.\r\n.\r\n").values == [.array([.bulk("a"), .map([])])])
    }

    @Test func case12AThousandRepliesInOneRead() {
        let wire = String(repeating: "$3\r\nabc\r\n", count: 1000)
        #expect(decode(wire).values == Array(repeating: .bulk("abc"), count: 1000))
        let commands = String(repeating: "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", count: 1000)
        #expect(requests([ByteBuffer(string: commands)]).texts == Array(repeating: ["GET", "k"], count: 1000))
    }

    /// Each cut of each wire is in ``FrameDecodingTests``, ``RefusalTests`` and ``RequestTests``.
    @Test(arguments: [1, 2, 3, 7, 100]) func case12AThousandRepliesInPieces(size: Int) {
        let wire = ByteBuffer(string: String(repeating: "*2\r\n$3\r\nabc\r\n:1\r\n", count: 1000))
        #expect(decode(pieces(wire, of: size)) == decode([wire]))
    }

    @Test func case18ArgumentsInjectNothing() {
        for hostile in ["k\r\nFLUSHALL\r\n", "\u{0}", "*3\r\n$3\r\nSET\r\n", "\r\n$8\r\nFLUSHALL\r\n", "\n", "\"", "", "a b"] {
            let argument = ByteBuffer(string: hostile)
            var wire = ByteBuffer()
            wire.writeRESPCommand("SET", argument, argument)
            wire.writeRESPCommand("GET", argument)
            wire.writeRESPCommand("DEL", [argument])
            wire.writeRESPCommand(parts: [argument])
            let expected = [["SET", hostile, hostile], ["GET", hostile], ["DEL", hostile], [hostile]]
            #expect(requests([wire]).texts == expected)
            #expect(decode([wire]).values == expected.map { .array($0.map { .bulk($0) }) })
        }
    }
}
