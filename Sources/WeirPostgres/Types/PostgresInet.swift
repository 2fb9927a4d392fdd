public import NIOCore
public import WeirPostgresWire

/// `inet` or `cidr`: an IPv4 or IPv6 address and how many of its bits are the network's.
///
/// Source: `src/backend/utils/adt/network.c` of PostgreSQL 15.
public struct PostgresInet: Hashable, Sendable {
    /// Which address it is.
    public enum Address: Hashable, Sendable {
        /// The first byte is the highest.
        case v4(UInt32)
        /// The first byte is the highest of `high`.
        case v6(high: UInt64, low: UInt64)

        /// 32 or 128.
        public var bitCount: Int {
            switch self {
            case .v4: 32
            case .v6: 128
            }
        }
    }

    /// With the bits behind the prefix, which are a host's.
    public let address: Address
    /// How many bits are the network's: all, where a single host is meant.
    public let prefixLength: Int
    /// Whether it is a `cidr`: a network, printed with its prefix length always. Both kinds are sent as what they are, but in arrays, which
    /// are those of `inet`.
    public let isNetwork: Bool

    /// Nil where the prefix is negative or longer than the address, and for a network with a bit set behind its prefix.
    public init?(_ address: Address, prefixLength: Int? = nil, isNetwork: Bool = false) {
        let prefix = prefixLength ?? address.bitCount
        guard (0...address.bitCount).contains(prefix), !isNetwork || Self.isClear(address, after: prefix) else { return nil }
        self.address = address
        self.prefixLength = prefix
        self.isNetwork = isNetwork
    }

    private static func isClear(_ address: Address, after prefix: Int) -> Bool {
        switch address {
        case .v4(let bits): bits << prefix == 0
        case .v6(let high, let low): prefix < 64 ? high << prefix == 0 && low == 0 : low << (prefix - 64) == 0
        }
    }
}

extension PostgresInet: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .inet }
    public var postgresType: PostgresType { self.isNetwork ? .cidr : .inet }

    private static var familyV4: UInt8 { 2 }
    private static var familyV6: UInt8 { 3 }

    public func encodePostgres(into buffer: inout ByteBuffer) throws(PostgresEncodingError) {
        let prefix = UInt8(truncatingIfNeeded: self.prefixLength)
        let flag: UInt8 = self.isNetwork ? 1 : 0
        switch self.address {
        case .v4(let bits): buffer.writeMultipleIntegers(Self.familyV4, prefix, flag, 4 as UInt8, bits)
        case .v6(let high, let low): buffer.writeMultipleIntegers(Self.familyV6, prefix, flag, 16 as UInt8, high, low)
        }
    }

    /// From inet and cidr.
    public init(postgresBytes bytes: RawSpan, type: PostgresType, format: PostgresFormat) throws(PostgresDecodingError) {
        self = try PostgresDecoding.value(bytes, type, format, isFrom: type == .inet || type == .cidr) { bytes in
            Self(binary: bytes, isNetwork: type == .cidr)
        } text: { scanner in
            Self(text: &scanner, isNetwork: type == .cidr)
        }
    }

    private init?(binary bytes: RawSpan, isNetwork: Bool) {
        guard let family = bytes.postgresInteger(at: 0, as: UInt8.self), let prefix = bytes.postgresInteger(at: 1, as: UInt8.self),
            let length = bytes.postgresInteger(at: 3, as: UInt8.self), bytes.byteCount == 4 + Int(length)
        else { return nil }
        switch (family, length) {
        case (Self.familyV4, 4):
            guard let bits = bytes.postgresInteger(at: 4, as: UInt32.self) else { return nil }
            self.init(.v4(bits), prefixLength: Int(prefix), isNetwork: isNetwork)
        case (Self.familyV6, 16):
            guard let high = bytes.postgresInteger(at: 4, as: UInt64.self), let low = bytes.postgresInteger(at: 12, as: UInt64.self) else {
                return nil
            }
            self.init(.v6(high: high, low: low), prefixLength: Int(prefix), isNetwork: isNetwork)
        default: return nil
        }
    }
}
