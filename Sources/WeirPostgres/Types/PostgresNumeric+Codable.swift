public import NIOCore
public import WeirPostgresWire

extension PostgresNumeric: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .numeric }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        // The limits of the type keep each within 16 bits.
        buffer.writeMultipleIntegers(
            UInt16(truncatingIfNeeded: self.digits.count), Int16(truncatingIfNeeded: self.weight), self.kind.rawValue,
            UInt16(truncatingIfNeeded: self.scale))
        for digit in self.digits { buffer.writeInteger(digit) }
    }

    /// From numeric. Allocates as many digits as there are bytes for.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .numeric, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard let count = bytes.postgresInteger(at: 0, as: UInt16.self), let weight = bytes.postgresInteger(at: 2, as: Int16.self),
            let sign = bytes.postgresInteger(at: 4, as: UInt16.self), let scale = bytes.postgresInteger(at: 6, as: UInt16.self),
            let kind = Kind(rawValue: sign), bytes.byteCount == 8 + 2 * Int(count)
        else { return nil }
        switch kind {
        case .notANumber where count == 0: self = .nan
        case .positiveInfinity where count == 0: self = .infinity
        case .negativeInfinity where count == 0: self = .negativeInfinity
        case .positive, .negative:
            var digits: [UInt16] = []
            digits.reserveCapacity(Int(count))
            for index in 0..<Int(count) {
                guard let digit = bytes.postgresInteger(at: 8 + 2 * index, as: UInt16.self), digit < 10_000 else { return nil }
                digits.append(digit)
            }
            self.init(isNegative: kind == .negative, digits: digits, weight: Int(weight), scale: Int(scale))
        case .notANumber, .positiveInfinity, .negativeInfinity: return nil
        }
    }
}
