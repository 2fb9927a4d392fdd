public import NIOCore
public import WeirPostgresWire

/// `timestamp`: a date and a time of day in microseconds, in no time zone; from 4714-11-24 BC to the end of 294276, or an infinity.
public struct PostgresTimestamp: Hashable, Comparable, Sendable {
    @usableFromInline let rawValue: Int64

    /// For numbers that were checked.
    @usableFromInline
    init(rawValue: Int64) { self.rawValue = rawValue }

    /// Later than every other.
    public static var infinity: PostgresTimestamp { PostgresTimestamp(rawValue: .max) }
    /// Earlier than every other.
    public static var negativeInfinity: PostgresTimestamp { PostgresTimestamp(rawValue: .min) }

    /// Nil outside of what the server can store.
    @inlinable
    public init?(microsecondsSince2000 microseconds: Int64) {
        guard PostgresMicroseconds.range.contains(microseconds) else { return nil }
        self.rawValue = microseconds
    }

    /// Nil outside of what the server can store, and for an infinite date.
    public init?(date: PostgresDate, time: PostgresTime) {
        guard let days = date.daysSince2000,
            let value = PostgresMicroseconds.join(days: days, microseconds: time.microsecondsSinceMidnight)
        else { return nil }
        self.rawValue = value
    }

    /// Whether it is no infinity.
    @inlinable public var isFinite: Bool { self.rawValue != .max && self.rawValue != .min }

    /// Nil for the infinities.
    @inlinable public var microsecondsSince2000: Int64? { self.isFinite ? self.rawValue : nil }

    /// An infinity for an infinity.
    public var date: PostgresDate {
        guard self.isFinite else { return self == .infinity ? .infinity : .negativeInfinity }
        return PostgresDate(rawValue: Int32(truncatingIfNeeded: PostgresMicroseconds.split(self.rawValue).days))
    }

    /// Nil for the infinities.
    public var time: PostgresTime? {
        self.isFinite ? PostgresTime(microsecondsSinceMidnight: PostgresMicroseconds.split(self.rawValue).microseconds) : nil
    }

    @inlinable public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool { left.rawValue < right.rawValue }
}

extension PostgresTimestamp: LosslessStringConvertible {
    /// From what ``description`` prints.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let value = PostgresMicroseconds.read(&text, hasOffset: false) else { return nil }
        self.rawValue = value
    }

    /// As the server prints it in DateStyle ISO: `2024-02-29 04:05:06.789`, `0044-03-15 00:00:00 BC`, `infinity`.
    public var description: String { PostgresMicroseconds.text(self.rawValue, suffix: "") }
}

extension PostgresTimestamp: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .timestamp }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.rawValue) }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self.rawValue) }

    /// From timestamp; as text in DateStyle ISO.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if case .binary = format, type == .timestamp, bytes.byteCount == 8, let value = bytes.postgresInteger(at: 0, as: Int64.self),
            PostgresMicroseconds.isValid(value)
        {
            self.rawValue = value
        } else {
            self = try Self.unusual(bytes, type, format)
        }
    }

    @usableFromInline @inline(never)
    static func unusual(
        _ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat
    ) throws(PostgresDecodingError) -> PostgresTimestamp {
        try PostgresDecoding.value(bytes, type, format, isFrom: type == .timestamp, binary: { _ in nil }, text: Self.init(text:))
    }
}
