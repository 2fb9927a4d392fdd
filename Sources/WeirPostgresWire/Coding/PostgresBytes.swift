/// Looks at bytes word by word.
@usableFromInline
enum PostgresBytes {
    /// Where the first NUL is, if there is one.
    @inlinable
    static func firstZero(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // Some byte of it is zero, if borrowing from each sets a high bit which was not set.
            if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 { break }
            index &+= 8
        }
        while index < bytes.count {
            if bytes[index] == 0 { return index }
            index &+= 1
        }
        return nil
    }
}
