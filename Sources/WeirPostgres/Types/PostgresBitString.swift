public import NIOCore
public import WeirPostgresWire

/// `bit` or `varbit`: bits, as many as there are. Sent as varbit.
public struct PostgresBitString: Hashable, Sendable {
    /// How many.
    public let count: Int
    /// The bits, eight in a byte, the first being the highest. Those behind the last are 0.
    public let bytes: [UInt8]

    /// The first bits of these bytes, the highest first. Nil where there are fewer.
    public init?(count: Int, bytes: [UInt8]) {
        guard count >= 0, count <= bytes.count * 8 else { return nil }
        var bytes = Array(bytes.prefix(count / 8 + (count % 8 == 0 ? 0 : 1)))
        if count % 8 != 0 { bytes[bytes.count - 1] &= ~(0xFF >> UInt8(count % 8)) }
        self.count = count
        self.bytes = bytes
    }

    /// These bits.
    public init(_ bits: some Sequence<Bool>) {
        var bytes: [UInt8] = []
        var count = 0
        for bit in bits {
            if count % 8 == 0 { bytes.append(0) }
            if bit { bytes[count / 8] |= 0x80 >> UInt8(count % 8) }
            count += 1
        }
        self.count = count
        self.bytes = bytes
    }

    /// The bit at this index, from 0; nil where there is none.
    public subscript(index: Int) -> Bool? {
        guard index >= 0, index < self.count else { return nil }
        return self.bytes[index / 8] & 0x80 >> UInt8(index % 8) != 0
    }
}

extension PostgresBitString: LosslessStringConvertible {
    /// From zeros and ones.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        let digits = text.bytes[text.digits()]
        guard digits.allSatisfy({ $0 <= UInt8(ascii: "1") }) else { return nil }
        self.init(digits.lazy.map { $0 == UInt8(ascii: "1") })
    }

    /// As the server prints it: `0110`.
    public var description: String {
        var text = ""
        text.reserveCapacity(self.count)
        for index in 0..<self.count { text.append(self[index] == true ? "1" : "0") }
        return text
    }
}

extension PostgresBitString: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .varbit }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        guard let count = Int32(exactly: self.count) else { throw PostgresEncodingError("too many bits") }
        buffer.writeInteger(count)
        buffer.writeBytes(self.bytes)
    }

    /// From bit and varbit.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(
            bytes, type, format, isFrom: type == .bit || type == .varbit, binary: Self.init(binary:), text: Self.init(text:))
    }

    private init?(binary bytes: RawSpan) {
        guard let count = bytes.postgresInteger(at: 0, as: Int32.self), count >= 0, (Int(count) + 7) / 8 == bytes.byteCount - 4 else {
            return nil
        }
        self.init(count: Int(count), bytes: bytes.withUnsafeBytes { Array($0[4...]) })
    }
}
