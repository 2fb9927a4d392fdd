public import NIOCore

/// What the fuzzer made up.
public struct Input {
    /// All of it, in memory of exactly its length.
    public let bytes: ByteBuffer

    public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        var bytes = ByteBuffer()
        bytes.writeBytes(UnsafeRawBufferPointer(start: start, count: count))
        self.bytes = bytes
    }

    /// All of it in two pieces, cut at a place that depends on it.
    public var inTwo: [ByteBuffer] {
        // FNV-1a: any change moves the cut.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in self.bytes.readableBytesView { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let cut = Int(hash % UInt64(self.bytes.readableBytes + 1))
        return [self.piece(0..<cut), self.piece(cut..<self.bytes.readableBytes)]
    }

    /// All of it byte by byte, or as much as is worth the time.
    public var inBytes: [ByteBuffer] {
        let single = min(self.bytes.readableBytes, 40)
        return (0..<single).map { self.piece($0..<($0 + 1)) } + [self.piece(single..<self.bytes.readableBytes)]
    }

    private func piece(_ range: Range<Int>) -> ByteBuffer { ByteBuffer(bytes: self.bytes.readableBytesView[range]) }
}

/// Ends the process, which the fuzzer takes for a find.
public func expect(_ holds: Bool, _ what: @autoclosure () -> String, file: StaticString = #file, line: UInt = #line) {
    if !holds { fatalError(what(), file: file, line: line) }
}
