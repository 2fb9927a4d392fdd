import NIOCore
import NIOEmbedded
import Testing
import WeirRESP

@Suite struct RESPEncoderTests {
    private func encode(_ value: RESPValue, _ version: RESPVersion) -> String {
        var buffer = ByteBuffer()
        buffer.writeRESP(value, version: version)
        return String(buffer: buffer)
    }

    @Test func whatIsWrittenIsReadAgain() {
        for (_, value) in Corpus.values {
            let wire = self.encode(value, .resp3)
            let (values, error) = decode(wire)
            #expect(values == [value] && error == nil, "\(wire.debugDescription)")
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
            #expect(decode(self.encode(value, .resp2)).error == nil, "\(wire.debugDescription)")
        }
    }

    @Test func simpleStringsCannotInject() {
        #expect(self.encode(.simple("OK\r\n+HA"), .resp3) == "+OK  +HA\r\n")
        #expect(self.encode(.error("ERR\n:1"), .resp3) == "-ERR :1\r\n")
    }

    @Test func argumentsAreSentByLength() {
        var buffer = ByteBuffer()
        let hostile = ByteBuffer(string: "k\r\n*1\r\n$8\r\nFLUSHALL\r\n\u{0}")
        buffer.writeRESPCommand("SET", hostile, ByteBuffer(string: ""))
        let (values, error) = decode([buffer])
        #expect(error == nil)
        #expect(values == [.array([.bulk("SET"), .bulkString(hostile), .bulk("")])])

        var parts = ByteBuffer()
        parts.writeRESPCommand(parts: [ByteBuffer(string: "SET"), hostile, ByteBuffer()])
        #expect(parts == buffer)
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
