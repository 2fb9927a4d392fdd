import WeirPostgres

/// Random values, of all sizes.
enum Random {
    typealias Source = SeededGenerator

    static func numeric(_ random: inout Source) -> PostgresNumeric {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: return .nan
        case 1: return .infinity
        case 2: return .negativeInfinity
        default: break
        }
        func digits(_ count: Int) -> String {
            (0..<count).map { _ in ["0", "0", "1", "5", "9", "3"].randomElement(using: &random) ?? "0" }.joined()
        }
        let before = Int.random(in: 0..<1 << Int.random(in: 1..<8, using: &random), using: &random)
        let behind = Int.random(in: 0..<1 << Int.random(in: 0..<8, using: &random), using: &random)
        let text = (Bool.random(using: &random) ? "-" : "") + digits(before) + "0." + digits(behind)
        return PostgresNumeric(text) ?? .zero
    }

    static func text(_ random: inout Source) -> String {
        let characters: [Character] = [
            "a", "B", "\"", "\\", ",", "{", "}", "(", ")", "[", "]", " ", "\t", "\n", "'", "é", "日", "🐘", "N", "U", "L", "L", "0", ";",
        ]
        return String((0..<Int.random(in: 0..<12, using: &random)).map { _ in characters.randomElement(using: &random) ?? "x" })
    }

    static func bytes(_ random: inout Source) -> [UInt8] {
        (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    static func bits(_ random: inout Source) -> PostgresBitString {
        PostgresBitString((0..<Int.random(in: 0..<70, using: &random)).map { _ in Bool.random(using: &random) })
    }

    static func date(_ random: inout Source) -> PostgresDate {
        let range = PostgresDate.minimumDaysSince2000...PostgresDate.maximumDaysSince2000
        let near = Int.random(in: -1_200_000...1_200_000, using: &random)
        return PostgresDate(daysSince2000: Bool.random(using: &random) ? near : Int.random(in: range, using: &random)) ?? .infinity
    }

    static func time(_ random: inout Source) -> PostgresTime {
        let step: Int64 = [1, 1000, 1_000_000, 60_000_000].randomElement(using: &random) ?? 1
        return PostgresTime(microsecondsSinceMidnight: Int64.random(in: 0...86_400_000_000, using: &random) / step * step)
            ?? PostgresTime(hour: 24) ?? self.time(&random)
    }

    static func timeWithZone(_ random: inout Source) -> PostgresTimeWithZone {
        let step: Int32 = [1, 60, 3600].randomElement(using: &random) ?? 1
        return PostgresTimeWithZone(
            self.time(&random), secondsFromGreenwich: Int32.random(in: -57_599...57_599, using: &random) / step * step)
            ?? self.timeWithZone(&random)
    }

    static func timestamp(_ random: inout Source) -> PostgresTimestamp {
        let near = PostgresTimestamp(
            microsecondsSince2000: Int64.random(in: -70_000_000_000_000_000...9_000_000_000_000_000, using: &random))
        let far = PostgresTimestamp(
            microsecondsSince2000: Int64.random(in: -211_813_488_000_000_000...9_223_371_331_199_999_999, using: &random))
        return (Bool.random(using: &random) ? near : far) ?? .infinity
    }

    static func interval(_ random: inout Source) -> PostgresInterval {
        PostgresInterval(
            months: Int32(truncatingIfNeeded: Int64(bitPattern: random.next()) >> Int64.random(in: 32..<64, using: &random)),
            days: Int32(truncatingIfNeeded: Int64(bitPattern: random.next()) >> Int64.random(in: 32..<64, using: &random)),
            microseconds: Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random))
    }

    static func inet(_ random: inout Source) -> PostgresInet {
        if Bool.random(using: &random) {
            return PostgresInet(.v4(UInt32(truncatingIfNeeded: random.next())), prefixLength: Int.random(in: 0...32, using: &random))
                ?? self.inet(&random)
        }
        var halves: [UInt64] = [0, 0]
        for index in 0..<8 {
            let group = random.next() & 0xFFFF >> UInt64(Int.random(in: 0..<16, using: &random))
            let groups: [UInt64] = [0, 0, 0, 1, 0xFFFF, group, group]
            halves[index / 4] = halves[index / 4] << 16 | (groups.randomElement(using: &random) ?? 0)
        }
        return PostgresInet(.v6(high: halves[0], low: halves[1]), prefixLength: Int.random(in: 0...128, using: &random))
            ?? self.inet(&random)
    }

    static func array<Element>(_ random: inout Source, _ element: (inout Source) -> Element) -> PostgresArray<Element> {
        let dimensions = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            PostgresArrayDimension(
                length: Int.random(in: 1...3, using: &random),
                lowerBound: Bool.random(using: &random) ? 1 : Int32.random(in: -1000...1000, using: &random))
        }
        let count = dimensions.isEmpty ? 0 : dimensions.reduce(1) { $0 * $1.length }
        return PostgresArray((0..<count).map { _ in element(&random) }, dimensions: dimensions) ?? PostgresArray([])
    }

    static func range<Bound>(_ random: inout Source, _ bound: (inout Source) -> Bound) -> PostgresRange<Bound> {
        func end(_ random: inout Source) -> PostgresRangeBound<Bound> {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: .unbounded
            case 1: .inclusive(bound(&random))
            default: .exclusive(bound(&random))
            }
        }
        if Int.random(in: 0..<8, using: &random) == 0 { return .empty }
        return .bounds(end(&random), end(&random))
    }
}
