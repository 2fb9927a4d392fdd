public import NIOCore

/// Turns what a client sends into ``PostgresFrame``s in a pipeline, for a server or a proxy: start-up packets first, then messages with a
/// tag.
///
/// After a request for encryption nothing may be in the buffer, and each may be made once; whoever answers `S` or `G` puts the handler that
/// decrypts before this one. A CancelRequest is the last frame. Until the client has logged in, messages are small: tell it by
/// ``completeLogin()``, or, in a pipeline, where nobody reaches the decoder, by a ``PostgresLoginGate``.
///
/// - Throws: ``PostgresWireError`` on what is no message and on limits passed. The decoder then stays failed.
public struct PostgresFrontendDecoder: NIOSingleStepByteToMessageDecoder {
    /// One whole message or start-up packet.
    public typealias InboundOut = PostgresFrame

    private var base: PostgresFrameDecoding
    private let gate: PostgresLoginGate?

    /// A decoder with these limits.
    ///
    /// - Parameters:
    ///   - limits: what messages may be at most.
    ///   - phase: how far the connection is: ``PostgresFrameScanner/Phase/session`` if others have taken care of what comes before.
    ///   - gate: what says that the login is complete; of the same event loop.
    public init(
        limits: PostgresWireLimits = PostgresWireLimits(), phase: PostgresFrameScanner.Phase = .startup, gate: PostgresLoginGate? = nil
    ) {
        self.base = PostgresFrameDecoding(scanner: PostgresFrameScanner(from: .frontend, phase: phase, limits: limits))
        self.gate = gate
    }

    /// The client has proved who it is: its messages may be as long as the limits allow from now on.
    public mutating func completeLogin() { self.base.completeLogin() }

    /// One frame, or nil while it is not whole yet.
    ///
    /// - Complexity: O(1).
    public mutating func decode(buffer: inout ByteBuffer) throws -> PostgresFrame? {
        if let gate, gate.isOpen { self.base.completeLogin() }
        return try self.base.decode(&buffer)
    }

    /// As ``decode(buffer:)``; a message cut short by the end of the stream is an error.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> PostgresFrame? {
        if let gate, gate.isOpen { self.base.completeLogin() }
        return try self.base.decodeLast(&buffer, seenEOF: seenEOF)
    }
}

/// Tells a ``PostgresFrontendDecoder`` in a pipeline that its client has logged in. One connection's, touched on its event loop only.
public final class PostgresLoginGate {
    /// Whether the login is complete.
    public private(set) var isOpen = false

    /// A gate for one connection, shut.
    public init() {}

    /// The client has proved who it is.
    public func open() { self.isOpen = true }
}
