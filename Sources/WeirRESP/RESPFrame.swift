import NIOCore

/// One value of the protocol as the bytes it came in: checked once, when its end was found, and read when asked.
///
/// The bytes are a slice of the read buffer, so a proxy forwards them untouched and nothing is copied to look at them; keeping a small
/// value keeps the read buffer alive, copy what is to be kept for long. As large as a `ByteBuffer`, so it passes through a
/// `ChannelPipeline` without an allocation. Nesting costs no call stack, neither to read nor to free.
///
/// Two frames are equal if their bytes are: equal values may have been written differently.
public struct RESPFrame: Hashable, Sendable {
    /// The value as it was on the wire, from its type to its last CRLF; attributes before it included.
    public let bytes: ByteBuffer

    /// - Parameter bytes: exactly one value, which a scanner has accepted.
    @inlinable @inline(__always)
    init(checked bytes: ByteBuffer) {
        self.bytes = bytes
    }

    /// Reads bytes that hold one value and nothing else.
    ///
    /// - Throws: ``RESPError``; ``RESPError/Code/unexpectedEnd`` if the value is not whole, ``RESPError/Code/malformedValue`` if
    ///   something follows it.
    public init(_ bytes: ByteBuffer, limits: RESPLimits = RESPLimits()) throws(RESPError) {
        var scanner = RESPFrameScanner(limits: limits)
        guard let length = try scanner.scan(bytes) else { throw RESPError(.unexpectedEnd, "the bytes end in the middle of a value") }
        guard length == bytes.readableBytes else { throw RESPError(.malformedValue, "something follows the value") }
        self.init(checked: bytes)
    }

    // MARK: What it is

    /// Its type. A null of RESP2 is ``RESPKind/null``, whichever way it was written.
    ///
    /// - Complexity: O(1), without attributes.
    public var kind: RESPKind {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            guard let kind = RESPKind(rawValue: bytes[at]) else { preconditionFailure("a frame that no scanner has accepted") }
            switch kind {
            case .bulkString, .array: return bytes[at + 1] == UInt8(ascii: "-") ? .null : kind
            case .simpleString, .simpleError, .integer, .null, .boolean, .double, .bigNumber, .bulkError, .verbatimString, .map, .set,
                .push:
                return kind
            }
        }
    }

    /// Whether it is a null of either version.
    public var isNull: Bool { self.kind == .null }

    /// Whether it is an error, on one line or with a length.
    public var isError: Bool {
        switch self.kind {
        case .simpleError, .bulkError: return true
        case .simpleString, .integer, .bulkString, .array, .null, .boolean, .double, .bigNumber, .verbatimString, .map, .set, .push:
            return false
        }
    }

    // MARK: Scalars

    /// The bytes of a string of any kind, of an error or of a big number; of a verbatim string, its text. Nil for everything else.
    ///
    /// - Complexity: O(1); a string that was streamed is put together, in a buffer of its own.
    public var string: ByteBuffer? {
        switch self.payload {
        case .none: return nil
        case .range(let range): return self.bytes.getSlice(at: self.bytes.readerIndex + range.lowerBound, length: range.count)
        case .pieces(let start): return self.joinPieces(from: start)
        }
    }

    /// Looks at the bytes of ``string`` where they are.
    ///
    /// - Returns: nil for what has none.
    @inlinable
    public func withStringBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result? {
        try self.bytes.withUnsafeReadableBytes { bytes in
            if bytes[0] == UInt8(ascii: "$") {
                // What most are. The scanner has seen that it is all there.
                let line = RESPReading.length(bytes, at: 1)
                if line.length >= 0 {
                    return try body(UnsafeRawBufferPointer(start: bytes.baseAddress! + line.end, count: line.length))
                }
            }
            return try self.string.map { try $0.withUnsafeReadableBytes(body) }
        }
    }

    /// The integer; nil for everything else.
    public var integer: Int64? {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            return bytes[at] == RESPKind.integer.rawValue ? RESPNumber.integer(RESPReading.line(bytes, at: at)) : nil
        }
    }

    /// The double, or an integer as one; nil for everything else.
    public var double: Double? {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            switch bytes[at] {
            case RESPKind.double.rawValue, RESPKind.integer.rawValue: return RESPNumber.double(RESPReading.line(bytes, at: at))
            default: return nil
            }
        }
    }

    /// The boolean; nil for everything else.
    public var boolean: Bool? {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            return bytes[at] == RESPKind.boolean.rawValue ? bytes[at + 1] == UInt8(ascii: "t") : nil
        }
    }

    /// The three letters that say what a verbatim string is, as `txt` or `mkd`; nil for everything else.
    public var verbatimFormat: String? {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            guard bytes[at] == RESPKind.verbatimString.rawValue else { return nil }
            let start = RESPReading.length(bytes, at: at + 1).end
            return String(decoding: bytes[start..<(start + 3)], as: UTF8.self)
        }
    }

    /// Of a verbatim string, the format and its colon too.
    var verbatimString: ByteBuffer? {
        guard case .range(let range) = self.payload else { return nil }
        return self.bytes.getSlice(at: self.bytes.readerIndex + range.lowerBound - 4, length: range.count + 4)
    }

    private enum Payload {
        case none
        case range(Range<Int>)
        case pieces(Int)
    }

    private var payload: Payload {
        self.bytes.withUnsafeReadableBytes { bytes in
            let at = RESPReading.value(bytes, at: 0)
            switch bytes[at] {
            case RESPKind.bulkString.rawValue, RESPKind.bulkError.rawValue:
                let line = RESPReading.length(bytes, at: at + 1)
                if line.isStreamed { return .pieces(line.end) }
                return line.length < 0 ? .none : .range(line.end..<(line.end + line.length))
            case RESPKind.verbatimString.rawValue:
                let line = RESPReading.length(bytes, at: at + 1)
                return .range((line.end + 4)..<(line.end + line.length))
            case RESPKind.simpleString.rawValue, RESPKind.simpleError.rawValue, RESPKind.bigNumber.rawValue:
                return .range((at + 1)..<(RESPReading.lineEnd(bytes, at: at) - 2))
            default:
                return .none
            }
        }
    }

    private func joinPieces(from start: Int) -> ByteBuffer {
        var joined = ByteBuffer()
        self.bytes.withUnsafeReadableBytes { bytes in
            var at = start
            while true {
                let line = RESPReading.length(bytes, at: at + 1)
                guard line.length > 0 else { break }
                joined.writeBytes(bytes[line.end..<(line.end + line.length)])
                at = line.end + line.length + 2
            }
        }
        return joined
    }
}

/// Shows the type and the length only: a value may be a secret.
extension RESPFrame: CustomStringConvertible {
    public var description: String { "RESPFrame(\(self.kind), \(self.bytes.readableBytes) bytes)" }
}
