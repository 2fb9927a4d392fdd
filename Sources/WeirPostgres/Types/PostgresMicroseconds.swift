/// What timestamp and timestamptz have in common: microseconds since 2000-01-01 00:00:00, and two numbers that stand for the infinities.
@usableFromInline
enum PostgresMicroseconds {
    /// From 4714-11-24 BC to the end of 294276, the infinities apart.
    @inlinable static var range: ClosedRange<Int64> { -211_813_488_000_000_000...9_223_371_331_199_999_999 }

    @inlinable @inline(__always)
    static func isValid(_ microseconds: Int64) -> Bool {
        microseconds >= self.range.lowerBound && microseconds <= self.range.upperBound || microseconds == .max || microseconds == .min
    }

    /// The days and what is left of the last.
    static func split(_ microseconds: Int64) -> (days: Int, microseconds: Int64) {
        let days = PostgresCalendar.floorDivision(microseconds, PostgresCalendar.microsecondsPerDay)
        return (Int(days), microseconds - days * PostgresCalendar.microsecondsPerDay)
    }

    static func join(days: Int, microseconds: Int64) -> Int64? {
        let (product, overflows) = Int64(days).multipliedReportingOverflow(by: PostgresCalendar.microsecondsPerDay)
        let (sum, carries) = product.addingReportingOverflow(microseconds)
        return overflows || carries || !self.range.contains(sum) ? nil : sum
    }

    /// The text form, with or without an offset from Greenwich.
    static func read(_ text: inout PostgresTextScanner, hasOffset: Bool) -> Int64? {
        if text.accept("infinity") { return .max }
        if text.accept("-infinity") { return .min }
        guard let date = text.isoDate(), text.accept(" " as Unicode.Scalar), let time = text.isoTime() else { return nil }
        var offset: Int32 = 0
        if hasOffset {
            guard let read = text.isoOffset() else { return nil }
            offset = read
        }
        guard let days = text.daysWithEra(date) else { return nil }
        return self.join(days: days, microseconds: time - Int64(offset) * 1_000_000)
    }

    static func text(_ microseconds: Int64, suffix: String) -> String {
        if microseconds == .max { return "infinity" }
        if microseconds == .min { return "-infinity" }
        let (days, time) = self.split(microseconds)
        let date = PostgresCalendar.date(days: days)
        var text = ""
        text.appendISODate(date)
        text.append(" ")
        text.appendISOTime(time.magnitude)
        text.append(suffix)
        if date.year <= 0 { text.append(" BC") }
        return text
    }
}
