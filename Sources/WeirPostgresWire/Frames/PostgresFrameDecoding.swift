import NIOCore

/// What the decoders of both directions do.
struct PostgresFrameDecoding {
    private(set) var scanner: PostgresFrameScanner
    private var failure: PostgresWireError?

    init(scanner: PostgresFrameScanner) { self.scanner = scanner }

    mutating func completeLogin() { self.scanner.completeLogin() }

    mutating func decode(_ buffer: inout ByteBuffer) throws(PostgresWireError) -> PostgresFrame? {
        if let failure { throw failure }
        do throws(PostgresWireError) {
            let header = try buffer.readableBytesSpan.withUnsafeBytes { bytes throws(PostgresWireError) in
                try self.scanner.next(bytes, at: 0)
            }
            return header.flatMap { buffer.readSlice(length: $0.length) }.map(PostgresFrame.init(checked:))
        } catch {
            self.failure = error
            throw error
        }
    }

    mutating func decodeLast(_ buffer: inout ByteBuffer, seenEOF: Bool) throws(PostgresWireError) -> PostgresFrame? {
        if let frame = try self.decode(&buffer) { return frame }
        if seenEOF, buffer.readableBytes > 0 {
            throw PostgresWireError(.unexpectedEnd, "the stream ended in the middle of a message")
        }
        return nil
    }
}
