import NIOCore

/// Turns what a client sends into ``RESPRequest``s, for a server or a proxy: arrays of strings, and the inline form that people type.
///
/// As Redis does it, an empty command is passed over, and a line that does not begin with `*` is an inline command: words between blanks,
/// `"…"` with escapes (`\n`, `\x41`, `\"`), `'…'` with `\'`. The limits that count are those on elements, bulk length, line length and
/// frame length.
///
/// - Throws: ``RESPError`` on what is no command and on limits passed. The decoder then stays failed.
public struct RESPRequestDecoder: NIOSingleStepByteToMessageDecoder {
    public typealias InboundOut = RESPRequest

    private let limits: RESPLimits
    private var scanner: RESPCommandScanner
    /// Bytes without a line's end, of an inline command.
    private var searched = 0
    private var failure: RESPError?

    /// A decoder with these limits.
    public init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
        self.scanner = RESPCommandScanner(limits: limits)
    }

    /// One command, or nil while it is not whole yet.
    ///
    /// - Complexity: amortized, linear in the bytes that are new.
    public mutating func decode(buffer: inout ByteBuffer) throws -> RESPRequest? {
        if let failure { throw failure }
        do throws(RESPError) {
            while buffer.readableBytes > 0 {
                switch try self.scan(buffer) {
                case .command(let command): return buffer.readSlice(length: command.end).map(RESPRequest.init(checked:))
                case .empty(let end): buffer.moveReaderIndex(forwardBy: end)
                case .cutOff: return nil
                case .inline:
                    guard let line = try self.takeLine(&buffer) else { return nil }
                    let words = try RESPInlineCommand.words(line)
                    if words.isEmpty { continue }
                    try self.checkInline(words)
                    return RESPRequest(words)
                }
            }
            return nil
        } catch {
            self.failure = error
            throw error
        }
    }

    /// As ``decode(buffer:)``; a command cut short by the end of the stream is an error.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPRequest? {
        if let request = try self.decode(buffer: &buffer) { return request }
        if seenEOF, buffer.readableBytes > 0 { throw RESPError(.unexpectedEnd, "the stream ended in the middle of a command") }
        return nil
    }

    private mutating func scan(_ buffer: ByteBuffer) throws(RESPError) -> RESPCommandScanner.Found {
        try buffer.readableBytesSpan.withUnsafeBytes { bytes throws(RESPError) in try self.scanner.next(bytes, at: 0) }
    }

    // MARK: Inline commands

    /// A line, its end not included: LF, as Redis takes it, with or without CR.
    private mutating func takeLine(_ buffer: inout ByteBuffer) throws(RESPError) -> ByteBuffer? {
        let limit = min(self.limits.maximumLineLength, self.limits.maximumFrameLength)
        let view = buffer.readableBytesView
        let found = view[(view.startIndex + self.searched)...].firstIndex(of: UInt8(ascii: "\n"))
        let length = found.map { $0 - view.startIndex } ?? view.count
        // One for a CR.
        guard length <= limit + 1 else { throw RESPError(.lineTooLong, "an inline command is longer than the limit") }
        guard found != nil else {
            self.searched = length
            return nil
        }
        self.searched = 0
        guard var line = buffer.readSlice(length: length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 1)
        if line.readableBytesView.last == UInt8(ascii: "\r") { line.moveWriterIndex(to: line.writerIndex - 1) }
        guard line.readableBytes <= limit else { throw RESPError(.lineTooLong, "an inline command is longer than the limit") }
        return line
    }

    /// What holds for the other form holds for this one.
    private func checkInline(_ words: [ByteBuffer]) throws(RESPError) {
        guard words.count <= self.limits.maximumElements else {
            throw RESPError(.tooManyElements, "a command has more arguments than the limit")
        }
        guard words.allSatisfy({ $0.readableBytes <= self.limits.maximumBulkLength }) else {
            throw RESPError(.bulkTooLong, "a string is longer than the limit")
        }
    }
}
