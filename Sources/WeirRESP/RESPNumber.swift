import NIOCore

/// The numbers of the protocol, read strictly: no space, no leading zero, no sign where none belongs, no overflow.
enum RESPNumber {
    /// A length or count: `0`, or digits that do not begin with 0.
    static func length(_ text: ByteBuffer) throws -> Int {
        let bytes = text.readableBytesUInt8Span
        if bytes.count == 1, bytes[0] == UInt8(ascii: "?") {
            throw RESPError(.streamedType, "streamed strings and aggregates are not supported")
        }
        return Int(try self.magnitude(bytes, from: 0, limit: UInt64(Int.max)))
    }

    /// `-1` where RESP2 means null.
    static func isNullLength(_ text: ByteBuffer) -> Bool {
        let bytes = text.readableBytesUInt8Span
        return bytes.count == 2 && bytes[0] == UInt8(ascii: "-") && bytes[1] == UInt8(ascii: "1")
    }

    /// An integer: the protocol allows either sign in front of it.
    static func integer(_ text: ByteBuffer) throws -> Int64 {
        let bytes = text.readableBytesUInt8Span
        guard bytes.count > 0 else { throw RESPError(.malformedNumber, "an integer without digits") }
        switch bytes[0] {
        case UInt8(ascii: "-"):
            let magnitude = try self.magnitude(bytes, from: 1, limit: UInt64(Int64.max) + 1)
            return Int64(truncatingIfNeeded: 0 &- magnitude)
        case UInt8(ascii: "+"):
            return Int64(try self.magnitude(bytes, from: 1, limit: UInt64(Int64.max)))
        default:
            return Int64(try self.magnitude(bytes, from: 0, limit: UInt64(Int64.max)))
        }
    }

    private static func magnitude(_ bytes: Span<UInt8>, from start: Int, limit: UInt64) throws -> UInt64 {
        guard bytes.count > start else { throw RESPError(.malformedNumber, "a number without digits") }
        guard bytes[start] != UInt8(ascii: "0") || bytes.count == start + 1 else {
            throw RESPError(.malformedNumber, "a number with a leading zero")
        }
        var value: UInt64 = 0
        for index in start..<bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { throw RESPError(.malformedNumber, "a number with something else in it") }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit))
            guard !overflowed, !carried, sum <= limit else { throw RESPError(.malformedNumber, "a number out of range") }
            value = sum
        }
        return value
    }

    static func boolean(_ text: ByteBuffer) throws -> Bool {
        let bytes = text.readableBytesUInt8Span
        guard bytes.count == 1 else { throw RESPError(.malformedNumber, "a boolean is t or f") }
        switch bytes[0] {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: throw RESPError(.malformedNumber, "a boolean is t or f")
        }
    }

    /// `inf`, `-inf`, `nan`, or a sign, digits, a fraction and an exponent. What is too large to hold becomes infinite.
    static func double(_ text: ByteBuffer) throws -> Double {
        let string = String(buffer: text)
        switch string {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default: break
        }
        // The standard library also reads hexadecimal and names: the protocol does not.
        let isDecimal = text.readableBytesView.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                return true
            default:
                return false
            }
        }
        guard isDecimal, let value = Double(string) else { throw RESPError(.malformedNumber, "not a double") }
        return value
    }

    static func checkBigNumber(_ text: ByteBuffer) throws {
        let bytes = text.readableBytesUInt8Span
        let start = bytes.count > 0 && (bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+")) ? 1 : 0
        guard bytes.count > start else { throw RESPError(.malformedNumber, "a big number without digits") }
        for index in start..<bytes.count where !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
            throw RESPError(.malformedNumber, "a big number with something else in it")
        }
    }
}
