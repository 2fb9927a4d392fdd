import NIOCore

/// Finds where a value of the protocol ends, and checks all of it on the way: types, lengths, numbers, nesting, limits.
///
/// It is shown the bytes from the start of a value on, as often as there are more of them, and goes on where it stopped; only the line
/// of a length or number that was cut off, 23 bytes at most, is read again. So the work is linear in the bytes however they arrive.
/// Nothing is reserved because a peer announced it, and nesting costs no call stack: what contains the current aggregate waits on a list
/// as long as the depth.
///
/// - Throws: ``RESPError`` on bytes that are not RESP and on limits passed. The stream has lost its frame then: the scanner must not be
///   asked again.
public struct RESPFrameScanner: Sendable {
    /// An aggregate that is not complete.
    private struct Level {
        /// Elements to come; of maps, keys and values.
        var missing: Int
        /// An attribute is no element of what contains it.
        var isAttribute = false
        /// Ends with a line of its own instead of by its count.
        var isStreamed = false
        /// A streamed map needs as many values as keys.
        var isMap = false
    }

    /// What is accepted at most.
    public let limits: RESPLimits

    /// Bytes of the value that have been checked.
    private var position = 0
    /// The end of a string whose length has been read, its CRLF included; 0 without one.
    private var payloadEnd = 0
    private var isVerbatim = false
    private var isInStreamedString = false
    /// An attribute has been read, and what it is about has not.
    private var isValueDue = false
    /// Bytes after ``position`` without a line's end.
    private var searched = 0
    private var current = Level(missing: 1)
    /// What contains ``current``, the value itself first.
    private var outer: [Level] = []
    /// Elements announced so far by all aggregates of the value.
    private var elements = 0

    /// A scanner with these limits.
    public init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
    }

    /// Whether it is in the middle of a value.
    public var isInsideFrame: Bool { self.position > 0 || self.payloadEnd > 0 || self.searched > 0 }

    /// Looks at the bytes from the start of a value on.
    ///
    /// - Parameter bytes: all bytes of the value that are there, those of earlier calls included, and perhaps more.
    /// - Returns: the length of the value once it is whole; nil before. The next call is about the value after it.
    public mutating func scan(_ bytes: UnsafeRawBufferPointer) throws(RESPError) -> Int? {
        var at = self.position
        while true {
            if self.payloadEnd > 0 {
                guard bytes.count >= self.payloadEnd else { break }
                try self.checkPayload(bytes, from: at)
                at = self.payloadEnd
                self.payloadEnd = 0
                if self.isInStreamedString { continue }
            } else {
                guard at < bytes.count else { break }
                let next: Int
                if bytes[at] == UInt8(ascii: "$"), !self.isInStreamedString {
                    // What most replies are made of.
                    let line = try RESPLengthLine(bytes, at: at + 1)
                    guard line.end > 0 else { break }
                    if line.length >= 0 {
                        at = line.end
                        try self.beginPayload(line.length, at: at)
                        continue
                    }
                    if line.isStreamed {
                        at = line.end
                        self.isInStreamedString = true
                        continue
                    }
                    next = line.end
                } else {
                    next = try self.scanOther(bytes, at: at)
                    if next == 0 { break }
                    if next < 0 {
                        at = -next
                        continue
                    }
                }
                at = next
            }
            self.isValueDue = false
            self.current.missing -= 1
            if self.current.isStreamed { try self.countStreamed() }
            if self.current.missing == 0, self.completeLevels() {
                self.position = 0
                self.elements = 0
                try self.checkLength(at)
                return at
            }
        }
        self.position = at
        try self.checkLength(at)
        return nil
    }

    /// As ``scan(_:)`` with what is readable in a buffer.
    @inline(__always)
    mutating func scan(_ buffer: ByteBuffer) throws(RESPError) -> Int? {
        try buffer.readableBytesSpan.withUnsafeBytes { bytes throws(RESPError) in try self.scan(bytes) }
    }

    private func checkLength(_ length: Int) throws(RESPError) {
        guard length <= self.limits.maximumFrameLength else { throw RESPError(.frameTooLong, "a value is longer than the limit") }
    }

    // MARK: Strings

    private mutating func beginPayload(_ length: Int, at start: Int) throws(RESPError) {
        guard length <= self.limits.maximumBulkLength else { throw RESPError(.bulkTooLong, "a string is longer than the limit") }
        // The position grows by what has arrived, so this cannot overflow.
        guard start + 2 <= self.limits.maximumFrameLength - length else {
            throw RESPError(.frameTooLong, "a value is longer than the limit")
        }
        self.payloadEnd = start + length + 2
    }

    private mutating func checkPayload(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(RESPError) {
        guard bytes[self.payloadEnd - 2] == UInt8(ascii: "\r"), bytes[self.payloadEnd - 1] == UInt8(ascii: "\n") else {
            throw RESPError(.malformedLine, "a string does not end where its length says")
        }
        if self.isVerbatim {
            self.isVerbatim = false
            guard self.payloadEnd - start >= 6, bytes[start + 3] == UInt8(ascii: ":") else {
                throw RESPError(.malformedValue, "a verbatim string without its three-letter format")
            }
        }
    }

    // MARK: Everything else

    /// Reads the line at `at`.
    ///
    /// - Returns: the end of a value; the negated end of something that is none by itself, as the line that opens an aggregate; 0 if the
    ///   line is not whole.
    private mutating func scanOther(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Int {
        let type = bytes[at]
        if self.isInStreamedString {
            guard type == UInt8(ascii: ";") else { throw RESPError(.malformedValue, "a streamed string with something else in it") }
            return try self.scanChunk(bytes, at: at)
        }
        switch type {
        case UInt8(ascii: ":"):
            return try self.scanShortLine(bytes, at: at, "an integer that is none") { RESPNumber.integer($0) != nil }
        case UInt8(ascii: "*"):
            return try self.open(bytes, at: at, perEntry: 1, mayBeNull: true)
        case UInt8(ascii: "%"):
            return try self.open(bytes, at: at, perEntry: 2, isMap: true)
        case UInt8(ascii: "~"):
            return try self.open(bytes, at: at, perEntry: 1)
        case UInt8(ascii: "|"):
            return try self.open(bytes, at: at, perEntry: 2, isMap: true, isAttribute: true)
        case UInt8(ascii: ">"):
            guard self.outer.isEmpty else { throw RESPError(.malformedValue, "a push inside another value") }
            return try self.open(bytes, at: at, perEntry: 1)
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            return try self.scanLine(bytes, at: at) { _ in true }
        case UInt8(ascii: "_"):
            return try self.scanShortLine(bytes, at: at, "a null with something in it") { $0.count == 0 }
        case UInt8(ascii: "#"):
            return try self.scanShortLine(bytes, at: at, "a boolean that is neither t nor f") {
                $0.count == 1 && ($0[0] == UInt8(ascii: "t") || $0[0] == UInt8(ascii: "f"))
            }
        case UInt8(ascii: ","):
            return try self.scanLine(bytes, at: at, RESPNumber.isDouble)
        case UInt8(ascii: "("):
            return try self.scanLine(bytes, at: at, RESPNumber.isBigNumber)
        case UInt8(ascii: "!"), UInt8(ascii: "="):
            let line = try RESPLengthLine(bytes, at: at + 1)
            guard line.end > 0 else { return 0 }
            guard line.length >= 0 else { throw RESPError(.malformedNumber, "a length that is none") }
            self.isVerbatim = type == UInt8(ascii: "=")
            try self.beginPayload(line.length, at: line.end)
            return -line.end
        case UInt8(ascii: "."):
            return try self.endStream(bytes, at: at)
        case UInt8(ascii: ";"):
            throw RESPError(.malformedValue, "a piece of a string outside a streamed one")
        default:
            throw RESPError(.unknownType, "a byte that names no type")
        }
    }

    /// A line of text. LF alone, CR alone: neither is a line's end nor part of one.
    private mutating func scanLine(
        _ bytes: UnsafeRawBufferPointer, at: Int, _ isValid: (UnsafeRawBufferPointer) -> Bool
    ) throws(RESPError) -> Int {
        let start = at + 1
        let limit = self.limits.maximumLineLength
        var index = start + self.searched
        while index < bytes.count, bytes[index] != UInt8(ascii: "\r"), bytes[index] != UInt8(ascii: "\n") { index += 1 }
        guard index - start <= limit else { throw RESPError(.lineTooLong, "a line is longer than the limit") }
        if index < bytes.count, bytes[index] == UInt8(ascii: "\n") { throw RESPError(.malformedLine, "LF without CR") }
        guard index + 1 < bytes.count else {
            self.searched = index - start
            return 0
        }
        guard bytes[index + 1] == UInt8(ascii: "\n") else { throw RESPError(.malformedLine, "CR without LF") }
        self.searched = 0
        guard isValid(UnsafeRawBufferPointer(rebasing: bytes[start..<index])) else {
            throw RESPError(.malformedNumber, "a number that is none")
        }
        return index + 2
    }

    /// A line that is short whatever its value. One that is cut off is read again.
    private func scanShortLine(
        _ bytes: UnsafeRawBufferPointer, at: Int, _ problem: StaticString, _ isValid: (UnsafeRawBufferPointer) -> Bool
    ) throws(RESPError) -> Int {
        let start = at + 1
        let limit = min(bytes.count, at + RESPNumber.longestLine)
        var index = start
        while index < limit, bytes[index] != UInt8(ascii: "\r") {
            if bytes[index] == UInt8(ascii: "\n") { throw RESPError(.malformedLine, "LF without CR") }
            index += 1
        }
        guard index < limit else {
            guard index < at + RESPNumber.longestLine else { throw RESPError(.malformedNumber, problem) }
            return 0
        }
        guard index + 1 < bytes.count else { return 0 }
        guard bytes[index + 1] == UInt8(ascii: "\n") else { throw RESPError(.malformedLine, "CR without LF") }
        guard isValid(UnsafeRawBufferPointer(rebasing: bytes[start..<index])) else { throw RESPError(.malformedNumber, problem) }
        return index + 2
    }

    // MARK: Aggregates

    private mutating func open(
        _ bytes: UnsafeRawBufferPointer, at: Int, perEntry: Int, isMap: Bool = false, isAttribute: Bool = false, mayBeNull: Bool = false
    ) throws(RESPError) -> Int {
        let line = try RESPLengthLine(bytes, at: at + 1)
        guard line.end > 0 else { return 0 }
        guard line.length >= 0 || line.isStreamed else {
            guard mayBeNull else { throw RESPError(.malformedNumber, "a count that is none") }
            return line.end
        }
        guard self.outer.count < self.limits.maximumDepth else { throw RESPError(.tooDeep, "a value is nested deeper than the limit") }
        if line.isStreamed {
            self.outer.append(self.current)
            self.current = Level(missing: .max, isAttribute: isAttribute, isStreamed: true, isMap: isMap)
            return -line.end
        }
        guard line.length <= (self.limits.maximumElements - self.elements) / perEntry else {
            throw RESPError(.tooManyElements, "a value has more elements than the limit")
        }
        guard line.length > 0 else {
            self.isValueDue = isAttribute
            return isAttribute ? -line.end : line.end
        }
        self.elements += line.length * perEntry
        self.outer.append(self.current)
        self.current = Level(missing: line.length * perEntry, isAttribute: isAttribute)
        return -line.end
    }

    /// Leaves what is complete.
    ///
    /// - Returns: whether the value itself is.
    private mutating func completeLevels() -> Bool {
        while self.current.missing == 0 {
            guard let containing = self.outer.popLast() else {
                self.current.missing = 1
                return true
            }
            let wasAttribute = self.current.isAttribute
            self.current = containing
            if wasAttribute {
                self.isValueDue = true
                return false
            }
            self.current.missing -= 1
        }
        return false
    }

    // MARK: Streams

    private mutating func countStreamed() throws(RESPError) {
        guard self.elements < self.limits.maximumElements else {
            throw RESPError(.tooManyElements, "a value has more elements than the limit")
        }
        self.elements += 1
    }

    /// The line that ends a streamed aggregate.
    private mutating func endStream(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Int {
        guard self.current.isStreamed, !self.isValueDue else { throw RESPError(.malformedValue, "the end of a stream outside of one") }
        let end = try self.scanShortLine(bytes, at: at, "the end of a stream with something in it") { $0.count == 0 }
        guard end > 0 else { return 0 }
        guard !self.current.isMap || (Int.max - self.current.missing) % 2 == 0 else {
            throw RESPError(.malformedValue, "a streamed map ends after a key")
        }
        let isAttribute = self.current.isAttribute
        // Whatever contains it can be asked for: a stream is never the value's own level.
        self.current = self.outer.removeLast()
        self.isValueDue = isAttribute
        return isAttribute ? -end : end
    }

    /// A piece of a streamed string; one of no bytes ends it.
    private mutating func scanChunk(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Int {
        let line = try RESPLengthLine(bytes, at: at + 1)
        guard line.end > 0 else { return 0 }
        guard line.length >= 0 else { throw RESPError(.malformedNumber, "a length that is none") }
        if line.length == 0 {
            self.isInStreamedString = false
            return line.end
        }
        try self.beginPayload(line.length, at: line.end)
        return -line.end
    }
}
