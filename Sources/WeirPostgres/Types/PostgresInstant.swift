public import NIOCore
public import WeirPostgresWire

/// `timestamptz`: a point in time, in microseconds; from 4714-11-24 BC to the end of 294276 (in UTC), or an infinity.
///
/// The server keeps no time zone with it: what it prints is the same instant in the session's zone, and is read as such.
public struct PostgresInstant: Hashable, Comparable, Sendable {
    @usableFromInline let rawValue: Int64

    /// For numbers that were checked.
    @usableFromInline
    init(rawValue: Int64) { self.rawValue = rawValue }

    /// Later than every other.
    public static var infinity: PostgresInstant { PostgresInstant(rawValue: .max) }
    /// Earlier than every other.
    public static var negativeInfinity: PostgresInstant { PostgresInstant(rawValue: .min) }

    /// Since 2000-01-01 00:00:00 UTC. Nil outside of what the server can store.
    @inlinable
    public init?(microsecondsSince2000 microseconds: Int64) {
        guard PostgresMicroseconds.range.contains(microseconds) else { return nil }
        self.rawValue = microseconds
    }

    /// Rounded down to the microsecond. Nil outside of what the server can store.
    ///
    /// - Parameter nanoseconds: added to the seconds; may be any number.
    public init?(secondsSince1970 seconds: Int64, nanoseconds: Int64 = 0) {
        let (since2000, overflows) = seconds.subtractingReportingOverflow(PostgresCalendar.secondsFrom1970To2000)
        let (product, carries) = since2000.multipliedReportingOverflow(by: 1_000_000)
        let (sum, spills) = product.addingReportingOverflow(PostgresCalendar.floorDivision(nanoseconds, 1000))
        guard !overflows, !carries, !spills else { return nil }
        self.init(microsecondsSince2000: sum)
    }

    /// The instant at which clocks in UTC show this; an infinity for an infinity.
    @inlinable
    public init(utc timestamp: PostgresTimestamp) { self.rawValue = timestamp.rawValue }

    /// Whether it is no infinity.
    @inlinable public var isFinite: Bool { self.rawValue != .max && self.rawValue != .min }

    /// Since 2000-01-01 00:00:00 UTC; nil for the infinities.
    @inlinable public var microsecondsSince2000: Int64? { self.isFinite ? self.rawValue : nil }

    /// Since 1970-01-01 00:00:00 UTC, the nanoseconds from 0 to 999,999,000; nil for the infinities.
    public var sinceUnixEpoch: (seconds: Int64, nanoseconds: Int32)? {
        guard self.isFinite else { return nil }
        let seconds = PostgresCalendar.floorDivision(self.rawValue, 1_000_000)
        return (
            seconds + PostgresCalendar.secondsFrom1970To2000, Int32(truncatingIfNeeded: self.rawValue - seconds * 1_000_000) * 1000
        )
    }

    /// What clocks in UTC show; an infinity for an infinity.
    @inlinable public var utc: PostgresTimestamp { PostgresTimestamp(rawValue: self.rawValue) }

    @inlinable public static func < (left: PostgresInstant, right: PostgresInstant) -> Bool { left.rawValue < right.rawValue }
}

extension PostgresInstant: LosslessStringConvertible {
    /// From what the server prints in DateStyle ISO and any time zone.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let value = PostgresMicroseconds.read(&text, hasOffset: true) else { return nil }
        self.rawValue = value
    }

    /// As the server prints it in DateStyle ISO and time zone UTC: `2024-02-29 04:05:06.789+00`.
    public var description: String { PostgresMicroseconds.text(self.rawValue, suffix: "+00") }
}

extension PostgresInstant: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .timestamptz }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) { buffer.writeInteger(self.rawValue) }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writePostgresInteger(self.rawValue) }

    /// From timestamptz; as text in DateStyle ISO.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if case .binary = format, type == .timestamptz, bytes.byteCount == 8, let value = bytes.postgresInteger(at: 0, as: Int64.self),
            PostgresMicroseconds.isValid(value)
        {
            self.rawValue = value
        } else {
            self = try Self.unusual(bytes, type, format)
        }
    }

    @usableFromInline @inline(never)
    static func unusual(_ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat) throws(PostgresDecodingError) -> PostgresInstant {
        try PostgresDecoding.value(bytes, type, format, isFrom: type == .timestamptz, binary: { _ in nil }, text: Self.init(text:))
    }
}
