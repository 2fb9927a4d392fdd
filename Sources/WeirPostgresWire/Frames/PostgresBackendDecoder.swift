public import NIOCore

/// Turns what a server sends into ``PostgresFrame``s in a pipeline, for a client or a proxy.
///
/// Put it in as `ByteToMessageHandler(PostgresBackendDecoder())`, or drive it by `NIOSingleStepByteToMessageProcessor`. A handler that reads
/// bytes by itself, or passes large messages on in pieces, uses ``PostgresFrameScanner``.
///
/// - Throws: ``PostgresWireError`` on what is no message and on limits passed. The decoder then stays failed: the stream has lost its frame,
///   so the connection is of no more use.
public struct PostgresBackendDecoder: NIOSingleStepByteToMessageDecoder {
    /// One whole message.
    public typealias InboundOut = PostgresFrame

    private var base: PostgresFrameDecoding

    /// A decoder with these limits.
    ///
    /// - Parameters:
    ///   - limits: what messages may be at most.
    ///   - phase: how far the connection is. A client that asked for encryption begins with
    ///     ``PostgresFrameScanner/Phase/encryptionResponse(_:)``: the first frame is then the server's one byte of answer (or an
    ///     ErrorResponse, which nobody may believe and after which nothing may come). It is an error if something follows that byte unasked.
    public init(limits: PostgresWireLimits = PostgresWireLimits(), phase: PostgresFrameScanner.Phase = .login) {
        self.base = PostgresFrameDecoding(scanner: PostgresFrameScanner(from: .backend, phase: phase, limits: limits))
    }

    /// One frame, or nil while it is not whole yet.
    ///
    /// - Complexity: O(1).
    public mutating func decode(buffer: inout ByteBuffer) throws -> PostgresFrame? { try self.base.decode(&buffer) }

    /// As ``decode(buffer:)``; a message cut short by the end of the stream is an error.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> PostgresFrame? {
        try self.base.decodeLast(&buffer, seenEOF: seenEOF)
    }
}
