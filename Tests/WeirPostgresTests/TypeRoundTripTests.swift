import NIOCore
import Testing
import WeirCore

@testable import WeirPostgres

/// Values of every type to a real server and back: random ones and the edges.
@Suite(.enabled(if: TestServer.isThere, "needs a real Postgres in WEIR_POSTGRES_URL"))
struct TypeRoundTripTests {
    private static let seed = UInt64.random(in: 0 ... .max)

    /// Each value as a parameter, which the server writes as text, reads from it again and sends back.
    private static func check<Value: PostgresEncodable & PostgresDecodable & Equatable>(
        _ type: String, _ edges: [Value], count: Int = 200, _ random: @escaping @Sendable (inout SplitMix64) -> Value?
    ) async throws {
        try await withPostgres { local, _ in
            var generator = SplitMix64(seed: Self.seed)
            let values = edges + (0..<count).compactMap { _ in random(&generator) }
            let sql = "select $1::\(type), $1::\(type)::text::\(type), array[$1::\(type), null]"
            let futures = values.map { value in local.query(PostgresQuery(sql: sql, value)) }
            for (value, future) in zip(values, futures) {
                let row = try await future.get()[0]
                let (same, throughText) = try row.decode(Value.self, Value.self)
                #expect(same == value, "\(type), seed \(Self.seed)")
                #expect(throughText == value, "\(type), seed \(Self.seed)")
                let array = try row.decode(column: 2, as: [Value?].self)
                #expect(array == [value, nil], "\(type), seed \(Self.seed)")
            }
        }
    }

    @Test func integers() async throws {
        try await Self.check("int2", [Int16.min, 0, .max]) { Int16(truncatingIfNeeded: $0.next()) }
        try await Self.check("int4", [Int32.min, 0, .max]) { Int32(truncatingIfNeeded: $0.next()) }
        try await Self.check("int8", [Int64.min, 0, .max]) { Int64(truncatingIfNeeded: $0.next()) }
        try await Self.check("bool", [true, false], count: 0) { _ in nil }
    }

    @Test func floats() async throws {
        let edges: [Double] = [0, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNormalMagnitude, .leastNonzeroMagnitude, .pi]
        try await Self.check("float8", edges) { random in
            let value = Double(bitPattern: random.next())
            return value.isNaN ? nil : value
        }
        try await Self.check("float4", [0, .infinity, -.infinity, Float.greatestFiniteMagnitude, .leastNonzeroMagnitude]) { random in
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            return value.isNaN ? nil : value
        }
    }

    @Test func text() async throws {
        try await Self.check("text", ["", "a'b\"c\\d\n\t{,}NULL", "é漢字🦔", String(repeating: "long ", count: 5000)]) { random in
            String(
                String.UnicodeScalarView(
                    (0..<(random.next() % 30)).compactMap { _ in Unicode.Scalar(UInt32(truncatingIfNeeded: random.next() % 0x3000) + 1) }))
        }
        try await Self.check("bytea", [ByteBuffer(), ByteBuffer(bytes: Array(0...255))]) { random in
            ByteBuffer(bytes: (0..<(random.next() % 100)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
        try await Self.check("uuid", [PostgresUUID(high: 0, low: 0), PostgresUUID(high: .max, low: .max)]) {
            PostgresUUID(high: $0.next(), low: $0.next())
        }
    }

    @Test func numbers() async throws {
        let edges = [
            "0", "NaN", "Infinity", "-Infinity", "0.0000000001", "-1e-100", "1e1000", "123456789012345678901234567890.12345678901234567890",
        ]
        try await Self.check("numeric", edges.compactMap { PostgresNumeric($0) }) { random in
            let digits = (0..<(random.next() % 60 + 1)).map { _ in String(random.next() % 10) }.joined()
            let fraction = (0..<(random.next() % 40)).map { _ in String(random.next() % 10) }.joined()
            return PostgresNumeric("\(random.next() % 2 == 0 ? "" : "-")\(digits)\(fraction.isEmpty ? "" : ".")\(fraction)")
        }
    }

    @Test func datesAndTimes() async throws {
        let days = (-2_451_545)...2_145_031_948
        try await Self.check(
            "date", [PostgresDate(daysSince2000: days.lowerBound), PostgresDate(daysSince2000: days.upperBound)].compactMap { $0 }
        ) {
            PostgresDate(daysSince2000: Int($0.next() % 4_000_000) - 2_000_000)
        }
        try await Self.check(
            "time", [PostgresTime(microsecondsSinceMidnight: 0), PostgresTime(microsecondsSinceMidnight: 86_400_000_000)].compactMap { $0 }
        ) {
            PostgresTime(microsecondsSinceMidnight: Int64($0.next() % 86_400_000_000))
        }
        try await Self.check("timestamp", [PostgresTimestamp(microsecondsSince2000: 0)].compactMap { $0 }) {
            PostgresTimestamp(microsecondsSince2000: Int64(bitPattern: $0.next()) / 64)
        }
        try await Self.check("timestamptz", [PostgresInstant(microsecondsSince2000: 0)].compactMap { $0 }) {
            PostgresInstant(microsecondsSince2000: Int64(bitPattern: $0.next()) / 64)
        }
        try await Self.check("interval", [PostgresInterval(), PostgresInterval(months: -14, days: 3, microseconds: -1)]) {
            PostgresInterval(
                months: Int32(truncatingIfNeeded: $0.next()) / 4, days: Int32(truncatingIfNeeded: $0.next()) / 4,
                microseconds: Int64(bitPattern: $0.next()) / 4)
        }
    }

    @Test func ranges() async throws {
        try await Self.check("int8range", [PostgresRange<Int64>.empty, PostgresRange(5...), PostgresRange(..<5)]) { random in
            let low = Int64(truncatingIfNeeded: random.next() >> 8) - (1 << 40)
            return PostgresRange(low..<(low + 1 + Int64(random.next() % 1000)))
        }
        try await Self.check("numrange", [PostgresRange<PostgresNumeric>.empty], count: 0) { _ in nil }
    }

    @Test func whatHasNoBinaryFormComesAsText() async throws {
        try await withPostgres { local, _ in
            for _ in 0..<3 {
                let row = try await local.query("select 1::int4, 'weir=r/weir'::aclitem, null::aclitem")[0]
                let (number, item, none) = try row.decode(Int.self, String.self, String?.self)
                #expect(number == 1 && item == "weir=r/weir" && none == nil)
            }
        }
    }

    /// What the simple protocol sends is read as text, to the same values.
    @Test func textFormatReadsTheSame() async throws {
        try await withPostgres { local, _ in
            try await local.withConnection { connection in
                let columns =
                    "-5::int4, 2.5::float8, 'é'::text, true, '\\x00ff'::bytea, 12.50::numeric, '2024-02-29'::date, '{1,null,3}'::int4[]"
                let binary = try await connection.query(PostgresQuery(sql: "select \(columns)"))[0]
                let text = try await connection.simpleQuery("select \(columns)").get()[0][0]
                for row in [binary, text] {
                    let (a, b, c, d, e, f, g, h) = try row.decode(
                        Int.self, Double.self, String.self, Bool.self, ByteBuffer.self, PostgresNumeric.self, PostgresDate.self, [Int?].self
                    )
                    #expect(a == -5 && b == 2.5 && c == "é" && d && e == ByteBuffer(bytes: [0, 255]))
                    #expect(f == PostgresNumeric("12.50") && g == PostgresDate(year: 2024, month: 2, day: 29) && h == [1, nil, 3])
                }
            }
        }
    }
}
