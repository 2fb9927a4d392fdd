extension PostgresInet: LosslessStringConvertible {
    /// From an address in numbers, with or without a prefix length, as an `inet`: `192.168.0.1/24`, `::1`.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, { Self(text: &$0, isNetwork: false) }) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner, isNetwork: Bool) {
        let start = text.index
        let address: Address
        if let bits = Self.v4(&text) {
            address = .v4(bits)
        } else {
            text.index = start
            guard let (high, low) = Self.v6(&text) else { return nil }
            address = .v6(high: high, low: low)
        }
        var prefix: Int?
        if text.accept("/" as Unicode.Scalar) {
            guard let number = text.number(1...3) else { return nil }
            prefix = number
        }
        self.init(address, prefixLength: prefix, isNetwork: isNetwork)
    }

    private static func v4(_ text: inout PostgresTextScanner) -> UInt32? {
        var bits: UInt32 = 0
        for index in 0..<4 {
            guard index == 0 || text.accept("." as Unicode.Scalar), let number = text.number(1...3), number <= 255 else { return nil }
            bits = bits << 8 | UInt32(number)
        }
        return bits
    }

    private static func v6(_ text: inout PostgresTextScanner) -> (UInt64, UInt64)? {
        var groups: [UInt16] = []
        // How many groups stand before the two colons.
        var gap: Int?
        if text.accept("::") { gap = 0 }
        // At the beginning of a group, where one may follow.
        while groups.count < 8, let byte = text.peek, PostgresTextScanner.hexadecimalDigit(byte) != nil {
            let start = text.index
            if groups.count <= 6, let bits = self.v4(&text) {
                groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
                break
            }
            text.index = start
            guard let group = text.hexadecimal(1...4) else { return nil }
            groups.append(UInt16(truncatingIfNeeded: group))
            if gap == nil, text.accept("::") {
                gap = groups.count
            } else if groups.count == 8 || !text.accept(":" as Unicode.Scalar) {
                break
            } else if text.peek.flatMap(PostgresTextScanner.hexadecimalDigit) == nil {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        return (
            groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    /// As the server prints it: an `inet` without its prefix length where that is the whole address.
    public var description: String {
        let address: String
        switch self.address {
        case .v4(let bits): address = Self.text(bits)
        case .v6(let high, let low): address = Self.text(high, low)
        }
        return self.isNetwork || self.prefixLength < self.address.bitCount ? "\(address)/\(self.prefixLength)" : address
    }

    private static func text(_ bits: UInt32) -> String { "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)" }

    /// The longest row of zeros is left out, the first of equal ones, if it is longer than one; addresses that contain one of IPv4 end in it.
    private static func text(_ high: UInt64, _ low: UInt64) -> String {
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 % 4))) }
        var zeros = 0..<0
        var index = 0
        while index < 8 {
            let end = groups[index...].firstIndex { $0 != 0 } ?? 8
            if end - index > max(zeros.count, 1) { zeros = index..<end }
            index = end + 1
        }
        let holdsV4 =
            zeros.lowerBound == 0 && (zeros.count == 6 || zeros.count == 7 && groups[7] != 1 || zeros.count == 5 && groups[5] == 0xFFFF)
        var text = ""
        index = 0
        while index < 8 {
            if zeros.contains(index) {
                text.append(zeros.upperBound == 8 ? "::" : ":")
                index = zeros.upperBound
                continue
            }
            if index > 0 { text.append(":") }
            if index == 6, holdsV4 {
                text.append(self.text(UInt32(truncatingIfNeeded: low)))
                break
            }
            text.append(String(groups[index], radix: 16))
            index += 1
        }
        return text
    }
}
