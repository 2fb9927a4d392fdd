public import NIOCore
public import WeirPostgresWire

/// `uuid`: sixteen bytes.
public struct PostgresUUID: Hashable, Comparable, Sendable {
    /// The first eight bytes, the first of all being the highest.
    public var high: UInt64
    /// The last eight bytes.
    public var low: UInt64

    /// These sixteen bytes.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A random one: version 4 of RFC 9562.
    public static func random() -> PostgresUUID {
        var generator = SystemRandomNumberGenerator()
        return self.random(using: &generator)
    }

    /// A random one of this generator: version 4 of RFC 9562.
    public static func random(using generator: inout some RandomNumberGenerator) -> PostgresUUID {
        PostgresUUID(
            high: generator.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    /// As the server orders them.
    @inlinable
    public static func < (left: PostgresUUID, right: PostgresUUID) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

extension PostgresUUID: LosslessStringConvertible {
    /// From `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, in digits of either case.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        guard let a = text.hexadecimal(8...8), text.accept("-" as Unicode.Scalar),
            let b = text.hexadecimal(4...4), text.accept("-" as Unicode.Scalar),
            let c = text.hexadecimal(4...4), text.accept("-" as Unicode.Scalar),
            let d = text.hexadecimal(4...4), text.accept("-" as Unicode.Scalar),
            let e = text.hexadecimal(12...12)
        else { return nil }
        self.init(high: a << 32 | b << 16 | c, low: d << 48 | e)
    }

    /// In lower case, as the server prints it.
    public var description: String {
        var text = ""
        text.reserveCapacity(36)
        text.appendHexadecimal(self.high >> 32, digits: 8)
        text.append("-")
        text.appendHexadecimal(self.high >> 16 & 0xFFFF, digits: 4)
        text.append("-")
        text.appendHexadecimal(self.high & 0xFFFF, digits: 4)
        text.append("-")
        text.appendHexadecimal(self.low >> 48, digits: 4)
        text.append("-")
        text.appendHexadecimal(self.low & 0xFFFF_FFFF_FFFF, digits: 12)
        return text
    }
}

extension PostgresUUID: PostgresEncodable, PostgresDecodable {
    @inlinable public static var postgresType: PostgresType { .uuid }

    @inlinable
    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        buffer.writeMultipleIntegers(self.high, self.low)
    }

    @inlinable
    public func encodePostgresWithLength(into buffer: inout ByteBuffer) { buffer.writeMultipleIntegers(16 as Int32, self.high, self.low) }

    /// From uuid.
    @inlinable
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        if case .binary = format, type == .uuid, bytes.byteCount == 16, let high = bytes.postgresInteger(at: 0, as: UInt64.self),
            let low = bytes.postgresInteger(at: 8, as: UInt64.self)
        {
            self.init(high: high, low: low)
        } else {
            self = try Self.unusual(bytes, type, format)
        }
    }

    @usableFromInline @inline(never)
    static func unusual(_ bytes: RawSpan, _ type: PostgresType, _ format: PostgresFormat) throws(PostgresDecodingError) -> PostgresUUID {
        try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .uuid, binary: { _ in nil }, text: Self.init(text:))
    }
}
