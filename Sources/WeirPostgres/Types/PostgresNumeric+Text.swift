extension PostgresNumeric: LosslessStringConvertible {
    /// From what the server prints and what it reads without spaces: `-1.50`, `.5`, `1e-7`, `NaN`, `Infinity`. Nil for anything else, and
    /// beyond the limits of the type.
    ///
    /// - Complexity: O(digits); one allocation.
    public init?(_ description: String) {
        guard let value = PostgresDecoding.whole(description, Self.init(text:)) else { return nil }
        self = value
    }

    init?(text: inout PostgresTextScanner) {
        if text.accept("NaN") {
            self = .nan
            return
        }
        let isNegative = text.accept("-" as Unicode.Scalar)
        if !isNegative { _ = text.accept("+" as Unicode.Scalar) }
        if text.accept("Infinity") {
            self = isNegative ? .negativeInfinity : .infinity
            return
        }
        let integer = text.digits()
        let fraction = text.accept("." as Unicode.Scalar) ? text.digits() : integer.upperBound..<integer.upperBound
        guard integer.count + fraction.count > 0 else { return nil }
        var exponent = 0
        if text.accept("e" as Unicode.Scalar) || text.accept("E" as Unicode.Scalar) {
            let isSmall = text.accept("-" as Unicode.Scalar)
            if !isSmall { _ = text.accept("+" as Unicode.Scalar) }
            guard let power = text.number(1...9) else { return nil }
            exponent = isSmall ? -power : power
        }
        let significant = integer.dropFirst(text.bytes[integer].prefix { $0 == UInt8(ascii: "0") }.count)
        let places = significant.count + exponent
        let scale = max(0, fraction.count - exponent)
        guard places <= Self.maximumIntegerDigits, scale <= Self.maximumScale else { return nil }

        /// The decimal digit so many places behind the point, minus one being the first before it.
        func digit(_ place: Int) -> UInt16 {
            let index = place + places
            guard index >= 0 else { return 0 }
            if index < significant.count { return UInt16(text.bytes[significant.lowerBound + index] &- UInt8(ascii: "0")) }
            let inFraction = index - significant.count
            return inFraction < fraction.count ? UInt16(text.bytes[fraction.lowerBound + inFraction] &- UInt8(ascii: "0")) : 0
        }
        let groupsBefore = (max(places, 0) + 3) / 4
        let groupsBehind = (scale + 3) / 4
        var digits: [UInt16] = []
        digits.reserveCapacity(groupsBefore + groupsBehind)
        for group in -groupsBefore..<groupsBehind {
            digits.append(digit(4 * group) * 1000 + digit(4 * group + 1) * 100 + digit(4 * group + 2) * 10 + digit(4 * group + 3))
        }
        self.init(isNegative: isNegative, digits: digits, weight: groupsBefore - 1, scale: scale)
    }

    /// As the server prints it: with ``scale`` digits behind the point and no exponent.
    ///
    /// - Complexity: O(digits printed), at most some 147,000.
    public var description: String {
        switch self.kind {
        case .notANumber: return "NaN"
        case .positiveInfinity: return "Infinity"
        case .negativeInfinity: return "-Infinity"
        case .positive, .negative: break
        }
        var text: [UInt8] = []
        text.reserveCapacity(2 + 4 * (max(self.weight, 0) + 1) + self.scale + 4)
        if self.kind == .negative { text.append(UInt8(ascii: "-")) }
        for group in stride(from: max(self.weight, 0), through: 0, by: -1) { Self.append(self.digit(group), to: &text) }
        // The first group without its zeros, but for the last of them.
        let start = self.kind == .negative ? 1 : 0
        let zeros = text[start..<(start + 3)].prefix { $0 == UInt8(ascii: "0") }.count
        text.removeSubrange(start..<(start + zeros))
        if self.scale > 0 {
            text.append(UInt8(ascii: "."))
            let end = text.count + self.scale
            for group in 1...((self.scale + 3) / 4) { Self.append(self.digit(-group), to: &text) }
            text.removeSubrange(end...)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The digit that counts this power of 10000.
    private func digit(_ power: Int) -> UInt16 {
        let index = self.weight - power
        return self.digits.indices.contains(index) ? self.digits[index] : 0
    }

    private static func append(_ digit: UInt16, to text: inout [UInt8]) {
        for divisor in [1000, 100, 10, 1] as [UInt16] { text.append(UInt8(ascii: "0") + UInt8(digit / divisor % 10)) }
    }
}
