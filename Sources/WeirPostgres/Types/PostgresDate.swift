public import NIOCore
public import WeirPostgresWire

/// `date`: a day of the proleptic Gregorian calendar, from 4714-11-24 BC to 5874897-12-31, or one of the infinities.
public struct PostgresDate: Hashable, Comparable, Sendable {
    /// What the server stores: the days since 2000-01-01, or one of two numbers that stand for the infinities.
    @usableFromInline let rawValue: Int32

    @usableFromInline
    init(rawValue: Int32) { self.rawValue = rawValue }

    /// Later than every day.
    public static var infinity: PostgresDate { PostgresDate(rawValue: .max) }
    /// Earlier than every day.
    public static var negativeInfinity: PostgresDate { PostgresDate(rawValue: .min) }

    /// What the server can store.
    public static var minimumDaysSince2000: Int { -2_451_545 }
    /// What the server can store.
    public static var maximumDaysSince2000: Int { 2_145_031_948 }

    /// This day; nil outside of what the server can store.
    public init?(daysSince2000 days: Int) {
        guard (Self.minimumDaysSince2000...Self.maximumDaysSince2000).contains(days) else { return nil }
        self.rawValue = Int32(days)
    }

    /// This day; nil where the calendar has none, or outside of what the server can store.
    ///
    /// - Parameter year: as astronomers count: 0 is 1 BC, -43 is 44 BC.
    public init?(year: Int, month: Int, day: Int) {
        guard let days = PostgresCalendar.days(year: year, month: month, day: day) else { return nil }
        self.init(daysSince2000: days)
    }

    /// Whether it is a day and no infinity.
    @inlinable public var isFinite: Bool { self.rawValue != .max && self.rawValue != .min }

    /// Nil for the infinities.
    @inlinable public var daysSince2000: Int? { self.isFinite ? Int(self.rawValue) : nil }

    /// Nil for the infinities. The year 0 is 1 BC.
    public var yearMonthDay: (year: Int, month: Int, day: Int)? {
        self.daysSince2000.map(PostgresCalendar.date(days:))
    }

    @inlinable public static func < (left: PostgresDate, right: PostgresDate) -> Bool { left.rawValue < right.rawValue }
}

extension PostgresDate: LosslessStringConvertible {
    /// From what ``description`` prints.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        if text.accept("infinity") {
            self = .infinity
        } else if text.accept("-infinity") {
            self = .negativeInfinity
        } else {
            guard let date = text.isoDate(), let days = text.daysWithEra(date) else { return nil }
            self.init(daysSince2000: days)
        }
    }

    /// As the server prints it in DateStyle ISO: `2024-02-29`, `0044-03-15 BC`, `infinity`.
    public var description: String {
        guard let date = self.yearMonthDay else { return self == .infinity ? "infinity" : "-infinity" }
        var text = ""
        text.appendISODate(date)
        if date.year <= 0 { text.append(" BC") }
        return text
    }
}

extension PostgresDate: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .date }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.rawValue) }

    /// From date; as text in DateStyle ISO.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .date, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard bytes.byteCount == 4, let value = bytes.postgresInteger(at: 0, as: Int32.self) else { return nil }
        self.rawValue = value
        guard !self.isFinite || PostgresDate(daysSince2000: Int(value)) != nil else { return nil }
    }
}
