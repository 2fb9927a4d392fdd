import NIOCore
import Testing
import WeirPostgres
import WeirPostgresWire

/// What each type accepts and refuses.
@Suite struct ValueTests {
    @Test func integersAreCheckedToFit() throws {
        #expect(Int8.failure(try Int16(300).encoded(), .int2) == .outOfRange)
        #expect(try Int8(Int16(-128).encoded(), .int2) == -128)
        #expect(UInt8.failure(try Int32(-1).encoded(), .int4) == .outOfRange)
        #expect(try UInt64(Int64.max.encoded(), .int8) == UInt64(Int64.max))
        #expect(Int16.failure(try Int64(40_000).encoded(), .int8) == .outOfRange)
        #expect(try Int16(Int64(30_000).encoded(), .int8) == 30_000)
        #expect(Int64.failure([255, 255, 255, 255, 255, 255, 255, 255], .xid8) == .outOfRange)
        #expect(Int.failure([0, 0, 0], .int4) == .malformedValue)
        #expect(Int.failure([0, 0, 0, 0, 0], .int4) == .malformedValue)
        #expect(Int.failure([0, 0, 0, 0], .text) == .typeMismatch)
        #expect(Int.failure([0, 0, 0, 0], .float4) == .typeMismatch)
        #expect(Int.failure(text: "9223372036854775808", .int8) == .outOfRange)
        #expect(try Int(text: "-9223372036854775808", .int8) == .min)
        #expect(Int.failure(text: "99999999999999999999999", .int8) == .outOfRange)
        for text in ["", "-", "+1", " 1", "1 ", "1.0", "0x1", "--1", "1e3"] {
            #expect(Int.failure(text: text, .int4) == .malformedValue, "\(text)")
        }
        #expect(throws: PostgresEncodingError.self) { try UInt64.max.encoded() }
        #expect(throws: PostgresEncodingError.self) { try UInt.max.encoded() }
    }

    @Test func floatsAreReadStrictly() throws {
        #expect(try Double(text: "-1.5e-300", .float8) == -1.5e-300)
        #expect(Double.failure(text: "1e400", .float8) == .outOfRange)
        for text in ["", "inf", "nan", "0x1p3", "1e", "e1", ".", "1 ", "-NaN", "Infinity "] {
            #expect(Double.failure(text: text, .float8) == .malformedValue, "\(text)")
        }
        #expect(Float.failure(try 0.1.encoded(), .float8) == .outOfRange)
        #expect(try Float(0.5.encoded(), .float8) == 0.5)
        #expect(try Float(Double.nan.encoded(), .float8).isNaN)
        #expect(Double.failure(try 1.encoded(), .int8) == .typeMismatch)
    }

    @Test func textIsCheckedBothWays() throws {
        #expect(throws: PostgresEncodingError("text with a NUL")) { try "a\0b".encoded() }
        for count in 0..<20 {
            let text = String(repeating: "é", count: count) + "\0" + String(repeating: "x", count: 20 - count)
            #expect(throws: PostgresEncodingError.self) { try text.encoded() }
            #expect(throws: PostgresEncodingError.self) { try text.dropLast(0).encoded() }
        }
        #expect(try "\u{1}\u{80}\u{100}".encoded() == [1, 0xC2, 0x80, 0xC4, 0x80])
        #expect(String.failure([0xFF], .text) == .malformedValue)
        #expect(String.failure([0xC3], .text) == .malformedValue)
        #expect(String.failure([0xED, 0xA0, 0x80], .varchar) == .malformedValue)
        // What is repaired to as many bytes, in every place of a word.
        for count in 0..<20 {
            for broken: [UInt8] in [[0xF0, 0x9F, 0x98], [0x80], [0xC0, 0x80], [0xF5]] {
                let bytes = Array(repeating: 0x61, count: count) + broken + Array(repeating: 0x62, count: 20 - count)
                #expect(String.failure(bytes, .text) == .malformedValue)
            }
            let text = String(repeating: "a", count: count) + "é日🐘\u{FFFD}" + String(repeating: "b", count: 20 - count)
            #expect(try String(text.encoded(), .text) == text)
        }
        #expect(String.failure([2, 0x31], .jsonb) == .malformedValue)
        #expect(String.failure([], .jsonb) == .malformedValue)
        #expect(String.failure([0, 0, 0, 1], .int4) == .typeMismatch)
        #expect(try String([0x61], PostgresType(rawValue: 20_000)) == "a")
        var buffer = ByteBuffer(string: "before")
        #expect(throws: PostgresEncodingError.self) { try buffer.writePostgresValue("a\0b") }
        #expect(buffer == ByteBuffer(string: "before"))
    }

    @Test func nullIsNil() throws {
        var buffer = ByteBuffer()
        try buffer.writePostgresValue(nil as Int?)
        try buffer.writePostgresValue(7 as Int32?)
        try buffer.writePostgresValue("" as String?)
        #expect(Array(buffer.readableBytesView) == [255, 255, 255, 255, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0])
        #expect(try Int?(postgresNullOf: .int4) == nil)
        #expect(throws: PostgresDecodingError(.unexpectedNull, type: .int4)) { try Int(postgresNullOf: .int4) }
        #expect(Int32?.postgresType == .int4 && (nil as Int32?).postgresType == .int4)
        #expect((PostgresRaw(text: "x", type: .date) as PostgresRaw?).postgresType == .date)
    }

    @Test func datesFollowTheCalendar() throws {
        #expect(PostgresDate(year: 2023, month: 2, day: 29) == nil && PostgresDate(year: 2024, month: 2, day: 29) != nil)
        #expect(PostgresDate(year: 1900, month: 2, day: 29) == nil && PostgresDate(year: 0, month: 2, day: 29) != nil)
        #expect(PostgresDate(year: 2000, month: 1, day: 1)?.daysSince2000 == 0)
        #expect(PostgresDate(year: 1970, month: 1, day: 1)?.daysSince2000 == -10_957)
        #expect(PostgresDate(year: -4713, month: 11, day: 23) == nil && PostgresDate(year: -4713, month: 11, day: 24) != nil)
        #expect(PostgresDate(year: 5_874_897, month: 12, day: 31) != nil && PostgresDate(year: 5_874_898, month: 1, day: 1) == nil)
        #expect(PostgresDate(year: .max, month: 1, day: 1) == nil && PostgresDate(year: .min, month: 1, day: 1) == nil)
        #expect(PostgresDate(year: 2000, month: 0, day: 1) == nil && PostgresDate(year: 2000, month: 13, day: 1) == nil)
        // Day by day through leap years and the end of an era, each date is the next one, and its own again.
        var last = (year: -401, month: 12, day: 31)
        for days in (try #require(PostgresDate(year: -400, month: 1, day: 1)?.daysSince2000))...(300 * 366) {
            let date = try #require(PostgresDate(daysSince2000: days)?.yearMonthDay)
            let isNext = date.day == last.day + 1 && date.month == last.month && date.year == last.year
            let isNewMonth =
                date.day == 1 && last.day >= 28
                && (date.month == last.month + 1 && date.year == last.year
                    || date.month == 1 && last.month == 12 && date.year == last.year + 1)
            guard isNext || isNewMonth, PostgresDate(year: date.year, month: date.month, day: date.day)?.daysSince2000 == days else {
                Issue.record("\(last) \(date)")
                return
            }
            last = date
        }
        #expect(PostgresDate.failure([0x7F, 0xFF, 0xFF, 0xFE], .date) == .malformedValue)
        #expect(PostgresInstant.failure([0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE], .timestamptz) == .malformedValue)
    }

    @Test(arguments: [
        "12/31/1999", "31.12.1999", "Fri Dec 31 1999", "1999-12-31T00:00:00", "1999-2-3", "0000-01-01", "1999-02-29", "99-01-01",
        "1999-12-31 AD", "",
    ])
    func otherDateStylesAreErrors(text: String) {
        #expect(PostgresDate.failure(text: text, .date) == .malformedValue)
        #expect(PostgresTimestamp.failure(text: text + " 00:00:00", .timestamp) == .malformedValue)
        #expect(PostgresInstant.failure(text: text + " 00:00:00+00", .timestamptz) == .malformedValue)
    }

    @Test(arguments: [
        "1-2", "1-2 3 4:05:06", "4:05:06", "P1Y2M3DT4H5M6S", "@ 1 year 2 mons", "1 day 1 year", "1 day 2 days", "", "0", "1 year ",
        "00:00:00 1 day", "99999999999 days", "1 mon 2562047789:00:00",
    ])
    func otherIntervalStylesAreErrors(text: String) { #expect(PostgresInterval.failure(text: text, .interval) == .malformedValue) }

    @Test func instantsCountFrom1970() throws {
        let epoch = try #require(PostgresInstant(secondsSince1970: 0))
        #expect(epoch.description == "1970-01-01 00:00:00+00" && epoch.microsecondsSince2000 == -946_684_800_000_000)
        let before = try #require(PostgresInstant(secondsSince1970: -1, nanoseconds: 999_999_999))
        #expect(before.description == "1969-12-31 23:59:59.999999+00")
        #expect(try #require(before.sinceUnixEpoch) == (-1, 999_999_000))
        #expect(PostgresInstant(secondsSince1970: 0, nanoseconds: -1)?.microsecondsSince2000 == -946_684_800_000_001)
        #expect(PostgresInstant.infinity.sinceUnixEpoch == nil)
        for seconds in [Int64.max, .min, 9_224_318_016_000] { #expect(PostgresInstant(secondsSince1970: seconds) == nil) }
        #expect(
            PostgresInstant(secondsSince1970: 9_224_318_015_999, nanoseconds: 999_999_000)?.description == "294276-12-31 23:59:59.999999+00"
        )
        let date = try #require(PostgresDate(year: -43, month: 3, day: 15)), time = try #require(PostgresTime(hour: 12, minute: 30))
        let timestamp = try #require(PostgresTimestamp(date: date, time: time))
        #expect(timestamp.description == "0044-03-15 12:30:00 BC" && timestamp.date == date && timestamp.time == time)
    }

    @Test func numericsCompareAsTheServerDoes() throws {
        let ordered = [
            "-Infinity", "-100000", "-10001.5", "-10001", "-1.5", "-1", "-0.00001", "0", "0.00001", "0.1", "0.10001", "1", "1.5",
            "9999.9999", "10000", "1e20", "Infinity", "NaN",
        ]
        let values = try ordered.map { try #require(PostgresNumeric($0)) }
        for (index, left) in values.enumerated() {
            for (other, right) in values.enumerated() {
                #expect((left < right) == (index < other), "\(left) \(right)")
                #expect((left == right) == (index == other))
            }
        }
        #expect(
            PostgresNumeric("1.50") == PostgresNumeric("1.5") && PostgresNumeric("1.50")?.hashValue == PostgresNumeric("1.5")?.hashValue)
        #expect(PostgresNumeric("-0") == .zero && PostgresNumeric("-0.0")?.description == "0.0")
        #expect(
            PostgresNumeric("1.50")?.scale == 2 && PostgresNumeric("15e-1")?.description == "1.5"
                && PostgresNumeric("1.5e3")?.description == "1500")
        #expect(
            PostgresNumeric("+.5")?.description == "0.5" && PostgresNumeric("5.")?.description == "5"
                && PostgresNumeric("0012")?.description == "12")
        for text in ["", ".", "-", "1e", "e5", "1 ", "1,5", "nan", "0x10", "1e9999999999"] {
            #expect(PostgresNumeric(text) == nil, "\(text)")
        }
        #expect(Int8(exactly: 300 as PostgresNumeric) == nil && Int8(exactly: -128 as PostgresNumeric) == -128)
        #expect(Int(exactly: PostgresNumeric("1.5") ?? .zero) == nil && Int(exactly: PostgresNumeric("1.0") ?? .zero) == 1)
        #expect(Int(exactly: PostgresNumeric.nan) == nil && Int(exactly: PostgresNumeric("1e30") ?? .zero) == nil)
        #expect(Int(exactly: PostgresNumeric("1e4") ?? .zero) == 10_000 && Int(exactly: PostgresNumeric.zero) == 0)
        #expect(
            PostgresNumeric(0.1).description == "0.1" && PostgresNumeric(1e20).description == "100000000000000000000"
                && PostgresNumeric(3.0).description == "3")
        // Digits behind the scale, a digit of 10000, a sign that is none.
        #expect(PostgresNumeric.failure(bytes(hexadecimal: "0001ffff000000030001"), .numeric) == .malformedValue)
        #expect(PostgresNumeric.failure(bytes(hexadecimal: "00010000000000002710"), .numeric) == .malformedValue)
        #expect(PostgresNumeric.failure(bytes(hexadecimal: "00010000100000000001"), .numeric) == .malformedValue)
    }

    @Test func arraysNeedToKnowTheirElements() throws {
        #expect([Int32].postgresType == .int4Array && [String?].postgresType == .textArray && [UInt8].postgresType == .bytea)
        #expect([Mood].postgresType == .unspecified && [Mood].postgresFormat == .text && [[UInt8]].postgresType == .byteaArray)
        #expect(try [Int32]().encoded() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23])
        #expect(String(decoding: try [Mood]().encoded(), as: UTF8.self) == "{}")
        #expect(String(decoding: try [Mood.quote, .soSo].encoded(), as: UTF8.self) == #"{"q\"uo\\te","so so"}"#)
        #expect(throws: PostgresEncodingError("an array of arrays")) { try [[Int32]]([[1]]).encoded() }
        #expect(throws: PostgresEncodingError.self) { try [PostgresRaw(bytes: ByteBuffer(), type: .int4, format: .binary)].encoded() }
        #expect([Int32].failure(try [Int64(1)].encoded(), .int8Array) == nil)
        #expect([Int32].failure(try ["a"].encoded(), .textArray) == .typeMismatch)
        #expect([Int32].failure([], .int4) == .typeMismatch)
        // From integers too, though it is bytea by itself.
        #expect(try [UInt8]([Int16(1), 255].encoded(), .int2Array) == [1, 255])
        #expect(PostgresArray([1, 2, 3], dimensions: [.init(length: 2)]) == nil)
        #expect(PostgresArray([1], dimensions: [.init(length: 1, lowerBound: .max)]) == nil)
        #expect(PostgresArray([1, 2])[3] == nil && PostgresArray([1, 2])[.min] == nil && PostgresArray([1, 2])[2] == 2)
    }

    @Test func rangesHoldWhatLiesBetween() {
        #expect(PostgresRange(1..<3).contains(2) && !PostgresRange(1..<3).contains(3) && PostgresRange(1...3).contains(3))
        #expect(!PostgresRange<Int>.empty.contains(0) && PostgresRange(..<3).contains(.min) && PostgresRange(5...).contains(.max))
        #expect(!PostgresRange<Int>.bounds(.exclusive(1), .unbounded).contains(1) && PostgresRange(1..<1) == .empty)
        #expect(PostgresRange<Int32>.postgresType == .int4range && PostgresMultirange<PostgresDate>.postgresType == .datemultirange)
        #expect(PostgresRange<Int>.failure([0x40], .int8range) == .malformedValue)
        #expect(PostgresRange<Int>.failure([], .int8range) == .malformedValue)
        #expect(PostgresRange<Int>.failure([1], .int8multirange) == .typeMismatch)
        #expect(PostgresMultirange<Int>.failure([0, 0, 0, 0], .int8range) == .typeMismatch)
        for text in ["", "[1,2", "1,2)", "[1)", "[1,2)x", "[\"1,2)", "empt", "[1,2,3)"] {
            #expect(PostgresRange<Int>.failure(text: text, .int8range) == .malformedValue, "\(text)")
        }
    }

    @Test func addressesAreChecked() {
        #expect(
            PostgresInet("192.168.0.1/33") == nil && PostgresInet("::/129") == nil && PostgresInet("1.2.3") == nil
                && PostgresInet("256.1.1.1") == nil)
        for text in [
            "", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1:", ":1",
        ] {
            #expect(PostgresInet(text) == nil, "\(text)")
        }
        #expect(
            PostgresInet(.v4(1), prefixLength: 24, isNetwork: true) == nil
                && PostgresInet(.v6(high: 0, low: 1), prefixLength: 127, isNetwork: true) == nil)
        #expect(PostgresInet.failure([2, 24, 0, 4, 1, 2, 3], .inet) == .malformedValue)
        #expect(PostgresInet.failure([2, 24, 0, 16, 1, 2, 3, 4], .inet) == .malformedValue)
        #expect(PostgresMACAddress("08:00:2b:01:02") == nil && PostgresMACAddress(rawValue: 1 << 48) == nil)
        #expect(PostgresUUID("a0eebc999c0b4ef8bb6d6bb9bd380a11") == nil && PostgresUUID("") == nil)
    }

    @Test func byteaIsReadStrictly() {
        for text in ["\\x0", "\\x0g", "\\", "\\12", "\\400", "\\9"] {
            #expect([UInt8].failure(text: text, .bytea) == .malformedValue, "\(text)")
        }
    }

    @Test func labelsThatAreNotThereAreOutOfRange() {
        #expect(Mood.failure(text: "angry", PostgresType(rawValue: 20_000)) == .outOfRange)
        #expect(Mood.failure(text: "happy", .text) == nil)
    }

    @Test func rawIsDecodedLater() throws {
        let raw = try PostgresRaw(42.encoded(), .int8)
        #expect(try raw.decode() == 42)
        let ofADomain = PostgresRaw(bytes: ByteBuffer(bytes: try Int32(7).encoded()), type: PostgresType(rawValue: 20_000), format: .binary)
        #expect(try ofADomain.decode(as: Int.self, type: .int4) == 7)
        #expect(throws: PostgresDecodingError.self) { try ofADomain.decode(as: Int.self) }
        #expect(PostgresVoid.failure([], .void) == nil && PostgresVoid.failure([0], .void) == .malformedValue)
    }
}
