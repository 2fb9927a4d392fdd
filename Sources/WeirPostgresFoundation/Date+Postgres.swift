public import NIOCore
public import WeirPostgres
public import WeirPostgresWire

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Sent as timestamptz, rounded to the microsecond; a date outside of what the server can store is an error.
extension Date: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .timestamptz }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        let microseconds = ((self.timeIntervalSinceReferenceDate + Self.secondsFrom2000ToReference) * 1_000_000).rounded()
        guard let exact = Int64(exactly: microseconds), let instant = PostgresInstant(microsecondsSince2000: exact) else {
            throw PostgresEncodingError("a date that timestamptz cannot hold")
        }
        try instant.encodePostgres(into: &buffer)
    }

    /// From timestamptz; `outOfRange` for the infinities. A `Double` of seconds: exact to the microsecond for some 140 years around 2001.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        let instant = try PostgresInstant(postgresBytes: bytes, type: type, format: format)
        guard let microseconds = instant.microsecondsSince2000 else { throw PostgresDecodingError(.outOfRange, type: type) }
        // Seconds and the rest apart: the whole number of microseconds may be more than a Double counts.
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        self.init(timeIntervalSinceReferenceDate: Double(seconds) - Self.secondsFrom2000ToReference + Double(rest) / 1_000_000)
    }

    /// From 2000-01-01 to 2001-01-01.
    private static var secondsFrom2000ToReference: Double { 366 * 86_400 }
}
