public import NIOCore
public import WeirPostgresWire

/// `macaddr`: a hardware address of 6 bytes.
public struct PostgresMACAddress: Hashable, Sendable {
    /// Its bytes in the lower 48 bits, the first being the highest.
    public let rawValue: UInt64

    /// Nil for a number of more than 48 bits.
    public init?(rawValue: UInt64) {
        guard rawValue >> 48 == 0 else { return nil }
        self.rawValue = rawValue
    }
}

extension PostgresMACAddress: LosslessStringConvertible {
    /// From bytes in hexadecimal with colons between them.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let value = text.colonSeparatedBytes(6) else { return nil }
        self.rawValue = value
    }

    /// As the server prints it: `08:00:2b:01:02:03`.
    public var description: String {
        var text = ""
        text.appendColonSeparatedBytes(self.rawValue, count: 6)
        return text
    }
}

extension PostgresMACAddress: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .macaddr }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeMultipleIntegers(UInt16(truncatingIfNeeded: self.rawValue >> 32), UInt32(truncatingIfNeeded: self.rawValue))
    }

    /// From macaddr.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .macaddr, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard bytes.byteCount == 6, let high = bytes.postgresInteger(at: 0, as: UInt16.self),
            let low = bytes.postgresInteger(at: 2, as: UInt32.self)
        else { return nil }
        self.rawValue = UInt64(high) << 32 | UInt64(low)
    }
}
