public import NIOCore

/// One kind of message: read from a frame, all of it checked, and written as it is on the wire.
///
/// What it holds are slices of the frame, so nothing is copied to look at it; what is kept for long had better be copied. Whatever is read
/// is written as the same bytes.
public protocol PostgresMessage: Hashable, Sendable, CustomStringConvertible {
    /// Reads a frame of this kind.
    ///
    /// - Throws: ``PostgresWireError``; ``PostgresWireError/Code/unexpectedKind`` if the frame is of another kind.
    /// - Complexity: linear in the parts of the message; values are not looked at.
    init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError)

    /// Appends the message.
    ///
    /// - Parameters:
    ///   - buffer: what may hold other messages already. As it was, if an error is thrown.
    ///   - maximumLength: what its length may be at most; never over 2^31-1, whatever is given.
    /// - Throws: ``PostgresWireError`` if it is too long, has too many parts, or has NUL in a string.
    /// - Complexity: linear in the message: it is copied.
    func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError)
}

extension PostgresMessage {
    /// Its name and nothing of what it holds, which may be secret.
    public var description: String { "\(Self.self)" }

    /// Reads a frame of this kind within the default limits.
    ///
    /// - Throws: ``PostgresWireError``.
    public init(_ frame: PostgresFrame) throws(PostgresWireError) {
        try self.init(frame, limits: PostgresWireLimits())
    }

    /// Appends the message, at most 1 GiB.
    ///
    /// - Throws: ``PostgresWireError``; the buffer is as it was then.
    public func write(into buffer: inout ByteBuffer) throws(PostgresWireError) {
        try self.write(into: &buffer, maximumLength: PostgresWireLimits.defaultMaximumMessageLength)
    }
}

/// A message of a tag and nothing else.
public protocol PostgresEmptyMessage: PostgresMessage {
    /// Its first byte.
    static var tag: UInt8 { get }
    /// The message: there is only one.
    init()
}

extension PostgresEmptyMessage {
    /// Reads a frame of this kind.
    ///
    /// - Throws: ``PostgresWireError``; ``PostgresWireError/Code/unexpectedKind`` if the frame is of another kind.
    public init(_ frame: PostgresFrame, limits: PostgresWireLimits) throws(PostgresWireError) {
        let reader = try PostgresReader(frame, Self.tag)
        try reader.end()
        self.init()
    }

    /// Appends the message's five bytes.
    ///
    /// - Throws: ``PostgresWireError/Code/messageTooLong`` if the buffer has grown over 2 GiB.
    public func write(into buffer: inout ByteBuffer, maximumLength: Int) throws(PostgresWireError) {
        try buffer.writePostgresEmptyMessage(Self.tag)
    }
}
