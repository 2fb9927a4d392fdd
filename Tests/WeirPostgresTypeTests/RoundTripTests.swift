import NIOCore
import Testing
import WeirPostgres
import WeirPostgresWire

/// Random values of every type: encoded and decoded they are the same, and printed and read again.
@Suite struct RoundTripTests {
    static let seed: UInt64 = 20_261_122
    static let count = 500

    func check<Value: PostgresEncodable & PostgresDecodable & Equatable>(
        _ value: Value, _ comment: String = "", isSame: (Value, Value) -> Bool = { $0 == $1 }
    ) throws {
        let encoded = try value.encoded()
        let type = value.postgresType == .unspecified ? PostgresType(rawValue: 16_999) : value.postgresType
        let decoded = try Value(encoded, type, value.postgresFormat)
        #expect(isSame(decoded, value), "\(comment) seed \(Self.seed)")
        // Some types write length and value in one go: the same bytes as in two.
        var whole = ByteBuffer()
        try value.encodePostgresWithLength(into: &whole)
        let length = whole.readInteger(as: Int32.self)
        #expect(length == Int32(encoded.count) && Array(whole.readableBytesView) == encoded, "\(comment) seed \(Self.seed)")
    }

    func checkText<Value: PostgresEncodable & PostgresDecodable & Equatable & LosslessStringConvertible>(_ value: Value) throws {
        try self.check(value)
        let text = value.description
        #expect(Value(text) == value, "\(text)")
        #expect(try Value(text: text, Value.postgresType) == value, "\(text)")
        #expect(try Value(text: text, .unspecified) == value, "\(text)")
    }

    @Test func numbers() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<Self.count {
            let bits = random.next() >> UInt64.random(in: 0..<64, using: &random)
            try self.check(Int8(truncatingIfNeeded: bits))
            try self.check(Int16(truncatingIfNeeded: bits))
            try self.check(Int32(truncatingIfNeeded: bits))
            try self.checkText(Int64(bitPattern: bits))
            try self.check(Int(bitPattern: UInt(bits)))
            try self.check(UInt8(truncatingIfNeeded: bits))
            try self.check(UInt16(truncatingIfNeeded: bits))
            try self.check(UInt32(truncatingIfNeeded: bits))
            try self.check(bits >> 1)
            try self.check(UInt(bits >> 1))
            try self.check(Double(bitPattern: bits)) { $0 == $1 || $0.isNaN && $1.isNaN }
            try self.check(Float(bitPattern: UInt32(truncatingIfNeeded: bits))) { $0 == $1 || $0.isNaN && $1.isNaN }
            try self.check(bits & 1 == 0)
            try self.check(PostgresType(rawValue: UInt32(truncatingIfNeeded: bits)))
            try self.check(PostgresMoney(rawValue: Int64(bitPattern: bits)))
        }
    }

    @Test func numerics() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<Self.count {
            let value = Random.numeric(&random)
            try self.checkText(value)
            let integer = Int64(bitPattern: random.next() >> UInt64.random(in: 0..<64, using: &random))
            #expect(Int64(exactly: PostgresNumeric(Int(integer))) == integer)
            #expect(PostgresNumeric(Int(integer)).description == integer.description)
            #expect(UInt64(exactly: PostgresNumeric(UInt64(bitPattern: integer))) == UInt64(bitPattern: integer))
            let wide = Int128(integer) << 60 ^ Int128(integer)
            #expect(Int128(exactly: PostgresNumeric(wide)) == wide && PostgresNumeric(wide).description == wide.description)
            let double = Double(bitPattern: random.next())
            let back = Double(PostgresNumeric(double))
            #expect(back == double || back.isNaN && double.isNaN)
            // Ordered as the numbers are.
            let other = Int64(bitPattern: random.next() >> UInt64.random(in: 0..<64, using: &random))
            #expect((PostgresNumeric(Int(integer)) < PostgresNumeric(Int(other))) == (integer < other))
        }
    }

    @Test func textAndBytes() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<Self.count {
            let text = Random.text(&random)
            try self.check(text)
            #expect(try Substring(text).encoded() == Array(text.utf8))
            let bytes = Random.bytes(&random)
            try self.check(bytes)
            try self.check(ByteBuffer(bytes: bytes))
            #expect(try [UInt8](text: "\\x" + hexadecimal(bytes), .bytea) == bytes)
            try self.check(PostgresJSON(bytes: ByteBuffer(bytes: bytes)))
            try self.checkText(PostgresUUID.random(using: &random))
            try self.checkText(Random.bits(&random))
        }
        #expect(try ("abc" as StaticString).encoded() == Array("abc".utf8))
    }

    @Test func datesAndTimes() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<Self.count {
            try self.checkText(Random.date(&random))
            try self.checkText(Random.time(&random))
            try self.checkText(Random.timeWithZone(&random))
            try self.checkText(Random.timestamp(&random))
            try self.checkText(PostgresInstant(utc: Random.timestamp(&random)))
            try self.checkText(Random.interval(&random))
        }
        for value in [PostgresDate.infinity, .negativeInfinity] { try self.checkText(value) }
        for value in [PostgresTimestamp.infinity, .negativeInfinity] { try self.checkText(value) }
        for value in [PostgresInterval.infinity, .negativeInfinity] { try self.checkText(value) }
    }

    @Test func addresses() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<Self.count {
            try self.checkText(Random.inet(&random))
            try self.checkText(try #require(PostgresMACAddress(rawValue: random.next() >> 16)))
            try self.checkText(PostgresMACAddress8(rawValue: random.next()))
        }
    }

    @Test func madeOfOthers() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<Self.count {
            let count = Int.random(in: 0..<8, using: &random)
            try self.check((0..<count).map { _ in Int32(truncatingIfNeeded: random.next()) })
            try self.check((0..<count).map { _ in Bool.random(using: &random) ? nil : Random.text(&random) })
            try self.check((0..<count).map { _ in Random.bytes(&random) })
            try self.check((0..<count).map { _ in Random.numeric(&random) })
            try self.check((0..<count).map { _ in Bool.random(using: &random) ? nil : Random.interval(&random) })
            try self.check((0..<count).map { _ in [Mood.happy, .soSo, .quote, .unicode, nil].randomElement(using: &random) ?? nil })
            try self.check(Random.array(&random) { Int.random(in: .min ... .max, using: &$0) })
            try self.check(
                Random.array(&random) { random in [Mood.happy, .soSo, .quote, .unicode, nil].randomElement(using: &random) ?? nil })
            try self.check(Random.range(&random) { Int32.random(in: .min ... .max, using: &$0) })
            try self.check(Random.range(&random) { Random.numeric(&$0) })
            try self.check(Random.range(&random) { Random.timestamp(&$0) })
            try self.check(PostgresMultirange((0..<count).map { _ in Random.range(&random) { Random.date(&$0) } }))
            try self.check((0..<count).map { _ in Random.range(&random) { Int.random(in: .min ... .max, using: &$0) } })
            let fields = try PostgresComposite(fields: [
                .init(Random.text(&random)), .init(Random.interval(&random)), .init(nil as Int?), .init((0..<count).map { $0 }),
            ])
            #expect(try PostgresComposite(fields.encoded(), .record) == fields)
        }
    }
}
