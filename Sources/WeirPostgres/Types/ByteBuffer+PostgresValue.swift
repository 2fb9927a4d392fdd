public import NIOCore

extension ByteBuffer {
    /// Appends a value as it stands in Bind, in arrays and in composites: its length in four bytes and its bytes, or -1 for NULL.
    ///
    /// When it throws, the buffer is as it was.
    ///
    /// - Complexity: O(bytes of the value), no allocation but the buffer's own growth.
    @inlinable
    public mutating func writePostgresValue(_ value: some PostgresEncodable) throws(PostgresEncodingError) {
        try value.encodePostgresWithLength(into: &self)
    }

    /// Length and value of a type of fixed size.
    @inlinable @inline(__always)
    mutating func writePostgresInteger<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
        let size = MemoryLayout<Integer>.size
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: 4 + size) { bytes in
            bytes.storeBytes(of: Int32(truncatingIfNeeded: size).bigEndian, as: Int32.self)
            bytes.storeBytes(of: value.bigEndian, toByteOffset: 4, as: Integer.self)
            return 4 + size
        }
    }
}
