/// Finds its way in bytes that a scanner has accepted: nothing is checked again.
///
/// But for ``endOfString(_:at:limit:longest:)``, by which scanners find what is whole.
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
        while bytes[at] == self.attribute {
            let line = self.length(bytes, at: at + 1)
            at = line.isStreamed ? self.skip(bytes, at: line.end, 1, streams: 1) : self.skip(bytes, at: line.end, line.length * 2)
        }
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

    /// Where the string at `at` ends, if it is one that is whole and well: of up to eight digits, within the limit, at most so long. Nothing
    /// may be known of the bytes.
    @inline(__always)
    static func endOfString(_ bytes: UnsafeRawBufferPointer, at: Int, limit: Int, longest: Int) -> Int? {
        // The shortest has six bytes.
        guard at + 6 <= limit, bytes[at] == UInt8(ascii: "$") else { return nil }
        var length = Int(bytes[at + 1] &- UInt8(ascii: "0"))
        guard length <= 9 else { return nil }
        var index = at + 2
        if length > 0 {
            // Eight digits at most, so that nothing can overflow.
            let digitsEnd = min(at + 9, limit - 4)
            while index < digitsEnd {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit <= 9 else { break }
                length = length &* 10 &+ Int(digit)
                index += 1
            }
        }
        let lineEnd = UInt16(bigEndian: 0x0D0A)
        let end = index &+ length &+ 4
        guard end <= limit, length <= longest,
            bytes.loadUnaligned(fromByteOffset: index, as: UInt16.self) == lineEnd,
            bytes.loadUnaligned(fromByteOffset: end - 2, as: UInt16.self) == lineEnd
        else { return nil }
        return end
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
        return self.skip(bytes, at: at, 1)
    }

    /// Where the next values end that stand in a row, however deep they are nested.
    ///
    /// What an aggregate contains is added to what is missing. In a stream nothing need be counted but the streams in it, as the scanner
    /// has seen that all else in it is complete where it ends.
    ///
    /// - Parameters:
    ///   - missing: how many values; a stream that is open counts as one.
    ///   - streams: how many are open at `at`, 0 or 1.
    @inline(never)
    @usableFromInline
    static func skip(_ bytes: UnsafeRawBufferPointer, at: Int, _ missing: Int, streams: Int = 0) -> Int {
        var (at, missing, streams) = (at, missing, streams)
        var isAttribute = false
        while missing > 0 {
            let type = bytes[at]
            var isValue = true
            if let perEntry = self.perEntry(type) {
                let line = self.length(bytes, at: at + 1)
                at = line.end
                if line.isStreamed {
                    if streams == 0 { isAttribute = type == self.attribute }
                    streams += 1
                } else if streams == 0 {
                    missing += max(line.length, 0) * perEntry
                    isValue = type != self.attribute
                }
            } else if type == self.endOfStream {
                at += 3
                streams -= 1
                isValue = !isAttribute
            } else {
                at = self.endOfScalar(bytes, at: at, type)
            }
            if isValue, streams == 0 { missing -= 1 }
        }
        return at
    }

    @inline(__always)
    private static func endOfScalar(_ bytes: UnsafeRawBufferPointer, at: Int, _ type: UInt8) -> Int {
        switch type {
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="):
            let line = self.length(bytes, at: at + 1)
            if line.isStreamed { return self.endOfPieces(bytes, at: line.end) }
            return line.length < 0 ? line.end : line.end + line.length + 2
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
}
