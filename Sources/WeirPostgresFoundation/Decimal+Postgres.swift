public import NIOCore
public import WeirPostgres
public import WeirPostgresWire

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Sent as numeric, exactly; NaN as NaN.
extension Decimal: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .numeric }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard let value = self.isNaN ? .nan : PostgresNumeric(self.description) else {
            throw PostgresEncodingError("a decimal that numeric cannot hold")
        }
        try value.encodePostgres(into: &buffer)
    }

    /// From numeric; `outOfRange` where a Decimal, of 38 digits and exponents from -128 to 127, cannot hold it exactly, and for infinities.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        let value = try PostgresNumeric(postgresBytes: bytes, type: type, format: format)
        if value.isNaN {
            self = .nan
            return
        }
        // Read back, as the parser rounds what is too long.
        guard value.isFinite, let decimal = Decimal(string: value.description), !decimal.isNaN,
            PostgresNumeric(decimal.description) == value
        else { throw PostgresDecodingError(.outOfRange, type: type) }
        self = decimal
    }
}
