import NIOCore
import Testing
import WeirPostgres
import WeirPostgresFoundation
import WeirPostgresWire

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Bytes that mean nothing, or nearly nothing: a typed error or a value, and never a trap.
@Suite struct GarbageTests {
    static let decodables: [any PostgresDecodable.Type] = [
        Int8.self, Int16.self, Int32.self, Int64.self, Int.self, UInt8.self, UInt16.self, UInt32.self, UInt64.self, UInt.self, Float.self,
        Double.self, Bool.self, String.self, ByteBuffer.self, [UInt8].self, PostgresUUID.self, PostgresJSON.self, PostgresNumeric.self,
        PostgresDate.self, PostgresTime.self, PostgresTimeWithZone.self, PostgresTimestamp.self, PostgresInstant.self,
        PostgresInterval.self,
        PostgresInet.self, PostgresMACAddress.self, PostgresMACAddress8.self, PostgresBitString.self, PostgresMoney.self, PostgresType.self,
        PostgresVoid.self, PostgresRaw.self, PostgresComposite.self, Mood.self, [Int32].self, [Int?].self, [String?].self, [[UInt8]].self,
        PostgresArray<Int?>.self, PostgresArray<String?>.self, [PostgresNumeric].self, [PostgresRange<Int>].self, PostgresRange<Int>.self,
        PostgresRange<PostgresNumeric>.self, PostgresRange<PostgresInstant>.self, PostgresRange<String>.self, PostgresMultirange<Int>.self,
        PostgresMultirange<PostgresDate>.self, [PostgresComposite].self, Int?.self, Date.self, UUID.self, Data.self, Decimal.self,
        PostgresJSONCodable<[String: Int]>.self,
    ]

    static let types: [PostgresType] =
        Set(serverValues.values.map(\.type)).sorted().map { PostgresType(rawValue: $0) } + [.unspecified, .unknown, .void]

    /// Decodes, and uses what was decoded: prints it, so that nothing traps later.
    private func decode<Value: PostgresDecodable>(_: Value.Type, _ bytes: [UInt8], _ type: PostgresType, _ format: PostgresFormat) -> Bool {
        guard let value = try? Value(bytes, type, format) else { return false }
        _ = "\(value)"
        if let value = value as? any PostgresEncodable { _ = try? value.encoded() }
        if let value = value as? PostgresNumeric { _ = (Double(value), Int(exactly: value)) }
        if let value = value as? PostgresInstant { _ = (value.sinceUnixEpoch, value.utc.date, value.utc.time) }
        return true
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: RoundTripTests.seed)
        let alphabet = Array("0123456789-+.:{}[](),\"\\ eENULnaity/BCTmonsdyr\\x;".utf8)
        var decoded = 0
        for round in 0..<200 {
            let count = Int.random(in: 0..<1 << Int.random(in: 0..<7, using: &random), using: &random)
            let isText = round % 2 == 0
            let bytes = (0..<count).map { _ in
                isText
                    ? alphabet.randomElement(using: &random) ?? 0
                    : UInt8(truncatingIfNeeded: random.next() >> UInt64.random(in: 56..<64, using: &random))
            }
            for decodable in Self.decodables {
                for type in Self.types where self.decode(decodable, bytes, type, isText ? .text : .binary) { decoded += 1 }
            }
        }
        // Some of it is a value: the decoders were not all turned away by the type.
        #expect(decoded > 1000)
    }

    @Test func brokenValuesNeverTrap() {
        var random = SeededGenerator(seed: RoundTripTests.seed)
        var decoded = 0
        for name in serverValues.keys.sorted() {
            for source in ServerValue.named(name) {
                for format in [PostgresFormat.binary, .text] {
                    let whole = format == .binary ? source.binary : Array(source.text.utf8)
                    for _ in 0..<3 {
                        var bytes = whole
                        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                            let index = Int.random(in: 0..<bytes.count, using: &random)
                            switch Int.random(in: 0..<4, using: &random) {
                            case 0: bytes.remove(at: index)
                            case 1: bytes.insert(bytes[index], at: index)
                            case 2: bytes[index] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
                            default: bytes.removeSubrange(index...)
                            }
                        }
                        for decodable in Self.decodables where self.decode(decodable, bytes, source.type, format) { decoded += 1 }
                    }
                }
            }
        }
        #expect(decoded > 1000)
    }

    @Test func everyPrefixOfAValueIsAnErrorOrAValue() {
        for name in ["int4_array_shaped", "text_array_shaped", "numeric", "int4multirange", "pair", "tstzrange", "inet", "varbit"] {
            for source in ServerValue.named(name) {
                for end in 0..<source.binary.count {
                    for decodable in Self.decodables { _ = self.decode(decodable, Array(source.binary[..<end]), source.type, .binary) }
                }
            }
        }
    }

    @Test func announcedSizesAreNotBelieved() {
        func words(_ words: Int32...) -> [UInt8] {
            words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
        }
        // One dimension of 2^31 - 1 elements; two of 65536; more dimensions than there are; fewer than none.
        #expect([Int32].failure(words(1, 0, 23, .max, 1), .int4Array) == .malformedValue)
        #expect([Int32?].failure(words(1, 0, 23, 2, 1, -1), .int4Array) == .malformedValue)
        #expect(PostgresArray<Int32?>.failure(words(2, 0, 23, 65536, 1, 65536, 1, -1), .int4Array) == .malformedValue)
        #expect(
            PostgresArray<Int32?>.failure(words(6, 0, 23, .max, 1, .max, 1, .max, 1, .max, 1, .max, 1, .max, 1), .int4Array)
                == .malformedValue)
        #expect([Int32].failure(words(7, 0, 23), .int4Array) == .malformedValue)
        #expect([Int32].failure(words(-1, 0, 23), .int4Array) == .malformedValue)
        #expect([Int32].failure(words(1, 0, 23, -1, 1), .int4Array) == .malformedValue)
        // An element of 2^31 - 1 bytes, and one of -2.
        #expect([String].failure(words(1, 0, 25, 1, 1, .max), .textArray) == .malformedValue)
        #expect([String].failure(words(1, 0, 25, 1, 1, -2), .textArray) == .malformedValue)
        // An array that ends beyond what 32 bits count; bytes behind the last element.
        #expect(PostgresArray<Int32?>.failure(words(1, 0, 23, 1, .max, -1), .int4Array) == .malformedValue)
        #expect([Int32?].failure(words(1, 0, 23, 1, 1, -1, 0), .int4Array) == .malformedValue)
        #expect(PostgresMultirange<Int32>.failure(words(.max), .int4multirange) == .malformedValue)
        #expect(PostgresMultirange<Int32>.failure(words(-1), .int4multirange) == .malformedValue)
        #expect(PostgresComposite.failure(words(.max), .record) == .malformedValue)
        #expect(PostgresComposite.failure(words(1, 23, .max), .record) == .malformedValue)
        #expect(PostgresBitString.failure(words(.max), .varbit) == .malformedValue)
        #expect(PostgresBitString.failure(words(-1), .varbit) == .malformedValue)
        #expect(PostgresNumeric.failure(words(0x7FFF_0000, 0), .numeric) == .malformedValue)
        #expect(PostgresArray<Int>.failure(text: "[1:2147483646]={1}", .int4Array) == .malformedValue)
        #expect(PostgresArray<Int>.failure(text: "{{1},{2,3}}", .int4Array) == .malformedValue)
        #expect(PostgresArray<Int>.failure(text: "{1,{2}}", .int4Array) == .malformedValue)
        #expect(PostgresArray<Int>.failure(text: "{{1},2}", .int4Array) == .malformedValue)
        #expect(PostgresArray<Int>.failure(text: "{{{{{{{1}}}}}}}", .int4Array) == .malformedValue)
        #expect(PostgresArray<Int>.failure(text: String(repeating: "{", count: 100_000), .int4Array) == .malformedValue)
    }

    /// Of a size that memory for 2^31 of them cannot be had: what believes an announced count ends the process.
    struct Huge: PostgresDecodable {
        struct Eight<Value: Sendable>: Sendable {
            var values: (Value, Value, Value, Value, Value, Value, Value, Value)
        }

        var values: Eight<Eight<Eight<Eight<Eight<Eight<UInt64>>>>>>

        init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
            throw PostgresDecodingError(.malformedValue, type: type)
        }
    }

    @Test func nothingIsAllocatedByAnAnnouncedCount() {
        let most: [UInt8] = [0x7F, 0xFF, 0xFF, 0xFF]
        let array: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23] + most + [0, 0, 0, 1]
        #expect(MemoryLayout<Huge>.stride > 1 << 20)
        #expect([Huge].failure(array, .int4Array) == .malformedValue)
        #expect(PostgresArray<Huge>.failure(array, .int4Array) == .malformedValue)
        #expect(PostgresMultirange<Huge>.failure(most, .int4multirange) == .malformedValue)
    }
}
