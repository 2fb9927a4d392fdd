public import NIOCore

/// One message as the bytes it came in: its kind and length are checked, its content is when a ``PostgresMessage`` is made of it.
///
/// The bytes are a slice of the read buffer, so a proxy forwards them untouched and nothing is copied; keeping a small message keeps the
/// read buffer alive, copy what is to be kept for long. As large as a `ByteBuffer`, so it passes through a `ChannelPipeline` without an
/// allocation. It does not know who sent it: ask for ``backendKind`` or ``frontendKind``.
///
/// Two frames are equal if their bytes are.
///
/// Source: <https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS>.
public struct PostgresFrame: Hashable, Sendable {
    /// The message as it was on the wire: tag, length and payload; a start-up packet has no tag, the answer to a request for encryption
    /// is one byte.
    public let bytes: ByteBuffer

    /// - Parameter bytes: exactly one message, which a scanner has accepted.
    @inlinable @inline(__always)
    init(checked bytes: ByteBuffer) {
        self.bytes = bytes
    }

    /// Reads bytes that hold one message and nothing else.
    ///
    /// - Parameters:
    ///   - bytes: a message with a tag; a start-up packet begins with the zero byte of its length, and is one of a frontend's.
    ///   - sender: whose message it is.
    ///   - limits: what it may be at most.
    /// - Throws: ``PostgresWireError``; ``PostgresWireError/Code/unexpectedEnd`` if the message is not whole,
    ///   ``PostgresWireError/Code/trailingBytes`` if something follows it.
    public init(_ bytes: ByteBuffer, from sender: PostgresSender, limits: PostgresWireLimits = PostgresWireLimits())
        throws(PostgresWireError)
    {
        let isUntagged = sender == .frontend && bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == 0
        let scanner = PostgresFrameScanner(from: sender, phase: isUntagged ? .startup : .session, limits: limits)
        let header = try bytes.readableBytesSpan.withUnsafeBytes { bytes throws(PostgresWireError) in try scanner.peek(bytes, at: 0) }
        guard let header, header.length <= bytes.readableBytes else {
            throw PostgresWireError(.unexpectedEnd, "the bytes end in the middle of a message")
        }
        guard header.length == bytes.readableBytes else { throw PostgresWireError(.trailingBytes, "something follows the message") }
        self.init(checked: bytes)
    }

    /// Its first byte, which names the message; 0 of a start-up packet, which has none.
    @inlinable
    public var tag: UInt8 {
        guard let tag = self.bytes.getInteger(at: self.bytes.readerIndex, as: UInt8.self) else {
            preconditionFailure("a frame that no scanner has accepted")
        }
        return tag
    }

    /// What it is if a server sent it; nil if that is no such message, or the one byte that answers a request for encryption.
    @inlinable
    public var backendKind: PostgresBackend.Kind? { self.isEncryptionResponse ? nil : PostgresBackend.Kind(rawValue: self.tag) }

    /// What it is if a client sent it; nil if that is no such message.
    @inlinable
    public var frontendKind: PostgresFrontend.Kind? { self.isEncryptionResponse ? nil : PostgresFrontend.Kind(rawValue: self.tag) }

    /// Whether it is a server's one byte of answer to SSLRequest or GSSENCRequest.
    @inlinable
    public var isEncryptionResponse: Bool { self.bytes.readableBytes == 1 }

    /// What follows tag and length; of a start-up packet, from its version or request code on.
    @inlinable
    public var payload: ByteBuffer {
        var payload = self.bytes
        payload.moveReaderIndex(forwardBy: self.isEncryptionResponse ? 1 : self.tag == 0 ? 4 : 5)
        return payload
    }
}

/// Shows the tag and the length only: a message may hold secrets.
extension PostgresFrame: CustomStringConvertible {
    /// The tag and the length.
    public var description: String { "PostgresFrame(tag \(self.tag), \(self.bytes.readableBytes) bytes)" }
}
