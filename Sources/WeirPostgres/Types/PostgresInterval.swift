public import NIOCore
public import WeirPostgresWire

/// `interval`: months, days and microseconds, which are kept apart: a day may have 23 hours, and a month 28 days.
///
/// Equal where all three are, which the server does not ask for: it calls 24 hours and one day equal.
public struct PostgresInterval: Hashable, Sendable {
    /// May be of another sign than the others.
    public var months: Int32
    /// May be of another sign than the others.
    public var days: Int32
    /// May be more than a day's, and of another sign than the others.
    public var microseconds: Int64

    /// These, as they are: nothing is carried from one to another.
    @inlinable
    public init(months: Int32 = 0, days: Int32 = 0, microseconds: Int64 = 0) {
        self.months = months
        self.days = days
        self.microseconds = microseconds
    }

    /// What version 17 and later call `infinity`; older servers know it as an interval of some 180 million years.
    public static var infinity: PostgresInterval { PostgresInterval(months: .max, days: .max, microseconds: .max) }
    /// What version 17 and later call `-infinity`.
    public static var negativeInfinity: PostgresInterval { PostgresInterval(months: .min, days: .min, microseconds: .min) }
}

extension PostgresInterval: LosslessStringConvertible {
    /// From what ``description`` prints.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    /// As the server prints it in IntervalStyle postgres: `1 year 2 mons -3 days +04:05:06.789`.
    public var description: String {
        if self == .infinity { return "infinity" }
        if self == .negativeInfinity { return "-infinity" }
        var text = ""
        // A part after a negative one says that it is positive.
        var isAfterNegative = false
        for (value, unit) in [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")] where value != 0 {
            if !text.isEmpty { text.append(" ") }
            if isAfterNegative, value > 0 { text.append("+") }
            text.append("\(value) \(unit)\(value == 1 ? "" : "s")")
            isAfterNegative = value < 0
        }
        if self.microseconds != 0 || text.isEmpty {
            if !text.isEmpty { text.append(" ") }
            if self.microseconds < 0 { text.append("-") } else if isAfterNegative { text.append("+") }
            text.appendISOTime(self.microseconds.magnitude)
        }
        return text
    }

    init?(text: inout PostgresTextScanner) {
        if text.accept("infinity") {
            self = .infinity
            return
        }
        if text.accept("-infinity") {
            self = .negativeInfinity
            return
        }
        var months = 0
        var days = 0
        var microseconds: Int64 = 0
        // Years, months, days and the time, each at most once and in this order.
        var part = 0
        repeat {
            let isNegative = text.accept("-" as Unicode.Scalar)
            if !isNegative { _ = text.accept("+" as Unicode.Scalar) }
            let start = text.index
            guard part < 4, let magnitude = text.number(1...10) else { return nil }
            let value = isNegative ? -magnitude : magnitude
            if text.peek == UInt8(ascii: ":") {
                guard text.index - start >= 2, let time = Self.time(&text, hours: Int64(magnitude), isNegative: isNegative) else {
                    return nil
                }
                microseconds = time
                part = 4
            } else if part < 1, text.accept(" year") {
                months = value * 12
                part = 1
            } else if part < 2, text.accept(" mon") {
                months += value
                part = 2
            } else if part < 3, text.accept(" day") {
                days = value
                part = 3
            } else {
                return nil
            }
            if part < 4 { _ = text.accept("s" as Unicode.Scalar) }
        } while text.accept(" " as Unicode.Scalar)
        guard let months = Int32(exactly: months), let days = Int32(exactly: days) else { return nil }
        self.init(months: months, days: days, microseconds: microseconds)
    }

    private static func time(_ text: inout PostgresTextScanner, hours: Int64, isNegative: Bool) -> Int64? {
        guard let rest = text.minutesAndSeconds() else { return nil }
        // Below zero, where there is room for one more.
        let (product, overflows) = hours.multipliedReportingOverflow(by: -3_600_000_000)
        let (sum, carries) = product.subtractingReportingOverflow(rest)
        guard !overflows, !carries else { return nil }
        if isNegative { return sum }
        return sum == .min ? nil : -sum
    }
}

extension PostgresInterval: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .interval }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeMultipleIntegers(self.microseconds, self.days, self.months)
    }

    /// From interval; as text in IntervalStyle postgres.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .interval, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard bytes.byteCount == 16, let microseconds = bytes.postgresInteger(at: 0, as: Int64.self),
            let days = bytes.postgresInteger(at: 8, as: Int32.self), let months = bytes.postgresInteger(at: 12, as: Int32.self)
        else { return nil }
        self.init(months: months, days: days, microseconds: microseconds)
    }
}
