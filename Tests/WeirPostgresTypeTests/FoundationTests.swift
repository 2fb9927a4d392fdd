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

@Suite struct FoundationTests {
    @Test func dates() throws {
        for seconds in [0, 0.5, -0.25, 1_700_000_000.123456, -62_135_596_800, 4_000_000_000] {
            let date = Date(timeIntervalSince1970: seconds)
            let decoded = try Date(date.encoded(), .timestamptz)
            #expect(abs(decoded.timeIntervalSince(date)) < 1e-6)
        }
        #expect(try Date(text: "1970-01-01 01:00:00.5+01", .timestamptz).timeIntervalSince1970 == 0.5)
        #expect(try Date(timeIntervalSince1970: 0).encoded() == PostgresInstant(secondsSince1970: 0)?.encoded())
        #expect(Date.failure(text: "infinity", .timestamptz) == .outOfRange)
        for seconds in [Double.infinity, .nan, 1e13, -1e30] {
            #expect(throws: PostgresEncodingError.self) { try Date(timeIntervalSince1970: seconds).encoded() }
        }
    }

    @Test func identifiers() throws {
        for source in ServerValue.named("uuid") {
            let value = try UUID(source.binary, .uuid)
            #expect(value.uuidString.lowercased() == source.text)
            #expect(try value.encoded() == source.binary)
            #expect(try UUID(text: source.text, .uuid) == value)
        }
    }

    @Test func data() throws {
        for source in ServerValue.named("bytea") {
            let value = try Data(source.binary, .bytea)
            #expect(try Array(value) == source.binary && value.encoded() == source.binary && Data(text: source.text, .bytea) == value)
        }
    }

    @Test func decimals() throws {
        var exact = 0
        for source in ServerValue.named("numeric") {
            guard let value = try? Decimal(source.binary, .numeric) else { continue }
            #expect(try PostgresNumeric(value.encoded(), .numeric) == PostgresNumeric(source.binary, .numeric), "\(source.text)")
            exact += 1
        }
        #expect(exact > 25)
        #expect(try Decimal(PostgresNumeric(-42).encoded(), .numeric) == -42)
        #expect(Decimal.failure(text: "0." + String(repeating: "123", count: 20), .numeric) == .outOfRange)
        #expect(Decimal.failure(text: "Infinity", .numeric) == .outOfRange)
        #expect(try Decimal(text: "NaN", .numeric).isNaN)
    }

    @Test func json() throws {
        struct Order: Codable, Equatable {
            var id: Int
            var items: [String]
        }
        let order = PostgresJSONCodable(Order(id: 7, items: ["a", "é"]))
        let encoded = try order.encoded()
        #expect(encoded.first == 1)
        #expect(try PostgresJSONCodable<Order>(encoded, .jsonb) == order)
        #expect(try PostgresJSONCodable<Order>(text: #"{"id": 7, "items": ["a", "\u00e9"]}"#, .json) == order)
        #expect(PostgresJSONCodable<Order>.failure(text: "{}", .json) == .outOfRange)
        #expect(PostgresJSONCodable<Order>.failure([2], .jsonb) == .malformedValue)
        #expect(PostgresJSONCodable<Order>.failure([1], .text) == .typeMismatch)
    }
}
