extension RawSpan {
    /// The integer that begins at this offset, in the byte order of the protocol; nil where the bytes end before it does.
    ///
    /// - Complexity: O(1), one load.
    @inlinable @inline(__always)
    public func postgresInteger<Integer: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: Integer.Type = Integer.self) -> Integer? {
        guard offset >= 0, offset <= self.byteCount, self.byteCount &- offset >= MemoryLayout<Integer>.size else { return nil }
        return Integer(bigEndian: unsafe self.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Integer.self))
    }
}
