/// What can be written as a string of the protocol: `String` in UTF-8, or ``PostgresString`` as its bytes are.
public protocol PostgresText {
    /// How many bytes it has, without the terminator.
    var postgresByteCount: Int { get }
    /// Calls the closure once, with exactly that many bytes.
    func withPostgresBytes(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension String: PostgresText {
    /// How many bytes it has in UTF-8.
    @inlinable public var postgresByteCount: Int { self.utf8.count }
    /// Calls the closure with its UTF-8.
    @inlinable
    public func withPostgresBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        var text = self
        text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
