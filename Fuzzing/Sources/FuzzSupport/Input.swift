public import NIOCore

/// What the fuzzer made up.
public struct Input {
    /// All of it, in memory of exactly its length.
    public let bytes: ByteBuffer
    /// FNV-1a: any change of the input makes another.
    private let hash: UInt64

    public init(_ start: UnsafePointer<UInt8>?, _ count: Int) {
        var bytes = ByteBuffer()
        bytes.writeBytes(UnsafeRawBufferPointer(start: start, count: count))
        self.bytes = bytes
        self.hash = bytes.readableBytesView.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// A number that depends on the input; those of different places do not depend on each other.
    public func number(_ range: ClosedRange<Int>, _ place: Int) -> Int {
        range.lowerBound + Int((self.hash >> (place * 8)) % UInt64(range.count))
    }

    /// All of it in two pieces, cut at a place that depends on it.
    public var inTwo: [ByteBuffer] {
        let cut = Int(self.hash % UInt64(self.bytes.readableBytes + 1))
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
