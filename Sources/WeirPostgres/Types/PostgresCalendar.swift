/// The proleptic Gregorian calendar, in days since 2000-01-01. The year 0 is 1 BC.
enum PostgresCalendar {
    static let microsecondsPerDay: Int64 = 86_400_000_000
    /// From 1970-01-01 to 2000-01-01.
    static let secondsFrom1970To2000: Int64 = 946_684_800

    /// The day; nil for a day the calendar does not have. Years beyond what the server can hold are refused, so that nothing overflows.
    static func days(year: Int, month: Int, day: Int) -> Int? {
        guard (-4713...5_874_897).contains(year), (1...12).contains(month), (1...self.length(month, of: year)).contains(day) else {
            return nil
        }
        // Years begin in March, so that the leap day is their last; eras have 400 years.
        let marchYear = month <= 2 ? year - 1 : year
        let era = self.floorDivision(marchYear, 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        // 2000-03-01 begins an era.
        return (era - 5) * 146_097 + dayOfEra + 60
    }

    /// The date of a day, of any that 32 bits can count.
    static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days - 60
        let era = self.floorDivision(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + (era + 5) * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func length(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Rounded down.
    static func floorDivision<Integer: SignedInteger>(_ dividend: Integer, _ divisor: Integer) -> Integer {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

// The text forms of DateStyle ISO.
extension PostgresTextScanner {
    /// `2024-02-29`, with a year of four digits or more, of the era that is still to be read.
    mutating func isoDate() -> (year: Int, month: Int, day: Int)? {
        guard let year = self.number(4...7), year > 0, self.accept("-" as Unicode.Scalar), let month = self.number(2...2),
            self.accept("-" as Unicode.Scalar), let day = self.number(2...2)
        else { return nil }
        return (year, month, day)
    }

    /// The day of a date, once it is known whether ` BC` follows.
    mutating func daysWithEra(_ date: (year: Int, month: Int, day: Int)) -> Int? {
        PostgresCalendar.days(year: self.accept(" BC") ? 1 - date.year : date.year, month: date.month, day: date.day)
    }

    /// `04:05:06.789`, up to `24:00:00`, in microseconds.
    mutating func isoTime() -> Int64? {
        guard let hours = self.number(2...2), hours <= 24, let rest = self.minutesAndSeconds(),
            hours < 24 || rest == 0
        else { return nil }
        return Int64(hours) * 3_600_000_000 + rest
    }

    /// `:05:06.789`, in microseconds.
    mutating func minutesAndSeconds() -> Int64? {
        guard self.accept(":" as Unicode.Scalar), let minutes = self.number(2...2), minutes < 60, self.accept(":" as Unicode.Scalar),
            let seconds = self.number(2...2), seconds < 60
        else { return nil }
        var microseconds = 0
        if self.accept("." as Unicode.Scalar) {
            let start = self.index
            guard let fraction = self.number(1...6) else { return nil }
            microseconds = (self.index - start..<6).reduce(fraction) { value, _ in value * 10 }
        }
        return Int64((minutes * 60 + seconds) * 1_000_000 + microseconds)
    }

    /// `+02`, `-03:30`, `+00:19:32`, in seconds east of Greenwich.
    mutating func isoOffset() -> Int32? {
        let isWest = self.accept("-" as Unicode.Scalar)
        guard isWest || self.accept("+" as Unicode.Scalar), let hours = self.number(2...2), hours < 16 else { return nil }
        var seconds = hours * 3600
        if self.accept(":" as Unicode.Scalar) {
            guard let minutes = self.number(2...2), minutes < 60 else { return nil }
            seconds += minutes * 60
            if self.accept(":" as Unicode.Scalar) {
                guard let rest = self.number(2...2), rest < 60 else { return nil }
                seconds += rest
            }
        }
        return Int32(isWest ? -seconds : seconds)
    }
}

extension String {
    mutating func appendISODate(_ date: (year: Int, month: Int, day: Int)) {
        self.appendPadded(date.year > 0 ? date.year : 1 - date.year, digits: 4)
        self.append("-")
        self.appendPadded(date.month, digits: 2)
        self.append("-")
        self.appendPadded(date.day, digits: 2)
    }

    /// The time of a number of microseconds that is not negative.
    mutating func appendISOTime(_ microseconds: UInt64) {
        let seconds = microseconds / 1_000_000
        self.appendPadded(seconds / 3600, digits: 2)
        self.append(":")
        self.appendPadded(seconds / 60 % 60, digits: 2)
        self.append(":")
        self.appendPadded(seconds % 60, digits: 2)
        self.appendMicroseconds(Int(microseconds % 1_000_000))
    }

    /// An offset in seconds east of Greenwich.
    mutating func appendISOOffset(_ offset: Int32) {
        self.append(offset < 0 ? "-" : "+")
        let seconds = offset.magnitude
        self.appendPadded(seconds / 3600, digits: 2)
        if seconds % 3600 != 0 {
            self.append(":")
            self.appendPadded(seconds / 60 % 60, digits: 2)
        }
        if seconds % 60 != 0 {
            self.append(":")
            self.appendPadded(seconds % 60, digits: 2)
        }
    }
}
