/// `numeric`: a decimal number of up to 131072 digits before the point and 16383 after it, exact; or NaN, or an infinity.
///
/// Held as the server holds it: in digits of base 10000. Two are equal where the server calls them so: 1.0 and 1.00 are, and so is NaN with
/// itself, which is greater than everything else. There is no arithmetic.
///
/// Source: `src/backend/utils/adt/numeric.c` of PostgreSQL 15.
public struct PostgresNumeric: Sendable {
    enum Kind: UInt16 {
        case positive = 0x0000
        case negative = 0x4000
        case notANumber = 0xC000
        case positiveInfinity = 0xD000
        case negativeInfinity = 0xF000
    }

    /// The most decimal digits before the point.
    public static var maximumIntegerDigits: Int { 131_072 }
    /// The most decimal digits after the point.
    public static var maximumScale: Int { 16_383 }

    let kind: Kind
    /// Of base 10000, the highest first; neither the first nor the last is 0.
    let digits: [UInt16]
    /// The power of 10000 that the first digit counts; 0 if there is none.
    let weight: Int
    /// How many decimal digits are printed after the point.
    public let scale: Int

    /// Strips zeros on both ends; nil beyond the limits, or where digits stand behind the scale.
    init?(isNegative: Bool, digits: [UInt16], weight: Int, scale: Int) {
        var (digits, weight) = (digits, weight)
        if digits.first == 0 || digits.last == 0 {
            let leading = digits.prefix { $0 == 0 }.count
            digits.removeFirst(leading)
            while digits.last == 0 { digits.removeLast() }
            weight -= leading
        }
        if digits.isEmpty { weight = 0 }
        guard (0...Self.maximumScale).contains(scale), weight < Self.maximumIntegerDigits / 4,
            Self.fits(digits, weight: weight, scale: scale)
        else { return nil }
        self.kind = isNegative && !digits.isEmpty ? .negative : .positive
        self.digits = digits
        self.weight = weight
        self.scale = scale
    }

    private init(_ kind: Kind) {
        self.kind = kind
        self.digits = []
        self.weight = 0
        self.scale = 0
    }

    private static func fits(_ digits: [UInt16], weight: Int, scale: Int) -> Bool {
        guard let last = digits.last else { return true }
        // How many decimal digits behind the point the last one ends, its zeros at the end not counted.
        var places = (digits.count - 1 - weight) * 4
        var rest = last
        while rest % 10 == 0 {
            rest /= 10
            places -= 1
        }
        return places <= scale
    }

    /// Not a number; equal to itself, as the server has it.
    public static var nan: PostgresNumeric { PostgresNumeric(.notANumber) }
    /// Greater than every number. Since version 14.
    public static var infinity: PostgresNumeric { PostgresNumeric(.positiveInfinity) }
    /// Less than every number. Since version 14.
    public static var negativeInfinity: PostgresNumeric { PostgresNumeric(.negativeInfinity) }
    /// 0, of scale 0.
    public static var zero: PostgresNumeric { PostgresNumeric(.positive) }

    /// Whether it is not a number.
    public var isNaN: Bool { self.kind == .notANumber }
    /// Whether it is one of the infinities.
    public var isInfinite: Bool { self.kind == .positiveInfinity || self.kind == .negativeInfinity }
    /// Whether it is a number.
    public var isFinite: Bool { self.kind == .positive || self.kind == .negative }
    /// Whether it is less than zero, -Infinity included.
    public var isNegative: Bool { self.kind == .negative || self.kind == .negativeInfinity }
}

extension PostgresNumeric: Hashable, Comparable {
    /// By value: the scale is not looked at.
    public static func == (left: PostgresNumeric, right: PostgresNumeric) -> Bool {
        left.kind == right.kind && left.weight == right.weight && left.digits == right.digits
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.kind)
        hasher.combine(self.weight)
        hasher.combine(self.digits)
    }

    /// As the server orders them: -Infinity, numbers, Infinity, NaN.
    public static func < (left: PostgresNumeric, right: PostgresNumeric) -> Bool {
        guard left.kind == right.kind else { return left.rank < right.rank }
        switch left.kind {
        case .positive: return left.isSmaller(than: right)
        case .negative: return right.isSmaller(than: left)
        case .notANumber, .positiveInfinity, .negativeInfinity: return false
        }
    }

    private var rank: Int {
        switch self.kind {
        case .negativeInfinity: 0
        case .negative: 1
        case .positive: 2
        case .positiveInfinity: 3
        case .notANumber: 4
        }
    }

    private func isSmaller(than other: PostgresNumeric) -> Bool {
        if self.digits.isEmpty || other.digits.isEmpty { return self.digits.count < other.digits.count }
        return self.weight != other.weight ? self.weight < other.weight : self.digits.lexicographicallyPrecedes(other.digits)
    }
}
