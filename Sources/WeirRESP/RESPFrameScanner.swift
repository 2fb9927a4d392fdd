import NIOCore

/// Finds where a value of the protocol ends, and checks all of it on the way: types, lengths, numbers, nesting, limits.
///
/// It is shown the bytes from the start of a value on, as often as there are more of them, and goes on where it stopped; only the line
/// of a length or number that was cut off, 23 bytes at most, is read again. So the work is linear in the bytes however they arrive.
/// Nothing is reserved because a peer announced it, and nesting costs no call stack: what contains the current aggregate waits on a list
/// as long as the depth.
///
/// - Throws: ``RESPError`` on bytes that are not RESP and on limits passed, the same however the bytes were cut. The stream has lost its
///   frame then, and the scanner throws the same for ever.
struct RESPFrameScanner: Sendable {
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

    /// What was found at a place.
    private enum Step {
        /// Something that is not whole.
        case cutOff
        /// No value by itself, as the line that opens an aggregate; its end.
        case part(Int)
        /// A value, or the rest of one; its end.
        case value(Int)
    }

    private let limits: RESPLimits

    /// Bytes of the value that have been checked.
    private var position = 0
    /// The end of a string whose length has been read, its CRLF included; 0 without one.
    private var payloadEnd = 0
    private var isVerbatim = false
    private var isInStreamedString = false
    /// Bytes in the pieces of a streamed string.
    private var streamedLength = 0
    /// An attribute has been read, and what it is about has not.
    private var isValueDue = false
    /// Bytes of a line without an end, its type not counted.
    private var searched = 0
    private var current = Level(missing: 1)
    /// What contains ``current``, the value itself first.
    private var outer: [Level] = []
    /// Elements announced so far by all aggregates of the value, and those that were streamed.
    private var elements = 0
    /// What was wrong, once something was.
    private(set) var failure: RESPError?

    /// A scanner with these limits.
    init(limits: RESPLimits) {
        self.limits = limits
    }

    /// Looks at the bytes from the start of a value on.
    ///
    /// - Parameter bytes: all bytes of the value that are there, those of earlier calls included, and perhaps more.
    /// - Returns: the length of the value once it is whole; nil before. The next call is about the value after it.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) throws(RESPError) -> Int? {
        if let failure { throw failure }
        do throws(RESPError) {
            return try self.advance(bytes)
        } catch {
            self.failure = error
            throw error
        }
    }

    /// As ``scan(_:)`` with what is readable in a buffer.
    @inline(__always)
    mutating func scan(_ buffer: ByteBuffer) throws(RESPError) -> Int? {
        try buffer.readableBytesSpan.withUnsafeBytes { bytes throws(RESPError) in try self.scan(bytes) }
    }

    /// Looks at the bytes from the start of a value on, and finds as many values as are whole: one access to the buffer for all of them.
    ///
    /// - Parameters:
    ///   - buffer: as for ``scan(_:)-(UnsafeRawBufferPointer)``.
    ///   - lengths: gets their lengths, until it has as many as it has room for. An error comes when what is before it has been taken.
    mutating func scan(_ buffer: ByteBuffer, into lengths: inout RESPFrameLengths) throws(RESPError) {
        try buffer.readableBytesSpan.withUnsafeBytes { bytes throws(RESPError) in
            var start = 0
            do throws(RESPError) {
                while start < bytes.count, !lengths.isFull {
                    if self.position == 0, self.failure == nil {
                        let limit = start + min(bytes.count - start, self.limits.maximumFrameLength)
                        if let end = RESPReading.endOfString(bytes, at: start, limit: limit, longest: self.limits.maximumBulkLength) {
                            lengths.append(end - start)
                            start = end
                            continue
                        }
                    }
                    guard let length = try self.scan(UnsafeRawBufferPointer(rebasing: bytes[start...])) else { return }
                    lengths.append(length)
                    start += length
                }
            } catch {
                if lengths.isEmpty { throw error }
            }
        }
    }

    private mutating func advance(_ bytes: UnsafeRawBufferPointer) throws(RESPError) -> Int? {
        var at = self.position
        while true {
            let stringsEnd = self.passStrings(bytes, from: at)
            if stringsEnd > at {
                at = stringsEnd
            } else {
                switch try self.step(bytes, at: at) {
                case .cutOff:
                    self.position = at
                    return nil
                case .part(let end):
                    at = end
                    try self.checkLength(at)
                    continue
                case .value(let end):
                    at = end
                    try self.checkLength(at)
                    try self.countValue()
                }
            }
            self.isValueDue = false
            guard self.current.missing == 0, try self.completeLevels() else { continue }
            self.position = 0
            self.elements = 0
            return at
        }
    }

    /// Passes over the strings that are whole and well, which most replies are made of, as far as the aggregate goes. All else is left to
    /// ``step(_:at:)``: what is not whole, and what is wrong.
    ///
    /// - Returns: where the last of them ends; `start` if there is none.
    @inline(__always)
    private mutating func passStrings(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard self.payloadEnd == 0, !self.isInStreamedString, !self.current.isStreamed else { return start }
        let limit = min(bytes.count, self.limits.maximumFrameLength)
        let longest = self.limits.maximumBulkLength
        var missing = self.current.missing
        var at = start
        while missing > 0, let end = RESPReading.endOfString(bytes, at: at, limit: limit, longest: longest) {
            at = end
            missing -= 1
        }
        self.current.missing = missing
        return at
    }

    private mutating func step(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Step {
        if self.payloadEnd > 0 {
            guard bytes.count >= self.payloadEnd else { return .cutOff }
            try self.checkPayload(bytes, from: at)
            defer { self.payloadEnd = 0 }
            return self.isInStreamedString ? .part(self.payloadEnd) : .value(self.payloadEnd)
        }
        guard at < bytes.count else { return .cutOff }
        if self.isInStreamedString { return try self.scanPiece(bytes, at: at) }
        guard bytes[at] == UInt8(ascii: "$") else { return try self.scanOther(bytes, at: at) }
        let line = try RESPLengthLine(bytes, at: at + 1)
        guard line.end > 0 else { return .cutOff }
        if line.isStreamed {
            self.isInStreamedString = true
            self.streamedLength = 0
            return .part(line.end)
        }
        guard line.length >= 0 else { return .value(line.end) }
        try self.beginPayload(line.length, at: line.end)
        return .part(line.end)
    }

    // After every step, not only at the end: otherwise it would depend on the cut which of two errors is found.
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
    private mutating func scanOther(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Step {
        let type = bytes[at]
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
            guard line.end > 0 else { return .cutOff }
            guard line.length >= 0 else { throw RESPError(.malformedNumber, "a length that is none") }
            self.isVerbatim = type == UInt8(ascii: "=")
            try self.beginPayload(line.length, at: line.end)
            return .part(line.end)
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
    ) throws(RESPError) -> Step {
        let start = at + 1
        let room = self.limits.maximumFrameLength - start - 2
        let limit = min(self.limits.maximumLineLength, room)
        let searchEnd = min(bytes.count, start + limit + 1)
        var index = start + self.searched
        while index < searchEnd, bytes[index] != UInt8(ascii: "\r"), bytes[index] != UInt8(ascii: "\n") { index += 1 }
        guard index - start <= limit else {
            if limit == room { throw RESPError(.frameTooLong, "a value is longer than the limit") }
            throw RESPError(.lineTooLong, "a line is longer than the limit")
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: "\n") { throw RESPError(.malformedLine, "LF without CR") }
        guard index + 1 < bytes.count else {
            self.searched = index - start
            return .cutOff
        }
        guard bytes[index + 1] == UInt8(ascii: "\n") else { throw RESPError(.malformedLine, "CR without LF") }
        self.searched = 0
        guard isValid(UnsafeRawBufferPointer(rebasing: bytes[start..<index])) else {
            throw RESPError(.malformedNumber, "a number that is none")
        }
        return .value(index + 2)
    }

    /// A line that is short whatever its value. One that is cut off is read again.
    private func scanShortLine(
        _ bytes: UnsafeRawBufferPointer, at: Int, _ problem: StaticString, _ isValid: (UnsafeRawBufferPointer) -> Bool
    ) throws(RESPError) -> Step {
        let start = at + 1
        let longest = at + RESPNumber.longestLine
        let searchEnd = min(bytes.count, longest)
        var index = start
        while index < searchEnd, bytes[index] != UInt8(ascii: "\r") {
            if bytes[index] == UInt8(ascii: "\n") { throw RESPError(.malformedLine, "LF without CR") }
            index += 1
        }
        guard index < longest else { throw RESPError(.malformedNumber, problem) }
        guard index + 1 < bytes.count else { return .cutOff }
        guard bytes[index + 1] == UInt8(ascii: "\n") else { throw RESPError(.malformedLine, "CR without LF") }
        guard isValid(UnsafeRawBufferPointer(rebasing: bytes[start..<index])) else { throw RESPError(.malformedNumber, problem) }
        return .value(index + 2)
    }

    // MARK: Aggregates

    private mutating func open(
        _ bytes: UnsafeRawBufferPointer, at: Int, perEntry: Int, isMap: Bool = false, isAttribute: Bool = false, mayBeNull: Bool = false
    ) throws(RESPError) -> Step {
        let line = try RESPLengthLine(bytes, at: at + 1)
        guard line.end > 0 else { return .cutOff }
        guard line.length >= 0 || line.isStreamed else {
            guard mayBeNull else { throw RESPError(.malformedNumber, "a count that is none") }
            return .value(line.end)
        }
        guard self.outer.count < self.limits.maximumDepth else { throw RESPError(.tooDeep, "a value is nested deeper than the limit") }
        // It is here, or will be due again when it ends.
        self.isValueDue = false
        if line.isStreamed {
            self.outer.append(self.current)
            self.current = Level(missing: .max, isAttribute: isAttribute, isStreamed: true, isMap: isMap)
            return .part(line.end)
        }
        guard line.length <= (self.limits.maximumElements - self.elements) / perEntry else {
            throw RESPError(.tooManyElements, "a value has more elements than the limit")
        }
        guard line.length > 0 else { return self.close(isAttribute: isAttribute, at: line.end) }
        self.elements += line.length * perEntry
        self.outer.append(self.current)
        self.current = Level(missing: line.length * perEntry, isAttribute: isAttribute)
        return .part(line.end)
    }

    /// An aggregate is a value; an attribute only stands before one.
    private mutating func close(isAttribute: Bool, at end: Int) -> Step {
        self.isValueDue = isAttribute
        return isAttribute ? .part(end) : .value(end)
    }

    private mutating func countValue() throws(RESPError) {
        self.current.missing -= 1
        guard self.current.isStreamed else { return }
        guard self.elements < self.limits.maximumElements else {
            throw RESPError(.tooManyElements, "a value has more elements than the limit")
        }
        self.elements += 1
    }

    /// Leaves what is complete.
    ///
    /// - Returns: whether the value itself is.
    private mutating func completeLevels() throws(RESPError) -> Bool {
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
            try self.countValue()
        }
        return false
    }

    // MARK: Streams

    /// The line that ends a streamed aggregate.
    private mutating func endStream(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Step {
        guard self.current.isStreamed, !self.isValueDue else { throw RESPError(.malformedValue, "the end of a stream outside of one") }
        let line = try self.scanShortLine(bytes, at: at, "the end of a stream with something in it") { $0.count == 0 }
        guard case .value(let end) = line else { return line }
        guard !self.current.isMap || (Int.max - self.current.missing) % 2 == 0 else {
            throw RESPError(.malformedValue, "a streamed map ends after a key")
        }
        let isAttribute = self.current.isAttribute
        // Something contains it: a stream is never the value's own level.
        self.current = self.outer.removeLast()
        return self.close(isAttribute: isAttribute, at: end)
    }

    /// A piece of a streamed string; one of no bytes ends it.
    private mutating func scanPiece(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Step {
        guard bytes[at] == UInt8(ascii: ";") else { throw RESPError(.malformedValue, "a streamed string with something else in it") }
        let line = try RESPLengthLine(bytes, at: at + 1)
        guard line.end > 0 else { return .cutOff }
        guard line.length >= 0 else { throw RESPError(.malformedNumber, "a length that is none") }
        if line.length == 0 {
            self.isInStreamedString = false
            return .value(line.end)
        }
        guard line.length <= self.limits.maximumBulkLength - self.streamedLength else {
            throw RESPError(.bulkTooLong, "a streamed string is longer than the limit")
        }
        self.streamedLength += line.length
        try self.beginPayload(line.length, at: line.end)
        return .part(line.end)
    }
}
