public import NIOCore
public import WeirPostgresWire

/// `timetz`: a time of day and an offset from Greenwich.
public struct PostgresTimeWithZone: Hashable, Sendable {
    /// On a clock at that offset.
    public let time: PostgresTime
    /// East of Greenwich, where the server counts west: +3600 is +01.
    public let secondsFromGreenwich: Int32

    /// Nil when the offset is 16 hours or more.
    public init?(_ time: PostgresTime, secondsFromGreenwich offset: Int32) {
        guard (-57_599...57_599).contains(offset) else { return nil }
        self.time = time
        self.secondsFromGreenwich = offset
    }
}

extension PostgresTimeWithZone: LosslessStringConvertible {
    /// From what ``description`` prints.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let time = PostgresTime(text: &text), let offset = text.isoOffset() else { return nil }
        self.init(time, secondsFromGreenwich: offset)
    }

    /// As the server prints it: `04:05:06.789+02`.
    public var description: String {
        var text = self.time.description
        text.appendISOOffset(self.secondsFromGreenwich)
        return text
    }
}

extension PostgresTimeWithZone: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .timetz }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeMultipleIntegers(self.time.microsecondsSinceMidnight, -self.secondsFromGreenwich)
    }

    /// From timetz.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .timetz, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard bytes.byteCount == 12, let value = bytes.postgresInteger(at: 0, as: Int64.self),
            let west = bytes.postgresInteger(at: 8, as: Int32.self), west != .min,
            let time = PostgresTime(microsecondsSinceMidnight: value)
        else { return nil }
        self.init(time, secondsFromGreenwich: -west)
    }
}
