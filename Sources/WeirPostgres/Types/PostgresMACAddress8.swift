public import NIOCore
public import WeirPostgresWire

/// `macaddr8`: a hardware address of 8 bytes.
public struct PostgresMACAddress8: Hashable, Sendable {
    /// Its bytes, the first being the highest.
    public let rawValue: UInt64

    /// These bytes.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

extension PostgresMACAddress8: LosslessStringConvertible {
    /// From bytes in hexadecimal with colons between them.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let value = text.colonSeparatedBytes(8) else { return nil }
        self.rawValue = value
    }

    /// As the server prints it: `08:00:2b:01:02:03:04:05`.
    public var description: String {
        var text = ""
        text.appendColonSeparatedBytes(self.rawValue, count: 8)
        return text
    }
}

extension PostgresMACAddress8: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .macaddr8 }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeInteger(self.rawValue)
    }

    /// From macaddr8.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .macaddr8, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard bytes.byteCount == 8, let value = bytes.postgresInteger(at: 0, as: UInt64.self) else { return nil }
        self.rawValue = value
    }
}
