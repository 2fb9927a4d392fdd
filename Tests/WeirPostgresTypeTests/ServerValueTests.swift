import NIOCore
import Testing
import WeirPostgres
import WeirPostgresWire

enum Mood: String, PostgresEnum {
    case happy
    case soSo = "so so"
    case quote = "q\"uo\\te"
    case unicode = "ünï"
}

/// Values of a real server: both forms mean the same, what is encoded is what the server sent, what is printed is what it printed.
@Suite struct ServerValueTests {
    /// Decodes both forms of all values of that name.
    @discardableResult
    func decode<Value: PostgresDecodable & Equatable>(
        _ name: String, as: Value.Type = Value.self, isSame: (Value, Value) -> Bool = { $0 == $1 }
    ) throws -> [(value: Value, source: ServerValue)] {
        let sources = ServerValue.named(name)
        #expect(!sources.isEmpty, "\(name)")
        return try sources.map { source in
            let binary = try Value(source.binary, source.type)
            let text = try Value(Array(source.text.utf8), source.type, .text)
            #expect(isSame(binary, text), "\(name): \(source.text)")
            return (binary, source)
        }
    }

    /// The same, and encodes them.
    @discardableResult
    func roundTrip<Value: PostgresDecodable & PostgresEncodable & Equatable>(
        _ name: String, as: Value.Type = Value.self, type: PostgresType? = nil, isSame: (Value, Value) -> Bool = { $0 == $1 }
    ) throws -> [(value: Value, source: ServerValue)] {
        let values = try self.decode(name, as: Value.self, isSame: isSame)
        for (value, source) in values {
            // The server writes a scale of 32 with infinite numerics, and reads any.
            let expected = hexadecimal(source.binary).replacing("0000d0000020", with: "0000d0000000").replacing(
                "0000f0000020", with: "0000f0000000")
            #expect(hexadecimal(try value.encoded()) == expected, "\(name): \(source.text)")
            #expect(value.postgresType == type ?? source.type, "\(name): \(source.text)")
        }
        return values
    }

    /// The same, and prints them.
    func printed<Value: PostgresDecodable & PostgresEncodable & Equatable & LosslessStringConvertible>(
        _ name: String, as: Value.Type, type: PostgresType? = nil
    ) throws {
        for (value, source) in try self.roundTrip(name, as: Value.self, type: type) {
            #expect(value.description == source.text, "\(name)")
            #expect(Value(source.text) == value || source.type == .cidr, "\(name): \(source.text)")
        }
    }

    @Test func integers() throws {
        try self.printed("int2", as: Int16.self)
        try self.printed("int4", as: Int32.self)
        try self.printed("int8", as: Int64.self)
        try self.printed("int8", as: Int.self)
        for name in ["oid", "xid", "cid"] {
            for (value, source) in try self.decode(name, as: UInt32.self) { #expect(value.description == source.text) }
            for (value, source) in try self.decode(name, as: Int.self) { #expect(value.description == source.text) }
        }
        for (value, source) in try self.decode("xid8", as: UInt64.self) { #expect(value.description == source.text) }
        try self.roundTrip("oid", as: PostgresType.self)
        for name in ["int2", "int4"] {
            for (value, source) in try self.decode(name, as: Int.self) { #expect(value.description == source.text) }
        }
        for source in ServerValue.named("regclass") {
            #expect(try PostgresType(source.binary, source.type).rawValue == 1259)
            #expect(UInt32.failure(Array(source.text.utf8), source.type, .text) == .typeMismatch)
        }
    }

    @Test func floats() throws {
        try self.roundTrip("float4", as: Float.self) { $0 == $1 || $0.isNaN && $1.isNaN }
        try self.roundTrip("float8", as: Double.self) { $0 == $1 || $0.isNaN && $1.isNaN }
        try self.decode("float4", as: Double.self) { $0 == $1 || $0.isNaN && $1.isNaN }
    }

    @Test func booleans() throws {
        #expect(try self.roundTrip("bool", as: Bool.self).map(\.value) == [true, false])
    }

    @Test func text() throws {
        for name in ["text", "varchar", "bpchar", "name", "xml", "json", "jsonb", "jsonpath", "char", "cstring_like"] {
            for (value, source) in try self.decode(name, as: String.self) { #expect(value == source.text, "\(name)") }
        }
        try self.roundTrip("text", as: String.self)
        // Any type at all, as text.
        for name in serverValues.keys {
            for source in ServerValue.named(name) { #expect(try String(Array(source.text.utf8), source.type, .text) == source.text) }
        }
    }

    @Test func bytea() throws {
        try self.roundTrip("bytea", as: ByteBuffer.self)
        try self.roundTrip("bytea", as: [UInt8].self)
        try self.roundTrip("bytea_escape", as: ByteBuffer.self)
        try self.roundTrip("bytea_escape", as: [UInt8].self)
    }

    @Test func json() throws {
        try self.roundTrip("jsonb", as: PostgresJSON.self)
        for (value, source) in try self.decode("json", as: PostgresJSON.self) { #expect(String(buffer: value.bytes) == source.text) }
    }

    @Test func uuid() throws { try self.printed("uuid", as: PostgresUUID.self) }

    @Test func numerics() throws {
        try self.printed("numeric", as: PostgresNumeric.self)
        try self.printed("numeric_scaled", as: PostgresNumeric.self)
    }

    @Test func hugeNumerics() throws {
        let texts = [
            String(repeating: "9", count: 131_072),
            "-" + String(repeating: "1234567890", count: 13_107) + "12." + String(repeating: "0987654321", count: 1638) + "098",
            "0." + String(repeating: "0", count: 16_382) + "1",
            "1" + String(repeating: "0", count: 131_071),
            "0." + String(repeating: "123", count: 5461),
        ]
        func fingerprint(_ bytes: some Collection<UInt8>) -> (Int, UInt64) {
            (bytes.count, bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
        }
        #expect(texts.count == WeirPostgresTypeTests.hugeNumerics.count)
        for (text, expected) in zip(texts, WeirPostgresTypeTests.hugeNumerics) {
            let value = try #require(PostgresNumeric(text))
            #expect(fingerprint(value.description.utf8) == expected.text)
            let binary = try value.encoded()
            #expect(fingerprint(binary) == expected.binary)
            let decoded = try PostgresNumeric(binary, .numeric)
            #expect(decoded == value && decoded.scale == value.scale)
        }
        #expect(PostgresNumeric("1" + String(repeating: "0", count: 131_072)) == nil)
        #expect(PostgresNumeric("0." + String(repeating: "0", count: 16_383) + "1") == nil)
        #expect(PostgresNumeric("1e131071") != nil && PostgresNumeric("1e131072") == nil)
        #expect(PostgresNumeric("1e-16383") != nil && PostgresNumeric("1e-16384") == nil)
    }

    @Test func datesAndTimes() throws {
        try self.printed("date", as: PostgresDate.self)
        try self.printed("time", as: PostgresTime.self)
        try self.printed("timetz", as: PostgresTimeWithZone.self)
        try self.printed("timestamp", as: PostgresTimestamp.self)
        try self.printed("timestamptz", as: PostgresInstant.self)
        try self.printed("interval", as: PostgresInterval.self)
        // In another time zone the text differs and the instant does not.
        try self.roundTrip("timestamptz_kathmandu", as: PostgresInstant.self)
        try self.roundTrip("timestamptz_newfoundland", as: PostgresInstant.self)
    }

    @Test func addresses() throws {
        try self.printed("inet", as: PostgresInet.self)
        try self.printed("cidr", as: PostgresInet.self)
        try self.printed("macaddr", as: PostgresMACAddress.self)
        try self.printed("macaddr8", as: PostgresMACAddress8.self)
    }

    @Test func bits() throws {
        try self.printed("bit", as: PostgresBitString.self, type: .varbit)
        try self.printed("varbit", as: PostgresBitString.self)
    }

    @Test func money() throws {
        let values = try ServerValue.named("money").map { try PostgresMoney($0.binary, $0.type) }
        #expect(values.map(\.rawValue) == [0, 123, -9_223_372_036_854_775_808])
        #expect(try values[1].encoded() == ServerValue.named("money")[1].binary)
        #expect(PostgresMoney.failure(text: "$1.23", .money) == .typeMismatch)
    }

    @Test func ranges() throws {
        let values = try self.roundTrip("int4range", as: PostgresRange<Int32>.self).map(\.value)
        #expect(values[0] == .empty)
        #expect(values[1] == PostgresRange(1..<5))
        #expect(values[2] == PostgresRange(2..<6))
        #expect(values[4] == .bounds(.unbounded, .unbounded))
        #expect(values[5] == PostgresRange(1...))
        try self.roundTrip("int8range", as: PostgresRange<Int>.self)
        try self.roundTrip("numrange", as: PostgresRange<PostgresNumeric>.self)
        try self.roundTrip("tsrange", as: PostgresRange<PostgresTimestamp>.self)
        try self.roundTrip("tstzrange", as: PostgresRange<PostgresInstant>.self)
        try self.roundTrip("daterange", as: PostgresRange<PostgresDate>.self)
        try self.roundTrip("int4multirange", as: PostgresMultirange<Int32>.self)
        try self.roundTrip("int8multirange", as: PostgresMultirange<Int>.self)
        try self.roundTrip("nummultirange", as: PostgresMultirange<PostgresNumeric>.self)
        try self.roundTrip("tsmultirange", as: PostgresMultirange<PostgresTimestamp>.self)
        try self.roundTrip("tstzmultirange", as: PostgresMultirange<PostgresInstant>.self)
        try self.roundTrip("datemultirange", as: PostgresMultirange<PostgresDate>.self)
    }

    @Test func arrays() throws {
        let values = try self.roundTrip("int4_array", as: [Int32].self).map(\.value)
        #expect(values == [[], [1], [1, 2, 3], [.min, .max]])
        let nullable = try self.roundTrip("int4_array_null", as: [Int32?].self).map(\.value)
        #expect(nullable == [[nil], [1, nil, 3], [], [1, 2]])
        #expect([Int32].failure(ServerValue.named("int4_array_null")[0].binary, .int4Array) == .unexpectedNull)
        try self.roundTrip("int2_array", as: [Int16].self)
        try self.roundTrip("int8_array", as: [Int].self)
        try self.roundTrip("bool_array", as: [Bool].self)
        try self.roundTrip("float8_array", as: [Double].self)
        try self.roundTrip("float4_array", as: [Float].self)
        try self.roundTrip("text_array", as: [String].self)
        #expect(try self.roundTrip("text_array_null", as: [String?].self)[0].value == [nil, "NULL", "null", nil])
        try self.roundTrip("bytea_array", as: [ByteBuffer].self)
        try self.roundTrip("bytea_array", as: [[UInt8]].self)
        try self.roundTrip("uuid_array", as: [PostgresUUID].self)
        try self.roundTrip("numeric_array", as: [PostgresNumeric].self)
        try self.roundTrip("timestamptz_array", as: [PostgresInstant].self)
        try self.roundTrip("date_array", as: [PostgresDate].self)
        try self.roundTrip("interval_array", as: [PostgresInterval].self)
        try self.roundTrip("jsonb_array", as: [PostgresJSON].self)
        try self.roundTrip("inet_array", as: [PostgresInet].self)
        try self.decode("cidr_array", as: [PostgresInet].self)
        try self.roundTrip("int4range_array", as: [PostgresRange<Int32>].self)
        #expect(try self.decode("int2vector", as: [Int].self).map(\.value) == [[], [1], [1, 2, 3]])
        #expect(try self.decode("oidvector", as: [PostgresType].self).map(\.value) == [[.int4, .text]])
        let boxes = try [PostgresRaw](text: ServerValue.named("box_array")[0].text, .boxArray)
        #expect(boxes.map { String(buffer: $0.bytes) } == ["(3,4),(1,2)", "(7,8),(5,6)"])
    }

    @Test func shapedArrays() throws {
        let values = try self.roundTrip("int4_array_shaped", as: PostgresArray<Int32?>.self).map(\.value)
        #expect(values[0].dimensions.isEmpty)
        #expect(values[2].dimensions.map(\.length) == [3, 2] && values[2][2, 1] == 3)
        #expect(values[4][0] == 7 && values[4][1] == 8 && values[4][2] == nil)
        #expect(values[5].dimensions.map(\.lowerBound) == [-5, 3] && values[5][-4, 5] == 6)
        #expect(values[6].dimensions.count == 6)
        #expect([Int32?].failure(ServerValue.named("int4_array_shaped")[2].binary, .int4Array) == .outOfRange)
        try self.roundTrip("text_array_shaped", as: PostgresArray<String?>.self)
    }

    @Test func typesOfAUsersOwn() throws {
        #expect(try self.decode("mood", as: Mood.self).map(\.value) == [.happy, .soSo, .quote, .unicode])
        #expect(try self.decode("mood_array", as: [Mood?].self).map(\.value) == [[.happy, .soSo, .quote, .unicode], [.happy, nil]])
        #expect(try self.decode("mood", as: String.self).map(\.value) == ["happy", "so so", "q\"uo\\te", "ünï"])
        // What a domain's column is described as is its base type: the fixture names the domain, as COPY does not describe.
        #expect(try ServerValue.named("positive").map { try Int($0.binary, .int4) } == [1, 77])
        let range = ServerValue.named("floats")[1]
        #expect(try PostgresRange<Double>(text: range.text, range.type) == .bounds(.inclusive(1.5), .exclusive(2.5)))
    }

    @Test func composites() throws {
        for source in ServerValue.named("pair") {
            let binary = try PostgresComposite(source.binary, source.type)
            let text = try PostgresComposite(Array(source.text.utf8), source.type, .text)
            #expect(binary.fields.count == 4 && text.fields.count == 4)
            for fields in [binary, text] {
                #expect(try fields.decode(Int?.self, at: 0) == binary.decode(Int?.self, at: 0))
                #expect(try fields.decode(String?.self, at: 1) == binary.decode(String?.self, at: 1))
                #expect(try fields.decode(PostgresInstant?.self, at: 2) == binary.decode(PostgresInstant?.self, at: 2))
                #expect(try fields.decode([Int]?.self, at: 3) == binary.decode([Int]?.self, at: 3))
            }
            #expect(try binary.encoded() == source.binary)
            #expect(throws: PostgresDecodingError(.noSuchColumn, type: .record)) { try binary.decode(Int?.self, at: 4) }
        }
        let third = try PostgresComposite(ServerValue.named("pair")[2].binary, .record)
        #expect(try third.decode(at: 1) == "q\"u,o\\t)e( '")
        let nested = ServerValue.named("record")[1]
        let inner = try PostgresComposite(nested.binary, nested.type).decode(PostgresComposite.self, at: 1)
        #expect(try inner.decode(at: 1) == "x y")
        let innerText = try PostgresComposite(text: nested.text, nested.type).decode(PostgresComposite.self, at: 1)
        #expect(try innerText.decode(at: 1) == "x y" && innerText.decode(at: 0) == 2)
        // Brackets and braces need no quotes in a composite.
        let brackets = ServerValue.named("record")[3]
        for fields in [try PostgresComposite(brackets.binary, .record), try PostgresComposite(text: brackets.text, .record)] {
            #expect(try (0..<4).map { try fields.decode(String.self, at: $0) } == ["x[1]", "{a}", "[y", " z]"])
        }
        #expect(try PostgresComposite(text: ServerValue.named("record")[2].text, .record).fields.count == 1)
    }

    @Test func raw() throws {
        for (name, _) in serverValues {
            for source in ServerValue.named(name) {
                let raw = try PostgresRaw(source.binary, source.type)
                #expect(raw.type == source.type && raw.format == .binary)
                #expect(try raw.encoded() == source.binary)
            }
        }
        let point = try PostgresRaw(ServerValue.named("point")[0].binary, .point)
        #expect(point.bytes.getInteger(at: 8, as: UInt64.self).map(Double.init(bitPattern:)) == -2)
    }

    @Test func everyFixtureIsLookedAt() {
        // One that loses its rows would pass the loops above.
        #expect(serverValues.count >= 80)
        for name in serverValues.keys { #expect(!ServerValue.named(name).isEmpty, "\(name)") }
        #expect(serverValues.keys.reduce(0) { $0 + ServerValue.named($1).count } >= 500)
    }
}
