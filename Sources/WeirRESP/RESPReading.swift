/// Finds its way in bytes that a scanner has accepted: nothing is checked again.
@usableFromInline
enum RESPReading {
    @inlinable static var attribute: UInt8 { UInt8(ascii: "|") }
    @inlinable static var endOfStream: UInt8 { UInt8(ascii: ".") }

    /// How many values an entry of an aggregate has; nil for what is none.
    @inlinable @inline(__always)
    static func perEntry(_ type: UInt8) -> Int? {
        switch type {
        case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"): return 1
        case UInt8(ascii: "%"), UInt8(ascii: "|"): return 2
        default: return nil
        }
    }

    /// Where the value begins whose attributes begin at `at`.
    @inlinable @inline(__always)
    static func value(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        bytes[at] == self.attribute ? self.afterAttributes(bytes, at: at) : at
    }

    @inline(never)
    @usableFromInline
    static func afterAttributes(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        var at = at
        while bytes[at] == self.attribute { at = self.endOfAggregate(bytes, at: at) }
        return at
    }

    /// The number in the line of a length or count, and where the line ends.
    @inlinable @inline(__always)
    static func length(_ bytes: UnsafeRawBufferPointer, at start: Int) -> (length: Int, end: Int, isStreamed: Bool) {
        var index = start
        var value = 0
        while true {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value &* 10 &+ Int(digit)
            index += 1
        }
        if index > start { return (value, index + 2, false) }
        return bytes[start] == UInt8(ascii: "?") ? (-2, start + 3, true) : (-1, start + 4, false)
    }

    /// After the LF of the line that begins at `at`.
    static func lineEnd(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        var index = at + 1
        while bytes[index] != UInt8(ascii: "\r") { index += 1 }
        return index + 2
    }

    /// What stands in the line that begins at `at`, without the type and CRLF.
    static func line(_ bytes: UnsafeRawBufferPointer, at: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[(at + 1)..<(self.lineEnd(bytes, at: at) - 2)])
    }

    /// Where the value at `at` ends, its attributes included.
    @inlinable @inline(__always)
    static func end(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        if bytes[at] == UInt8(ascii: "$") {
            let line = self.length(bytes, at: at + 1)
            if line.length >= 0 { return line.end + line.length + 2 }
        }
        return self.endOfOther(bytes, at: at)
    }

    @inline(never)
    @usableFromInline
    static func endOfOther(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        let at = self.value(bytes, at: at)
        switch bytes[at] {
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="):
            let line = self.length(bytes, at: at + 1)
            if line.isStreamed { return self.endOfPieces(bytes, at: line.end) }
            return line.length < 0 ? line.end : line.end + line.length + 2
        case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "%"):
            return self.endOfAggregate(bytes, at: at)
        default:
            return self.lineEnd(bytes, at: at)
        }
    }

    private static func endOfPieces(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int {
        var at = start
        while true {
            let line = self.length(bytes, at: at + 1)
            if line.length == 0 { return line.end }
            at = line.end + line.length + 2
        }
    }

    /// Walks over an aggregate. Recursive: as deep as the scanner's limit allowed.
    private static func endOfAggregate(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int {
        let line = self.length(bytes, at: at + 1)
        var next = line.end
        if line.isStreamed {
            while bytes[next] != self.endOfStream { next = self.end(bytes, at: next) }
            return next + 3
        }
        guard line.length > 0, let perEntry = self.perEntry(bytes[at]) else { return next }
        for _ in 0..<(line.length * perEntry) { next = self.end(bytes, at: next) }
        return next
    }
}
