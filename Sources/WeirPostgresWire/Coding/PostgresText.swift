public import NIOCore

/// What can be written as a string of the protocol: `String` in UTF-8, or ``PostgresString`` as its bytes are.
public protocol PostgresText {
    /// How many bytes it has, without the terminator.
    var postgresByteCount: Int { get }
    /// Appends exactly that many bytes.
    func writePostgresBytes(into buffer: inout ByteBuffer)
}

extension String: PostgresText {
    /// How many bytes it has in UTF-8.
    @inlinable public var postgresByteCount: Int { self.utf8.count }
    /// Appends its UTF-8.
    @inlinable public func writePostgresBytes(into buffer: inout ByteBuffer) { buffer.writeString(self) }
}
