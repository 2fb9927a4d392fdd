import NIOCore
import Testing
import WeirRESP

/// Words as Redis cuts a line into them.
@Suite struct InlineCommandTests {
    private func words(_ line: [UInt8]) -> Outcome<RESPRequest> { requests([ByteBuffer(bytes: line + [0x0A])]) }

    @Test(arguments: [
        (#"set k "a b""#, ["set", "k", "a b"]),
        (#"set k "\x41\x7a\xfF""#, ["set", "k", "Az\u{FFFD}"]),
        (#"set k "\x4""#, ["set", "k", "x4"]),
        (#"set k "\xg1""#, ["set", "k", "xg1"]),
        (#"set k "\n\r\t\b\a\"\\\q""#, ["set", "k", "\n\r\t\u{8}\u{7}\"\\q"]),
        (#"set k 'a\'b\n"c'"#, ["set", "k", #"a'b\n"c"#]),
        (#"set k """#, ["set", "k", ""]),
        (#"set k ''"#, ["set", "k", ""]),
        (#""" a"#, ["", "a"]),
        (#"pre"fix ed" x"#, ["prefix ed", "x"]),
        (#"pre'fix ed' x"#, ["prefix ed", "x"]),
        (#"back\slash \n"#, [#"back\slash"#, #"\n"#]),
        ("tab\tvt\u{B}ff\u{C}end", ["tab", "vt", "ff", "end"]),
        (" \t ", []),
    ]) func asRedisDoes(line: String, expected: [String]) {
        let outcome = self.words(Array(line.utf8))
        #expect(outcome.code == nil)
        #expect(outcome.texts == (expected.isEmpty ? [] : [expected]))
    }

    @Test(arguments: [#"""#, #"a "b"#, #"'"#, #"a 'b"#, #""a"b"#, #"'a'b"#, #""a""b""#, #""a\""#, #"'a\'"#, #""\"#, #""\x4"#])
    func unbalanced(line: String) {
        #expect(self.words(Array(line.utf8)) == Outcome(code: .unbalancedQuotes))
    }

    @Test func everyByteCanBeEscaped() {
        for byte in UInt8.min...UInt8.max {
            let digits = String(byte, radix: 16)
            let line = "echo \"\\x" + (digits.utf8.count == 1 ? "0" : "") + digits + "\""
            #expect(self.words(Array(line.utf8)).messages.first?.arguments.map { Array($0.readableBytesView) }.last == [byte])
        }
    }

    @Test func bytesThatAreNoTextAreKept() {
        #expect(self.words([0xFF, 0x20, 0xC3]).messages.first?.arguments.map { Array($0.readableBytesView) } == [[0xFF], [0xC3]])
    }

    /// As Redis, for which the line is a string of C. What follows the NUL must not become a command's argument.
    @Test func nulEndsTheLine() {
        #expect(self.words(Array("get a\u{0} b".utf8)).texts == [["get", "a"]])
        #expect(self.words(Array("\u{0}flushall".utf8)).texts == [])
        #expect(self.words(Array("get \"a\u{0}\"".utf8)).code == .unbalancedQuotes)
        #expect(self.words(Array("get \"a\"\u{0}b".utf8)).texts == [["get", "a"]])
    }
}
