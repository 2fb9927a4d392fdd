import NIOCore
import Testing
import WeirRESP

/// What a frame says of itself when it is asked.
@Suite struct FrameAccessorTests {
    private func frame(_ wire: String) throws -> RESPFrame { try RESPFrame(ByteBuffer(string: wire)) }

    @Test func agreesWithTheValue() throws {
        for (wire, value) in Corpus.values { try self.compare(self.frame(wire), value, wire) }
    }

    private func compare(_ frame: RESPFrame, _ value: RESPValue, _ wire: String) throws {
        let place = Comment(rawValue: wire.debugDescription)
        #expect(RESPValue(frame) == value, place)
        #expect(frame.kind == value.kind, place)
        #expect(frame.isNull == (value == .null), place)
        #expect(frame.isError == (value.errorBytes != nil), place)
        let string = value.bytes ?? value.errorBytes
        #expect(frame.string == string, place)
        #expect(frame.withStringBytes { Array($0) } == string.map { Array($0.readableBytesView) }, place)
        if case .integer(let integer) = value {
            #expect(frame.integer == integer && frame.double == Double(integer), place)
        } else {
            #expect(frame.integer == nil, place)
        }
        if case .double(let double) = value { #expect(frame.double == double, place) }
        if case .boolean(let boolean) = value { #expect(frame.boolean == boolean, place) } else { #expect(frame.boolean == nil, place) }
        #expect((frame.verbatimFormat != nil) == (frame.kind == .verbatimString), place)
        let elements = value.elements
        #expect((frame.elements == nil) == (elements == nil), place)
        #expect(frame.elements?.count == elements?.count, place)
        for (element, value) in zip(frame.elements.map(Array.init) ?? [], elements ?? []) { try self.compare(element, value, wire) }
        if case .map(let entries) = value {
            #expect(frame.entries?.map { RESPMapEntry(key: RESPValue($0.key), value: RESPValue($0.value)) } == entries, place)
            #expect(frame.entries?.count == entries.count && frame.pairs?.count == entries.count, place)
        } else {
            #expect(frame.entries == nil, place)
        }
    }

    @Test func attributesStandBesideTheValue() throws {
        let frame = try self.frame("|2\r\n+ttl\r\n:3600\r\n+tags\r\n*1\r\n+a\r\n|1\r\n+late\r\n:1\r\n$1\r\nv\r\n")
        let attributes = frame.attributes.map(Array.init) ?? []
        #expect(attributes.map { $0.key.string.map { String(buffer: $0) } } == ["ttl", "tags"])
        #expect(attributes.first?.value.integer == 3600)
        #expect(attributes.last?.value.elements?.count == 1)
        #expect(frame.string == ByteBuffer(string: "v"))
        #expect(frame.kind == .bulkString)

        #expect(try self.frame("$1\r\nv\r\n").attributes == nil)
        #expect(try self.frame("|0\r\n$1\r\nv\r\n").attributes?.count == 0)
        #expect(try self.frame("|?\r\n+a\r\n:1\r\n.\r\n:1\r\n").attributes?.count == 1)
        // Those of an element are its own.
        let array = try self.frame("*2\r\n|1\r\n+a\r\n:1\r\n:5\r\n:6\r\n")
        #expect(array.attributes == nil)
        #expect(array.elements?.map { $0.attributes?.count } == [1, nil])
        #expect(array.elements?.map(\.integer) == [5, 6])
    }

    @Test func pairsOfEitherVersion() throws {
        #expect(try self.frame("%1\r\n+a\r\n:1\r\n").pairs?.count == 1)
        #expect(try self.frame("*2\r\n+a\r\n:1\r\n").pairs?.map { $0.value.integer } == [1])
        #expect(try self.frame("*?\r\n+a\r\n:1\r\n.\r\n").pairs?.count == 1)
        #expect(try self.frame("*1\r\n+a\r\n").pairs == nil)
        #expect(try self.frame("*?\r\n+a\r\n.\r\n").pairs == nil)
        #expect(try self.frame("~2\r\n+a\r\n:1\r\n").pairs == nil)
        #expect(try self.frame("*-1\r\n").pairs == nil)
        #expect(try self.frame("$1\r\na\r\n").pairs == nil)
    }

    @Test func verbatimFormats() throws {
        let frame = try self.frame("=8\r\nmkd:# ab\r\n")
        #expect(frame.verbatimFormat == "mkd")
        #expect(frame.string == ByteBuffer(string: "# ab"))
        #expect(try self.frame("=4\r\ntxt:\r\n").string == ByteBuffer())
        // Three bytes, whatever they are: they must come out as they came in.
        var bytes = ByteBuffer(string: "=5\r\n")
        bytes.writeBytes([0xFF, 0xFE, 0xFD] + Array(":a\r\n".utf8))
        var again = ByteBuffer()
        again.writeRESP(RESPValue(try RESPFrame(bytes)), version: .resp3)
        #expect(again == bytes)
    }

    @Test func oddDoublesAreNumbers() throws {
        let expected: [(String, Double)] = [
            ("1.", 1), (".5", 0.5), ("-.5e1", -5), ("+1E2", 100), ("1e999", .infinity), ("-1e999", -.infinity), ("1e-999", 0),
            ("00.50", 0.5), (String(repeating: "9", count: 400), .infinity), ("+inf", .infinity),
        ]
        for (text, double) in expected { #expect(try self.frame(",\(text)\r\n").double == double, "\(text.prefix(10))") }
        for text in ["nan", "-nan"] { #expect(try self.frame(",\(text)\r\n").double?.isNaN == true) }
        for text in [".", "-", "e1", "1e", "1e+", "inff", "nano", "-", "+nan", "1_0", "0x1", "--1"] {
            #expect(throws: RESPError.self) { try self.frame(",\(text)\r\n") }
        }
    }

    @Test func aDescriptionKeepsSecrets() throws {
        #expect("\(try self.frame("$6\r\nsecret\r\n"))" == "RESPFrame(bulkString, 12 bytes)")
        let request = RESPRequest([ByteBuffer(string: "AUTH"), ByteBuffer(string: "secret")])
        #expect("\(request)" == "RESPRequest(\"AUTH\", 1 arguments)")
        let hostile = RESPRequest([ByteBuffer(string: "a\nb" + String(repeating: "x", count: 1000))])
        #expect("\(hostile)".utf8.count < 100 && !"\(hostile)".contains("\n"))
    }
}

extension RESPValue {
    fileprivate var kind: RESPKind {
        switch self {
        case .simpleString: .simpleString
        case .simpleError: .simpleError
        case .integer: .integer
        case .bulkString: .bulkString
        case .array: .array
        case .null: .null
        case .boolean: .boolean
        case .double: .double
        case .bigNumber: .bigNumber
        case .bulkError: .bulkError
        case .verbatimString: .verbatimString
        case .map: .map
        case .set: .set
        case .push: .push
        }
    }

    /// Of a map, keys and values in turn.
    fileprivate var elements: [RESPValue]? {
        switch self {
        case .array(let elements), .set(let elements), .push(let elements): elements
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        default: nil
        }
    }
}
