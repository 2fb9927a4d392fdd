import NIOCore
import NIOEmbedded
import Testing
import WeirRESP

/// Values and commands to bytes.
@Suite struct EncoderTests {
    private func encode(_ value: RESPValue, _ version: RESPVersion) -> String {
        var buffer = ByteBuffer()
        buffer.writeRESP(value, version: version)
        return String(buffer: buffer)
    }

    @Test func whatIsWrittenIsReadAgain() {
        for (_, value) in Corpus.values {
            let wire = self.encode(value, .resp3)
            #expect(decode(wire).values == [value], "\(wire.debugDescription)")
        }
    }

    @Test func olderClientsGetWhatTheyKnow() {
        #expect(self.encode(.null, .resp2) == "$-1\r\n")
        #expect(self.encode(.null, .resp3) == "_\r\n")
        #expect(self.encode(.boolean(true), .resp2) == ":1\r\n")
        #expect(self.encode(.double(1.5), .resp2) == "$3\r\n1.5\r\n")
        #expect(self.encode(.bigNumber(ByteBuffer(string: "12")), .resp2) == "$2\r\n12\r\n")
        #expect(self.encode(.verbatimString(ByteBuffer(string: "txt:ab")), .resp2) == "$2\r\nab\r\n")
        #expect(self.encode(.bulkError(ByteBuffer(string: "ERR a\r\nb")), .resp2) == "-ERR a  b\r\n")
        #expect(self.encode(.map([RESPMapEntry(key: .integer(1), value: .integer(2))]), .resp2) == "*2\r\n:1\r\n:2\r\n")
        #expect(self.encode(.set([.integer(1)]), .resp2) == "*1\r\n:1\r\n")
        #expect(self.encode(.push([.integer(1)]), .resp2) == "*1\r\n:1\r\n")
        for (wire, value) in Corpus.values {
            // Every form of RESP2 is readable by itself.
            #expect(decode(self.encode(value, .resp2)).code == nil, "\(wire.debugDescription)")
        }
    }

    @Test func simpleStringsCannotInject() {
        #expect(self.encode(.simple("OK\r\n+HA"), .resp3) == "+OK  +HA\r\n")
        #expect(self.encode(.error("ERR\n:1"), .resp3) == "-ERR :1\r\n")
    }

    @Test func everyFormOfACommandIsTheSame() {
        let name: StaticString = "SET"
        let (key, value) = (ByteBuffer(string: "k\r\n\u{0}"), ByteBuffer())
        let expected = "*3\r\n$3\r\nSET\r\n$4\r\nk\r\n\u{0}\r\n$0\r\n\r\n"
        var buffers = Array(repeating: ByteBuffer(string: "before"), count: 4)
        buffers[0].writeRESPCommand(name, key, value)
        buffers[1].writeRESPCommand(name, [key, value])
        buffers[2].writeRESPCommand(parts: [ByteBuffer(string: "SET"), key, value])
        buffers[3].writeImmutableBuffer(RESPRequest([ByteBuffer(string: "SET"), key, value]).bytes)
        for buffer in buffers { #expect(String(buffer: buffer) == "before" + expected) }

        var none = ByteBuffer()
        none.writeRESPCommand("PING")
        #expect(String(buffer: none) == "*1\r\n$4\r\nPING\r\n")
        var one = ByteBuffer()
        one.writeRESPCommand("GET", key)
        #expect(String(buffer: one) == "*2\r\n$3\r\nGET\r\n$4\r\nk\r\n\u{0}\r\n")
    }

    @Test func anArgumentMayLieInTheBufferThatIsWritten() {
        var buffer = ByteBuffer(string: "key")
        let key = buffer
        for _ in 0..<100 { buffer.writeRESPCommand("GET", key) }
        #expect(String(buffer: buffer) == "key" + String(repeating: "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", count: 100))
        #expect(String(buffer: key) == "key")
    }

    @Test func bulkStringsOfEveryKind() {
        for length in [0, 1, 9, 10, 11, 99, 100, 101, 12_345] {
            let text = String(repeating: "x", count: length)
            var buffer = ByteBuffer()
            buffer.writeRESPBulkString(text)
            buffer.writeRESPBulkString(ByteBuffer(string: text))
            #expect(String(buffer: buffer) == String(repeating: "$\(length)\r\n\(text)\r\n", count: 2))
        }
        for integer in [0, 9, 10, 99, 100, -1, Int64.max, Int64.min] {
            var buffer = ByteBuffer()
            buffer.writeRESPBulkString(integer)
            #expect(String(buffer: buffer) == "$\("\(integer)".utf8.count)\r\n\(integer)\r\n")
        }
        var buffer = ByteBuffer()
        buffer.writeRESPBulkString("X" as StaticString)
        buffer.writeRESPBulkString("" as StaticString)
        #expect(String(buffer: buffer) == "$1\r\nX\r\n$0\r\n\r\n")
    }

    @Test func streamsAndAttributesPieceByPiece() throws {
        var wire = ByteBuffer()
        wire.writeRESPAttributeHeader(count: 1)
        wire.writeRESPBulkString("ttl")
        wire.writeRESPInteger(3600)
        wire.writeRESPStreamHeader(.array)
        wire.writeRESPStreamHeader(.bulkString)
        for piece in ["Hello", "", " world"] { wire.writeRESPStreamPiece(ByteBuffer(string: piece)) }
        wire.writeRESPStreamEnd(.bulkString)
        for kind in [RESPKind.map, .set] {
            wire.writeRESPStreamHeader(kind)
            wire.writeRESPInteger(1)
            wire.writeRESPNull(version: .resp3)
            wire.writeRESPStreamEnd(kind)
        }
        wire.writeRESPStreamEnd(.array)
        let frame = try RESPFrame(wire)
        #expect(frame.attributes?.map { $0.value.integer } == [3600])
        let map = RESPValue.map([RESPMapEntry(key: .integer(1), value: .null)])
        #expect(RESPValue(frame) == .array([.bulk("Hello world"), map, .set([.integer(1), .null])]))

        var push = ByteBuffer()
        push.writeRESPStreamHeader(.push)
        push.writeRESPSimple("a")
        push.writeRESPStreamEnd(.push)
        #expect(decode([push]).values == [.push([.simple("a")])])
    }

    @Test func aggregatesPieceByPiece() {
        for version in [RESPVersion.resp2, .resp3] {
            var wire = ByteBuffer()
            wire.writeRESPPushHeader(count: 3, version: version)
            wire.writeRESPArrayHeader(count: 0)
            wire.writeRESPSetHeader(count: 1, version: version)
            wire.writeRESPMapHeader(count: 1, version: version)
            wire.writeRESPInteger(1)
            wire.writeRESPInteger(2)
            wire.writeRESPNull(version: version)
            var expected = ByteBuffer()
            let set = RESPValue.set([.map([RESPMapEntry(key: .integer(1), value: .integer(2))])])
            expected.writeRESP(.push([.array([]), set, .null]), version: version)
            #expect(wire == expected)
        }
    }

    @Test func doublesAreReadAsTheyWere() {
        let doubles: [Double] = [
            0, -0.0, 1, 0.1, 1e16, 1e300, -.leastNonzeroMagnitude, .greatestFiniteMagnitude, .pi, .infinity, -.infinity,
        ]
        for double in doubles {
            let frame = decode(self.encode(.double(double), .resp3)).messages.first
            #expect(frame?.double?.bitPattern == double.bitPattern)
        }
        #expect(decode(self.encode(.double(.nan), .resp3)).messages.first?.double?.isNaN == true)
    }

    /// A value that no decoder made may not be what it says.
    @Test func aVerbatimStringWithoutAFormatIsWrittenAsAString() {
        for text in ["", "ab", "abcd"] {
            #expect(self.encode(.verbatimString(ByteBuffer(string: text)), .resp3) == self.encode(.bulk(text), .resp3))
            #expect(self.encode(.verbatimString(ByteBuffer(string: text)), .resp2) == self.encode(.bulk(text), .resp2))
        }
    }

    @Test func integersAreWrittenWhole() {
        for integer in [0, 9, 10, 99, 100, 12_345, -1, -10, Int64.max, Int64.min] {
            #expect(self.encode(.integer(integer), .resp2) == ":\(integer)\r\n")
        }
    }

    @Test func worksInAPipeline() throws {
        let channel = EmbeddedChannel(handler: MessageToByteHandler(RESPEncoder(version: .resp3)))
        try channel.writeOutbound(RESPValue.array([.null, .bulk("a")]))
        let written = try channel.readOutbound(as: ByteBuffer.self)
        #expect(written == ByteBuffer(string: "*2\r\n_\r\n$1\r\na\r\n"))
        _ = try channel.finish()
    }
}
