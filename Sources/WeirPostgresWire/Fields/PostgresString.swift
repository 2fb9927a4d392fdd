public import NIOCore

/// A string of the protocol as its bytes, without the terminator: a slice of the message, made a `String` when asked.
///
/// The bytes are in the encoding that `client_encoding` says, which is UTF-8 for everyone who does not ask for trouble.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-message-types.html>.
public struct PostgresString: Hashable, Sendable, ExpressibleByStringLiteral, PostgresText {
    /// What it is made of.
    public let bytes: ByteBuffer

    /// A string of these bytes. That there is no NUL among them is checked when it is written.
    @inlinable
    public init(_ bytes: ByteBuffer) { self.bytes = bytes }

    /// A string's UTF-8, copied.
    public init(_ string: String) { self.init(ByteBuffer(string: string)) }

    /// The literal's UTF-8.
    public init(stringLiteral value: String) { self.init(value) }

    /// It as text; what is not UTF-8 is replaced.
    ///
    /// - Complexity: linear in its length: a copy.
    public var string: String { String(buffer: self.bytes) }

    /// Whether there is nothing in it.
    public var isEmpty: Bool { self.bytes.readableBytes == 0 }

    /// How many bytes it has.
    @inlinable public var postgresByteCount: Int { self.bytes.readableBytes }

    /// Calls the closure with its bytes.
    @inlinable
    public func withPostgresBytes(_ body: (UnsafeRawBufferPointer) -> Void) { self.bytes.withUnsafeReadableBytes { body($0) } }

    /// Whether its bytes are the string's UTF-8.
    ///
    /// - Complexity: linear in the shorter, without an allocation.
    public static func == (string: PostgresString, other: String) -> Bool {
        string.bytes.readableBytesView.elementsEqual(other.utf8)
    }
}

/// Shows the length only: it may be a password or a statement with secrets.
extension PostgresString: CustomStringConvertible {
    /// The length.
    public var description: String { "PostgresString(\(self.bytes.readableBytes) bytes)" }
}
