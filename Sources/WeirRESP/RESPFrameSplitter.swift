/// Finds where values end in a stream of replies, of which it keeps nothing: for relays that pass on what arrives before the value is whole.
///
/// It is shown each byte once. What decides where values end is checked: types, lengths, counts, nesting, limits, the ends of lines and
/// strings. What stands in a line of text or in a number is the receiver's. Types that stream (`$?`, `*?`) are refused: no server is known
/// to send them. After an error the stream has lost its frame.
///
/// A push may stand inside an aggregate, where it is none of its elements: Redis sends one so when a transaction publishes to its own client.
///
/// The limits that count are those on elements, bulk length and line length; how long a value is does not matter to one who keeps none of
/// it, nor how deep it is, but for some bytes a level.
public struct RESPFrameSplitter: Sendable {
    private enum Part: UInt8 {
        /// At a value's first byte.
        case type
        /// In a line of text.
        case text
        /// In the line of a length or count.
        case length
        /// After the CR of a line of text, of a length.
        case textLF
        case lengthLF
        /// In a string.
        case payload
        /// At the CR, the LF after a string.
        case payloadCR
        case payloadLF
    }

    private struct Level {
        var missing: Int
        var isAttribute: Bool
    }

    private let limits: RESPLimits
    private let maximumDepth: Int
    private var part = Part.type
    private var type: UInt8 = 0
    /// Of a string: bytes to come. Of a line: bytes so far.
    private var count = 0
    private var number = 0
    private var isNegative = false
    /// Values to come in the innermost aggregate; 1 outside of all.
    private var missing = 1
    private var isAttribute = false
    /// An attribute has ended, and what it is about has not begun.
    private var isValueDue = false
    private var outer: [Level] = []
    private var elements = 0

    /// A splitter with these limits.
    ///
    /// - Parameter maximumDepth: aggregates inside one another; nil: as the limits have it.
    public init(limits: RESPLimits = RESPLimits(), maximumDepth: Int? = nil) {
        self.limits = limits
        self.maximumDepth = maximumDepth ?? limits.maximumDepth
    }

    /// Whether a value has begun that has not ended.
    public var isInside: Bool { self.part != .type || !self.outer.isEmpty || self.isValueDue }

    /// Passes over values.
    ///
    /// - Parameters:
    ///   - bytes: what has arrived.
    ///   - start: where to begin, after what was passed before.
    ///   - values: how many to pass at most, the one that is under way included; less by those that have ended when it returns.
    ///   - stopsAtPush: stop before a push (`>`) that stands where a reply would begin.
    /// - Returns: where it stopped: after the last value, at the end of the bytes, or before a push.
    /// - Throws: ``RESPError``.
    public mutating func pass(
        _ bytes: UnsafeRawBufferPointer, from start: Int, values: inout Int, stopsAtPush: Bool = true
    ) throws(RESPError) -> Int {
        var at = start
        while values > 0, at < bytes.count {
            if self.part == .type {
                if bytes[at] == RESPKind.push.rawValue, stopsAtPush, !self.isInside { return at }
                if let end = self.whole(bytes, at: at) {
                    at = end
                    self.isValueDue = false
                    if self.outer.isEmpty {
                        values -= 1
                        continue
                    }
                    self.missing -= 1
                } else {
                    at = try self.step(bytes, at: at)
                }
            } else {
                at = try self.step(bytes, at: at)
            }
            if self.part == .type, self.missing == 0, self.endLevels() { values -= 1 }
        }
        return at
    }

    /// The end of a value that is all there and is a string, a line of text or a number. Nil leaves it to ``step(_:at:)``.
    @inline(__always)
    private func whole(_ bytes: UnsafeRawBufferPointer, at: Int) -> Int? {
        switch bytes[at] {
        case UInt8(ascii: "$"):
            return RESPReading.endOfString(bytes, at: at, limit: bytes.count, longest: self.limits.maximumBulkLength)
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"):
            var index = at &+ 1
            let searchEnd = min(bytes.count &- 1, index &+ min(self.limits.maximumLineLength, 256))
            while index < searchEnd {
                if bytes[index] == UInt8(ascii: "\r") {
                    return bytes[index &+ 1] == UInt8(ascii: "\n") ? index &+ 2 : nil
                }
                if bytes[index] == UInt8(ascii: "\n") { return nil }
                index = index &+ 1
            }
            return nil
        default:
            return nil
        }
    }

    /// Goes on to the end of the part that is under way, or of the bytes.
    private mutating func step(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Int {
        switch self.part {
        case .type:
            try self.begin(bytes[at])
            return at + 1
        case .text:
            return try self.text(bytes, at: at)
        case .length:
            try self.digit(bytes[at])
            return at + 1
        case .textLF, .lengthLF:
            guard bytes[at] == UInt8(ascii: "\n") else { throw RESPError(.malformedLine, "CR without LF") }
            if self.part == .textLF { self.endValue() } else { try self.endLength() }
            return at + 1
        case .payload:
            let length = min(self.count, bytes.count - at)
            self.count -= length
            if self.count == 0 { self.part = .payloadCR }
            return at + length
        case .payloadCR, .payloadLF:
            guard bytes[at] == (self.part == .payloadCR ? UInt8(ascii: "\r") : UInt8(ascii: "\n")) else {
                throw RESPError(.malformedLine, "a string does not end where its length says")
            }
            if self.part == .payloadCR { self.part = .payloadLF } else { self.endValue() }
            return at + 1
        }
    }

    private mutating func begin(_ type: UInt8) throws(RESPError) {
        self.type = type
        self.count = 0
        self.isValueDue = false
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "#"), UInt8(ascii: ","),
            UInt8(ascii: "("):
            self.part = .text
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="), UInt8(ascii: "*"), UInt8(ascii: "%"), UInt8(ascii: "~"),
            UInt8(ascii: ">"), UInt8(ascii: "|"):
            self.part = .length
            self.number = 0
            self.isNegative = false
        default:
            throw RESPError(.unknownType, "a byte that names no type")
        }
    }

    private mutating func text(_ bytes: UnsafeRawBufferPointer, at: Int) throws(RESPError) -> Int {
        let searchEnd = min(bytes.count, at + self.limits.maximumLineLength - self.count + 1)
        var index = at
        while index < searchEnd, bytes[index] != UInt8(ascii: "\r"), bytes[index] != UInt8(ascii: "\n") { index += 1 }
        self.count += index - at
        guard self.count <= self.limits.maximumLineLength else { throw RESPError(.lineTooLong, "a line is longer than the limit") }
        guard index < bytes.count else { return index }
        guard bytes[index] == UInt8(ascii: "\r") else { throw RESPError(.malformedLine, "LF without CR") }
        self.part = .textLF
        return index + 1
    }

    /// A byte of a length.
    private mutating func digit(_ byte: UInt8) throws(RESPError) {
        let value = byte &- UInt8(ascii: "0")
        if value <= 9 {
            guard self.count == 0 || self.number > 0 else { throw RESPError(.malformedNumber, "a number with a leading zero") }
            // Far over any limit, so that nothing can overflow.
            guard self.number < 1 << 40 else { throw RESPError(.malformedNumber, "a length out of range") }
            self.number = self.number * 10 + Int(value)
            self.count += 1
        } else if byte == UInt8(ascii: "-"), self.count == 0, !self.isNegative {
            self.isNegative = true
        } else if byte == UInt8(ascii: "\r"), self.count > 0 {
            self.part = .lengthLF
        } else if byte == UInt8(ascii: "\n") {
            throw RESPError(.malformedLine, "LF without CR")
        } else {
            throw RESPError(.malformedNumber, "a length with something else in it")
        }
    }

    private mutating func endLength() throws(RESPError) {
        let mayBeNull = self.type == UInt8(ascii: "$") || self.type == UInt8(ascii: "*")
        if self.isNegative {
            guard mayBeNull, self.number == 1, self.count == 1 else { throw RESPError(.malformedNumber, "a length that is none") }
            return self.endValue()
        }
        switch self.type {
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="):
            guard self.number <= self.limits.maximumBulkLength else { throw RESPError(.bulkTooLong, "a string is longer than the limit") }
            self.count = self.number
            self.part = self.number == 0 ? .payloadCR : .payload
        default:
            try self.open()
        }
    }

    private mutating func open() throws(RESPError) {
        let isPair = self.type == UInt8(ascii: "|") || self.type == UInt8(ascii: "%")
        let isAttribute = self.type == UInt8(ascii: "|") || self.type == UInt8(ascii: ">") && !self.outer.isEmpty
        let values = isPair ? self.number * 2 : self.number
        guard values <= self.limits.maximumElements - self.elements else {
            throw RESPError(.tooManyElements, "a value has more elements than the limit")
        }
        self.elements += values
        self.part = .type
        guard self.outer.count < self.maximumDepth else { throw RESPError(.tooDeep, "aggregates are nested deeper than the limit") }
        self.outer.append(Level(missing: self.missing, isAttribute: self.isAttribute))
        self.missing = values
        self.isAttribute = isAttribute
    }

    /// A value that contains no others has ended.
    private mutating func endValue() {
        self.part = .type
        self.missing -= 1
    }

    /// Ends the aggregates that are complete.
    ///
    /// - Returns: whether the value has ended that is in none.
    private mutating func endLevels() -> Bool {
        while self.missing == 0 {
            guard let level = self.outer.popLast() else {
                self.missing = 1
                self.elements = 0
                return true
            }
            // An attribute is no value of what contains it, nor is a push.
            self.missing = self.isAttribute ? level.missing : level.missing - 1
            self.isValueDue = self.isAttribute
            self.isAttribute = level.isAttribute
        }
        return false
    }
}
