import NIOCore
import Testing
import WeirRESP

/// Values made by chance, written and read again.
@Suite struct RandomValueTests {
    @Test(arguments: 0..<20) func comeBackAsTheyWere(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<50).map { _ in Self.value(&generator, depth: 4, isOutermost: true) }
        var wire = ByteBuffer()
        for value in values { wire.writeRESP(value, version: .resp3) }
        #expect(decode([wire]).values == values)
        #expect(decode(pieces(wire, of: Int.random(in: 1...50, using: &generator))).values == values)
    }

    /// What a client of RESP2 gets is whole, and says the same again.
    @Test(arguments: 0..<20) func areWrittenForOlderClients(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<50).map { _ in Self.value(&generator, depth: 4, isOutermost: true) }
        var wire = ByteBuffer()
        for value in values { wire.writeRESP(value, version: .resp2) }
        let read = decode([wire]).values
        #expect(read.count == values.count)
        var again = ByteBuffer()
        for value in read { again.writeRESP(value, version: .resp2) }
        #expect(again == wire)
        #expect(!read.contains { Self.isNew($0) })
    }

    private static func isNew(_ value: RESPValue) -> Bool {
        switch value {
        case .simpleString, .simpleError, .integer, .bulkString, .null: false
        case .array(let elements): elements.contains(where: self.isNew)
        case .boolean, .double, .bigNumber, .bulkError, .verbatimString, .map, .set, .push: true
        }
    }

    private static func value(_ generator: inout SeededGenerator, depth: Int, isOutermost: Bool = false) -> RESPValue {
        func bytes() -> ByteBuffer {
            ByteBuffer(bytes: (0..<Int.random(in: 0...40, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
        func line() -> ByteBuffer { ByteBuffer(bytes: bytes().readableBytesView.filter { $0 != 0x0A && $0 != 0x0D }) }
        func elements() -> [RESPValue] {
            (0..<Int.random(in: 0...5, using: &generator)).map { _ in self.value(&generator, depth: depth - 1) }
        }
        switch Int.random(in: 0...(depth == 0 ? 9 : isOutermost ? 13 : 12), using: &generator) {
        case 0: return .simpleString(line())
        case 1: return .simpleError(line())
        case 2: return .integer(Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0...63, using: &generator))
        case 3: return .bulkString(bytes())
        case 4: return .null
        case 5: return .boolean(Bool.random(using: &generator))
        case 6:
            let double = Double(bitPattern: UInt64.random(in: .min ... .max, using: &generator))
            return .double(double.isNaN ? -.infinity : double)
        case 7: return .bigNumber(ByteBuffer(string: "-" + String(UInt64.random(in: .min ... .max, using: &generator)) + "0123456789"))
        case 8: return .bulkError(bytes())
        case 9:
            var text = ByteBuffer(string: "mkd:")
            text.writeImmutableBuffer(bytes())
            return .verbatimString(text)
        case 10: return .array(elements())
        case 11: return .set(elements())
        case 12:
            return .map(elements().map { RESPMapEntry(key: $0, value: self.value(&generator, depth: depth - 1)) })
        default: return .push(elements())
        }
    }
}
