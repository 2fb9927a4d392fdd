import NIOCore

/// Turns bytes into ``RESPValue``s, in either direction: replies for a client, commands for a server or a proxy.
///
/// Put it in a pipeline as `ByteToMessageHandler(RESPDecoder())`, or drive it by `NIOSingleStepByteToMessageProcessor`.
///
/// How it works: each line and each string is taken from the buffer once it is whole, and what contains it waits on a
/// small explicit stack. An array that arrives in a thousand pieces is therefore never read twice, and nesting costs no
/// call stack. Nothing is reserved because a peer announced it: an array grows as its elements arrive. A line that is
/// not yet whole is searched from where the last search ended, so the work is linear in the bytes however they are cut.
///
/// RESP3's attributes (`|`) are read, held to the same limits, and dropped: they are hints about the value that follows.
///
/// - Throws: ``RESPError`` on bytes that are not RESP and on limits passed. The decoder then stays failed: the stream has
///   lost its frame, so the connection is of no more use.
public struct RESPDecoder: NIOSingleStepByteToMessageDecoder {
    public typealias InboundOut = RESPValue

    /// What this decoder accepts at most.
    public let limits: RESPDecoderLimits

    /// Aggregates not yet complete, outermost first. At most ``RESPDecoderLimits/maximumDepth``.
    private var stack: [Aggregate] = []
    /// A string whose length has been read and whose bytes have not.
    private var pendingString: PendingString?
    /// Bytes from the reader index on that hold no LF.
    private var searched = 0
    /// Bytes of the current top-level value that were taken already.
    private var frameLength = 0
    /// Elements the current top-level value has announced so far.
    private var elements = 0
    private var failure: RESPError?

    /// A decoder with these limits.
    public init(limits: RESPDecoderLimits = RESPDecoderLimits()) {
        self.limits = limits
    }

    /// One value, or nil while it is not whole yet.
    ///
    /// - Complexity: amortized, linear in the bytes that are new.
    public mutating func decode(buffer: inout ByteBuffer) throws -> RESPValue? {
        do {
            return try self.next(&buffer)
        } catch let error as RESPError {
            self.failure = error
            self.stack.removeAll()
            throw error
        }
    }

    /// As ``decode(buffer:)``; a value cut short by the end of the stream is an error.
    public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPValue? {
        if let value = try self.decode(buffer: &buffer) { return value }
        guard seenEOF else { return nil }
        if buffer.readableBytes > 0 || self.pendingString != nil || !self.stack.isEmpty {
            throw RESPError(.unexpectedEnd, "the stream ended in the middle of a value")
        }
        return nil
    }

    private mutating func next(_ buffer: inout ByteBuffer) throws -> RESPValue? {
        if let failure = self.failure { throw failure }
        while true {
            let value: RESPValue
            if let pending = self.pendingString {
                guard let string = try self.takeString(pending, from: &buffer) else { return nil }
                self.pendingString = nil
                value = string
            } else {
                guard let line = try self.takeLine(from: &buffer) else { return nil }
                switch try self.interpret(line) {
                case .value(let whole):
                    value = whole
                case .string(let pending):
                    self.pendingString = pending
                    continue
                case .opened, .dropped:
                    continue
                }
            }
            if let whole = self.deliver(value) {
                self.frameLength = 0
                self.elements = 0
                return whole
            }
        }
    }

    // MARK: Taking bytes

    /// The next line, its type byte included and its CRLF not.
    private mutating func takeLine(from buffer: inout ByteBuffer) throws -> ByteBuffer? {
        let limit = self.limits.maximumLineLength + 1
        var end: Int?
        do {
            let bytes = buffer.readableBytesUInt8Span
            if self.searched == 0, bytes.count > 0 { try Self.checkType(bytes[0]) }
            var index = self.searched
            while index < bytes.count {
                if bytes[index] == UInt8(ascii: "\n") {
                    guard index > 1, bytes[index - 1] == UInt8(ascii: "\r") else {
                        throw RESPError(.malformedLine, "LF without CR")
                    }
                    end = index - 1
                    break
                }
                if index > 0, bytes[index - 1] == UInt8(ascii: "\r") {
                    throw RESPError(.malformedLine, "CR without LF")
                }
                guard index <= limit else { throw RESPError(.lineTooLong, "a line is longer than the limit") }
                index += 1
            }
            self.searched = index
            // A number can be told to be too long before its line ends.
            if end == nil, index > Self.longestNumberLine, Self.isShortLine(bytes[0]) {
                throw RESPError(.malformedNumber, "a number or length has too many digits")
            }
        }
        guard let end else { return nil }
        guard end <= limit else { throw RESPError(.lineTooLong, "a line is longer than the limit") }
        self.searched = 0
        try self.account(end + 2)
        let line = buffer.readSlice(length: end)!
        buffer.moveReaderIndex(forwardBy: 2)
        return line
    }

    private mutating func takeString(_ pending: PendingString, from buffer: inout ByteBuffer) throws -> RESPValue? {
        let length = pending.length
        guard buffer.readableBytes >= length + 2 else { return nil }
        let end = buffer.readerIndex + length
        guard buffer.getInteger(at: end, as: UInt16.self) == 0x0D0A else {
            throw RESPError(.malformedLine, "a string does not end where its length says")
        }
        let bytes = buffer.readSlice(length: length)!
        buffer.moveReaderIndex(forwardBy: 2)
        switch pending.kind {
        case .bulk:
            return .bulkString(bytes)
        case .error:
            return .bulkError(bytes)
        case .verbatim:
            guard length >= 4, bytes.getInteger(at: bytes.readerIndex + 3, as: UInt8.self) == UInt8(ascii: ":") else {
                throw RESPError(.malformedValue, "a verbatim string without its three-letter format")
            }
            return .verbatimString(bytes)
        }
    }

    /// Counts bytes of the current top-level value before they are held.
    private mutating func account(_ bytes: Int) throws {
        self.frameLength += bytes
        guard self.frameLength <= self.limits.maximumFrameLength else {
            throw RESPError(.frameTooLong, "a value is longer than the limit")
        }
    }

    // MARK: Lines

    private enum Line {
        case value(RESPValue)
        case string(PendingString)
        case opened
        case dropped
    }

    private mutating func interpret(_ line: ByteBuffer) throws -> Line {
        var rest = line
        let type = rest.readInteger(as: UInt8.self)!
        switch type {
        case UInt8(ascii: "+"):
            return .value(.simpleString(rest))
        case UInt8(ascii: "-"):
            return .value(.simpleError(rest))
        case UInt8(ascii: ":"):
            return .value(.integer(try RESPNumber.integer(rest)))
        case UInt8(ascii: "$"):
            if RESPNumber.isNullLength(rest) { return .value(.null) }
            return .string(try self.string(.bulk, length: rest))
        case UInt8(ascii: "!"):
            return .string(try self.string(.error, length: rest))
        case UInt8(ascii: "="):
            return .string(try self.string(.verbatim, length: rest))
        case UInt8(ascii: "*"):
            if RESPNumber.isNullLength(rest) { return .value(.null) }
            return try self.open(.array, count: rest)
        case UInt8(ascii: "%"):
            return try self.open(.map, count: rest)
        case UInt8(ascii: "~"):
            return try self.open(.set, count: rest)
        case UInt8(ascii: "|"):
            return try self.open(.attribute, count: rest)
        case UInt8(ascii: ">"):
            guard self.stack.isEmpty else { throw RESPError(.malformedValue, "a push inside another value") }
            return try self.open(.push, count: rest)
        case UInt8(ascii: "_"):
            guard rest.readableBytes == 0 else { throw RESPError(.malformedNumber, "a null with something in it") }
            return .value(.null)
        case UInt8(ascii: "#"):
            return .value(.boolean(try RESPNumber.boolean(rest)))
        case UInt8(ascii: ","):
            return .value(.double(try RESPNumber.double(rest)))
        case UInt8(ascii: "("):
            try RESPNumber.checkBigNumber(rest)
            return .value(.bigNumber(rest))
        default:
            throw RESPError(.unknownType, "a byte that names no type")
        }
    }

    private mutating func string(_ kind: PendingString.Kind, length: ByteBuffer) throws -> PendingString {
        let length = try RESPNumber.length(length)
        guard length <= self.limits.maximumBulkLength else { throw RESPError(.bulkTooLong, "a string is longer than the limit") }
        try self.account(length + 2)
        return PendingString(kind: kind, length: length)
    }

    private mutating func open(_ kind: Aggregate.Kind, count: ByteBuffer) throws -> Line {
        let announced = try RESPNumber.length(count)
        let perEntry = kind == .map || kind == .attribute ? 2 : 1
        guard announced <= (self.limits.maximumElements - self.elements) / perEntry else {
            throw RESPError(.tooManyElements, "a value has more elements than the limit")
        }
        guard self.stack.count < self.limits.maximumDepth else {
            throw RESPError(.tooDeep, "a value is nested deeper than the limit")
        }
        let aggregate = Aggregate(kind: kind, missing: announced * perEntry)
        guard announced > 0 else {
            guard let value = aggregate.value else { return .dropped }
            return .value(value)
        }
        self.elements += aggregate.missing
        self.stack.append(aggregate)
        return .opened
    }

    // MARK: The stack

    /// Puts a whole value where it belongs; the top-level value if that completes it.
    private mutating func deliver(_ value: RESPValue) -> RESPValue? {
        var value = value
        while let top = self.stack.indices.last {
            self.stack[top].elements.append(value)
            self.stack[top].missing -= 1
            guard self.stack[top].missing == 0 else { return nil }
            let complete = self.stack.removeLast()
            // An attribute is no element of what contains it.
            guard let whole = complete.value else { return nil }
            value = whole
        }
        return value
    }
}

extension RESPDecoder {
    private struct PendingString {
        enum Kind {
            case bulk
            case error
            case verbatim
        }

        var kind: Kind
        var length: Int
    }

    private struct Aggregate {
        enum Kind {
            case array
            case set
            case push
            case map
            case attribute
        }

        var kind: Kind
        /// Elements to come; of maps and attributes, keys and values.
        var missing: Int
        var elements: [RESPValue] = []

        /// The complete aggregate; nil for an attribute, which is dropped.
        var value: RESPValue? {
            switch self.kind {
            case .array: return .array(self.elements)
            case .set: return .set(self.elements)
            case .push: return .push(self.elements)
            case .attribute: return nil
            case .map:
                return .map(
                    stride(from: 0, to: self.elements.count, by: 2).map {
                        RESPMapEntry(key: self.elements[$0], value: self.elements[$0 + 1])
                    })
            }
        }
    }

    /// A type byte, a sign and nineteen digits, and CRLF.
    private static let longestNumberLine = 23

    /// True for the types whose line is one 64 bit number, a boolean or nothing.
    private static func isShortLine(_ type: UInt8) -> Bool {
        switch type {
        case UInt8(ascii: ":"), UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="), UInt8(ascii: "*"), UInt8(ascii: "%"),
            UInt8(ascii: "~"), UInt8(ascii: "|"), UInt8(ascii: ">"), UInt8(ascii: "_"), UInt8(ascii: "#"):
            return true
        default:
            return false
        }
    }

    /// Refuses a line by its first byte, so that garbage is told before a line of it was collected.
    private static func checkType(_ byte: UInt8) throws {
        switch byte {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ","), UInt8(ascii: "("):
            return
        case UInt8(ascii: ";"), UInt8(ascii: "."):
            throw RESPError(.streamedType, "streamed strings and aggregates are not supported")
        default:
            guard Self.isShortLine(byte) else { throw RESPError(.unknownType, "a byte that names no type") }
        }
    }
}
