public import NIOCore

extension ByteBuffer {
    /// Appends a value as it stands in Bind, in arrays and in composites: its length in four bytes and its bytes, or -1 for NULL.
    ///
    /// When it throws, the buffer is as it was.
    ///
    /// - Complexity: O(bytes of the value), no allocation but the buffer's own growth.
    @inlinable
    public mutating func writePostgresValue(_ value: some PostgresEncodable) throws(PostgresEncodingError) {
        if value.isPostgresNull {
            self.writeInteger(-1 as Int32)
            return
        }
        let start = self.writerIndex
        self.writeInteger(0 as Int32)
        do throws(PostgresEncodingError) {
            try value.encodePostgres(into: &self)
            guard let length = UInt32(exactly: self.writerIndex - start - 4), length <= UInt32(Int32.max) else {
                throw PostgresEncodingError("a value longer than 2 GB")
            }
            self.setInteger(length, at: start)
        } catch {
            self.moveWriterIndex(to: start)
            throw error
        }
    }
}
