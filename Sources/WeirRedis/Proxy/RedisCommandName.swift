/// A command's name of up to fifteen bytes and its length, packed to be compared and looked up without memory of its own.
struct RedisCommandName: Hashable {
    var low: UInt64 = 0
    /// The length in its last byte.
    var high: UInt64 = 0

    /// - Parameter length: of a longer name only the first fifteen bytes are kept, and that it is longer.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, at start: Int, length: Int) {
        if length <= 8, start &+ 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
            self.low = length == 8 ? word : word & ((1 << UInt64(length &* 8)) &- 1)
            self.high = UInt64(length) << 56
        } else {
            self = Self.careful(bytes, at: start, length: length)
        }
    }

    init(_ text: StaticString) {
        self = text.withUTF8Buffer { Self.careful(UnsafeRawBufferPointer($0), at: 0, length: $0.count) }
    }

    init() {}

    @inline(never)
    private static func careful(_ bytes: UnsafeRawBufferPointer, at start: Int, length: Int) -> RedisCommandName {
        var name = RedisCommandName()
        name.high = UInt64(min(length, 16)) << 56
        for index in 0..<min(length, 15) {
            let byte = UInt64(bytes[start + index])
            if index < 8 { name.low |= byte << UInt64(index * 8) } else { name.high |= byte << UInt64((index - 8) * 8) }
        }
        return name
    }

    /// Letters of either case are the same. What else becomes the same is no letter, and no name of a table has any of that.
    @inline(__always)
    var folded: RedisCommandName {
        var folded = self
        folded.low &= 0xDFDF_DFDF_DFDF_DFDF
        folded.high &= 0xDFDF_DFDF_DFDF_DFDF
        return folded
    }

    @inline(__always)
    var hash: UInt64 { (self.low ^ (self.high &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93 }
}

/// For logs: a client chose it.
extension RedisCommandName: CustomStringConvertible {
    var description: String {
        var text = ""
        for index in 0..<Int(min(self.high >> 56, 15)) {
            let byte = UInt8(truncatingIfNeeded: (index < 8 ? self.low : self.high) >> UInt64(index % 8 * 8))
            text.unicodeScalars.append((0x21...0x7E).contains(byte) ? Unicode.Scalar(byte) : "?")
        }
        return text
    }
}
