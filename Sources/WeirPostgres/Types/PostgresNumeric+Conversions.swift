extension PostgresNumeric {
    /// This integer, of scale 0.
    public init(_ value: Int) { self.init(isNegative: value < 0, magnitude: UInt128(value.magnitude)) }

    /// This integer, of scale 0.
    public init(_ value: UInt64) { self.init(isNegative: false, magnitude: UInt128(value)) }

    /// This integer, of scale 0.
    public init(_ value: Int128) { self.init(isNegative: value < 0, magnitude: value.magnitude) }

    private init(isNegative: Bool, magnitude: UInt128) {
        var digits: [UInt16] = []
        var rest = magnitude
        while rest > 0 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10_000)
            digits.append(UInt16(remainder))
            rest = quotient
        }
        digits.reverse()
        // At most ten digits of base 10000: well within the limits.
        self = PostgresNumeric(isNegative: isNegative, digits: digits, weight: digits.count - 1, scale: 0) ?? .zero
    }

    /// The number that Swift prints for this value, which is the shortest that reads as it again: 0.1 for 0.1.
    public init(_ value: Double) {
        if value.isNaN {
            self = .nan
        } else if value.isInfinite {
            self = value < 0 ? .negativeInfinity : .infinity
        } else {
            // What no integer part above 309 digits and no scale above 324 keeps from fitting. `1.0` loses its point.
            let text = value.description
            self = PostgresNumeric(text.hasSuffix(".0") ? String(text.dropLast(2)) : text) ?? .nan
        }
    }
}

extension PostgresNumeric: ExpressibleByIntegerLiteral {
    /// This integer, of scale 0.
    public init(integerLiteral value: Int) { self.init(value) }
}

extension FixedWidthInteger {
    /// The same number; nil where it is none, has a fraction that is not zero, or does not fit (nor fit 128 bits).
    public init?(exactly value: PostgresNumeric) {
        guard value.isFinite, value.digits.count <= value.weight + 1 || value.digits.isEmpty, value.weight < 10 else { return nil }
        var sum: Int128 = 0
        for index in 0...value.weight where !value.digits.isEmpty {
            let digit = index < value.digits.count ? Int128(value.digits[index]) : 0
            let (product, overflows) = sum.multipliedReportingOverflow(by: 10_000)
            let (next, carries) = product.subtractingReportingOverflow(digit)
            if overflows || carries { return nil }
            sum = next
        }
        // Summed below zero, where there is room for one more.
        if value.isNegative {
            self.init(exactly: sum)
        } else {
            let (negated, overflows) = (0 as Int128).subtractingReportingOverflow(sum)
            if overflows { return nil }
            self.init(exactly: negated)
        }
    }
}

extension Double {
    /// The nearest value; an infinity beyond the largest.
    public init(_ value: PostgresNumeric) {
        switch value.kind {
        case .notANumber: self = .nan
        case .positiveInfinity: self = .infinity
        case .negativeInfinity: self = -.infinity
        case .positive, .negative: self = Double(value.description) ?? .nan
        }
    }
}
