public import NIOCore
public import WeirPostgresWire

/// `time`: a time of day in microseconds, from 00:00:00 to 24:00:00.
public struct PostgresTime: Hashable, Comparable, Sendable {
    /// From 0 to 86,400,000,000, which is 24:00:00.
    public let microsecondsSinceMidnight: Int64

    /// Nil when negative or beyond 24 hours.
    public init?(microsecondsSinceMidnight microseconds: Int64) {
        guard (0...PostgresCalendar.microsecondsPerDay).contains(microseconds) else { return nil }
        self.microsecondsSinceMidnight = microseconds
    }

    /// Nil where the clock has no such time; it has 24:00:00.
    public init?(hour: Int, minute: Int = 0, second: Int = 0, microsecond: Int = 0) {
        guard (0...24).contains(hour), (0...59).contains(minute), (0...59).contains(second), (0...999_999).contains(microsecond) else {
            return nil
        }
        self.init(microsecondsSinceMidnight: Int64((hour * 3600 + minute * 60 + second) * 1_000_000 + microsecond))
    }

    /// From 0 to 24.
    public var hour: Int { Int(self.microsecondsSinceMidnight / 3_600_000_000) }
    /// Within the hour.
    public var minute: Int { Int(self.microsecondsSinceMidnight / 60_000_000 % 60) }
    /// Within the minute.
    public var second: Int { Int(self.microsecondsSinceMidnight / 1_000_000 % 60) }
    /// Within the second.
    public var microsecond: Int { Int(self.microsecondsSinceMidnight % 1_000_000) }

    public static func < (left: PostgresTime, right: PostgresTime) -> Bool {
        left.microsecondsSinceMidnight < right.microsecondsSinceMidnight
    }
}

extension PostgresTime: LosslessStringConvertible {
    /// From what ``description`` prints.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let microseconds = text.isoTime() else { return nil }
        self.init(microsecondsSinceMidnight: microseconds)
    }

    /// As the server prints it: `04:05:06.789`.
    public var description: String {
        var text = ""
        text.appendISOTime(self.microsecondsSinceMidnight.magnitude)
        return text
    }
}

extension PostgresTime: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .time }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(self.microsecondsSinceMidnight)
    }

    /// From time.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .time, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard bytes.byteCount == 8, let value = bytes.postgresInteger(at: 0, as: Int64.self) else { return nil }
        self.init(microsecondsSinceMidnight: value)
    }
}
