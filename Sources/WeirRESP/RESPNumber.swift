/// The numbers of the protocol, read strictly: no space, no leading zero, no sign where none belongs, no overflow.
enum RESPNumber {
    /// A type byte, a sign and nineteen digits, and CRLF.
    static var longestLine: Int { 23 }

    static let digit0 = UInt8(ascii: "0")

    /// An integer: the protocol allows either sign in front of it.
    static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        guard bytes.count > 0 else { return nil }
        switch bytes[0] {
        case UInt8(ascii: "-"):
            return self.magnitude(UnsafeRawBufferPointer(rebasing: bytes[1...]), limit: 1 << 63).map { Int64(truncatingIfNeeded: 0 &- $0) }
        case UInt8(ascii: "+"):
            return self.magnitude(UnsafeRawBufferPointer(rebasing: bytes[1...]), limit: 1 << 63 - 1).map(Int64.init)
        default:
            return self.magnitude(bytes, limit: 1 << 63 - 1).map(Int64.init)
        }
    }

    private static func magnitude(_ bytes: UnsafeRawBufferPointer, limit: UInt64) -> UInt64? {
        guard bytes.count > 0, bytes.count <= 19, bytes[0] != self.digit0 || bytes.count == 1 else { return nil }
        var value: UInt64 = 0
        // Nineteen digits fit.
        for byte in bytes {
            let digit = byte &- self.digit0
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value <= limit ? value : nil
    }

    /// `inf`, `-inf`, `nan`, or a sign, digits, a fraction and an exponent. What is too large to hold becomes infinite.
    static func double(_ bytes: UnsafeRawBufferPointer) -> Double? {
        guard self.isDouble(bytes) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        switch text {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default: return Double(text)
        }
    }

    /// The grammar of a double: what the standard library would read besides, as hexadecimal, is none of the protocol.
    static func isDouble(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        func digits() -> Int {
            let start = index
            while index < bytes.count, bytes[index] &- self.digit0 <= 9 { index += 1 }
            return index - start
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") { index += 1 }
        if index < bytes.count, bytes[index] == UInt8(ascii: "i") || bytes[index] == UInt8(ascii: "n") {
            let rest = bytes[index...]
            return rest.elementsEqual("inf".utf8) || rest.elementsEqual("nan".utf8) && bytes[0] != UInt8(ascii: "+")
        }
        var digitCount = digits()
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            digitCount += digits()
        }
        guard digitCount > 0 else { return false }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") { index += 1 }
            guard digits() > 0 else { return false }
        }
        return index == bytes.count
    }

    static func isBigNumber(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = bytes.count > 0 && (bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+")) ? 1 : 0
        return bytes.count > start && bytes[start...].allSatisfy { $0 &- self.digit0 <= 9 }
    }

    /// A double as the protocol spells it.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        return value.description
    }
}
