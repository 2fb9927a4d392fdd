/// The rest of a line that announces a length or a count: digits, `-1` where RESP2 means null, `?` where RESP3 streams.
struct RESPLengthLine {
    /// Minus one for a null; minus two for a stream.
    let length: Int
    /// After its LF; 0 if the line is not whole.
    let end: Int

    var isStreamed: Bool { self.length == -2 }

    private init(length: Int, end: Int) {
        self.length = length
        self.end = end
    }

    /// Reads it strictly: no sign, no leading zero, no space, at most nineteen digits.
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(RESPError) {
        var index = start
        var value = 0
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            // Eighteen digits fit for sure.
            guard index - start < 18 else {
                self = try Self.long(bytes, at: start)
                return
            }
            value = value &* 10 &+ Int(digit)
            index += 1
        }
        guard index + 1 < bytes.count, index > start, bytes[index] == UInt8(ascii: "\r"), bytes[index + 1] == UInt8(ascii: "\n"),
            bytes[start] != UInt8(ascii: "0") || index == start + 1
        else {
            self = try Self.unusual(bytes, at: start, digitsEnd: index)
            return
        }
        self.init(length: value, end: index + 2)
    }

    /// A null, a stream, a line that is cut off, or one that is wrong.
    @inline(never)
    private static func unusual(_ bytes: UnsafeRawBufferPointer, at start: Int, digitsEnd: Int) throws(RESPError) -> RESPLengthLine {
        var index = digitsEnd
        var length = 0
        if digitsEnd == start, start < bytes.count {
            switch bytes[start] {
            case UInt8(ascii: "-"):
                guard start + 1 < bytes.count else { return RESPLengthLine(length: 0, end: 0) }
                guard bytes[start + 1] == UInt8(ascii: "1") else { throw RESPError(.malformedNumber, "a negative length") }
                (index, length) = (start + 2, -1)
            case UInt8(ascii: "?"): (index, length) = (start + 1, -2)
            case UInt8(ascii: "\n"): throw RESPError(.malformedLine, "LF without CR")
            default: throw RESPError(.malformedNumber, "a length with something else in it")
            }
        } else if digitsEnd > start + 1, bytes[start] == UInt8(ascii: "0") {
            throw RESPError(.malformedNumber, "a number with a leading zero")
        }
        return try self.lineEnd(bytes, at: index, length: length)
    }

    /// Nineteen digits, perhaps: more than any limit, but to be told from what is no number at all.
    @inline(never)
    private static func long(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(RESPError) -> RESPLengthLine {
        let end = bytes[start...].prefix(20).firstIndex { $0 &- UInt8(ascii: "0") > 9 } ?? min(bytes.count, start + 20)
        guard let value = RESPNumber.integer(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else {
            throw RESPError(.malformedNumber, "a number out of range or with a leading zero")
        }
        return try self.lineEnd(bytes, at: end, length: Int(value))
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, at index: Int, length: Int) throws(RESPError) -> RESPLengthLine {
        guard index < bytes.count else { return RESPLengthLine(length: 0, end: 0) }
        guard bytes[index] == UInt8(ascii: "\r") else {
            if bytes[index] == UInt8(ascii: "\n") { throw RESPError(.malformedLine, "LF without CR") }
            throw RESPError(.malformedNumber, "a length with something else in it")
        }
        guard index + 1 < bytes.count else { return RESPLengthLine(length: 0, end: 0) }
        guard bytes[index + 1] == UInt8(ascii: "\n") else { throw RESPError(.malformedLine, "CR without LF") }
        return RESPLengthLine(length: length, end: index + 2)
    }
}
