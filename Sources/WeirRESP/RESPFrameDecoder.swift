import NIOCore

/// Turns bytes into ``RESPFrame``s in a pipeline: replies for a client, or what a proxy passes on.
///
/// Put it in as `ByteToMessageHandler(RESPFrameDecoder())`, or drive it by `NIOSingleStepByteToMessageProcessor`. A handler that decodes by
/// itself saves the pipeline's step: ``RESPFrameReader``.
///
/// - Throws: ``RESPError`` on bytes that are not RESP and on limits passed. The decoder then stays failed: the stream has lost its frame,
///   so the connection is of no more use.
public struct RESPFrameDecoder: NIOSingleStepByteToMessageDecoder {
    public typealias InboundOut = RESPFrame

    private var scanner: RESPFrameScanner

    /// A decoder with these limits.
    public init(limits: RESPLimits = RESPLimits()) {
        self.scanner = RESPFrameScanner(limits: limits)
    }

    /// One frame, or nil while it is not whole yet.
    ///
    /// - Complexity: amortized, linear in the bytes that are new.
    public mutating func decode(buffer: inout ByteBuffer) throws -> RESPFrame? {
        guard buffer.readableBytes > 0, let length = try self.scanner.scan(buffer) else { return nil }
        return buffer.readSlice(length: length).map(RESPFrame.init(checked:))
    }

    /// As ``decode(buffer:)``; a value cut short by the end of the stream is an error.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPFrame? {
        if let frame = try self.decode(buffer: &buffer) { return frame }
        if seenEOF, buffer.readableBytes > 0 { throw RESPError(.unexpectedEnd, "the stream ended in the middle of a value") }
        return nil
    }
}
