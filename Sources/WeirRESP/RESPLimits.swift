/// What a peer may make a decoder hold. Each limit has its own error.
public struct RESPLimits: Hashable, Sendable {
    /// Bytes of a line without its CRLF: simple strings, errors, numbers. At least 32. 64 KiB unless set.
    public let maximumLineLength: Int
    /// Bytes of a bulk string, bulk error or verbatim string. 512 MiB unless set, as Redis has it.
    public let maximumBulkLength: Int
    /// Elements of one value, those of nested aggregates, map keys and attributes included. 1,048,576 unless set.
    public let maximumElements: Int
    /// Aggregates inside one another, the outermost included. 32 unless set; never over 128, as values made of them are freed recursively.
    public let maximumDepth: Int
    /// Bytes of one value with everything in it: what a connection can hold before it delivers. 1 GiB unless set; never over 2 GiB,
    /// as a buffer holds.
    public let maximumFrameLength: Int

    /// Limits to give to a decoder.
    /// - Precondition: each at least 1, the depth at most 128, the line length at least 32, the frame length at most 2 GiB.
    public init(
        maximumLineLength: Int = 64 * 1024, maximumBulkLength: Int = 512 * 1024 * 1024, maximumElements: Int = 1 << 20,
        maximumDepth: Int = 32, maximumFrameLength: Int = 1024 * 1024 * 1024
    ) {
        precondition(maximumLineLength >= 32, "a line must have room for a number")
        precondition(maximumBulkLength >= 1 && maximumElements >= 1 && maximumFrameLength >= 1, "a limit must be positive")
        precondition((1...128).contains(maximumDepth), "the depth limit must lie in 1...128")
        precondition(maximumFrameLength <= 1 << 31, "the limit on a frame's length must not pass 2 GiB")
        self.maximumLineLength = maximumLineLength
        self.maximumBulkLength = maximumBulkLength
        self.maximumElements = maximumElements
        self.maximumDepth = maximumDepth
        self.maximumFrameLength = maximumFrameLength
    }
}
