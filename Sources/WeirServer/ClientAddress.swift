import NIOCore

/// What clients are told apart by: an IPv4 address, or the first bits of an IPv6 address.
struct ClientAddress: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// Nil for what has no IP address: a Unix socket, or a client that is gone already.
    ///
    /// An IPv4 address is the IPv6 address that it is mapped to, so that both count as one, whatever the listening socket's family.
    init?(_ address: SocketAddress?, ipv6PrefixLength: Int) {
        switch address {
        case .v4(let address):
            // Family and port, two bytes each, stand before the address on every system.
            self.high = 0
            self.low = Self.mapped | withUnsafeBytes(of: address.address) { UInt64(Self.word(UInt32.self, $0, 4)) }
        case .v6(let address):
            // Before this one, the flow's four bytes as well.
            let (high, low) = withUnsafeBytes(of: address.address) { (Self.word(UInt64.self, $0, 8), Self.word(UInt64.self, $0, 16)) }
            let isIPv4 = high == 0 && low & ~UInt64(UInt32.max) == Self.mapped
            self.high = isIPv4 ? 0 : high & Self.mask(bits: ipv6PrefixLength)
            self.low = isIPv4 ? low : low & Self.mask(bits: ipv6PrefixLength - 64)
        case .unixDomainSocket, nil:
            return nil
        }
    }

    /// `::ffff:0:0/96`
    private static var mapped: UInt64 { 0xFFFF_0000_0000 }

    private static func word<Word: FixedWidthInteger>(_ type: Word.Type, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Word {
        Word(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    private static func mask(bits: Int) -> UInt64 { bits <= 0 ? 0 : ~UInt64(0) << (64 - min(bits, 64)) }
}
