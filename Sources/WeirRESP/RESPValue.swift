import NIOCore

/// One value of the Redis serialization protocol, versions 2 and 3.
///
/// Taken apart, with an array for each aggregate: to make one, or to have all of one at hand. ``RESPFrame`` is the same without being taken
/// apart. Payloads are slices of the buffer they were read from: keeping a small one keeps the whole read buffer alive. Copy what is to be
/// kept for long.
///
/// The type is as large as a `ByteBuffer` and passes through a `ChannelPipeline` without an allocation.
///
/// Source: the RESP specification of the Redis documentation (RESP2, and RESP3 as `HELLO 3` selects it).
public enum RESPValue: Hashable, Sendable {
    /// `+`: a short string without CR or LF.
    case simpleString(ByteBuffer)
    /// `-`: an error reply; its first word is the error's kind by convention (`ERR`, `WRONGTYPE`, …).
    case simpleError(ByteBuffer)
    /// `:`: a signed 64 bit integer.
    case integer(Int64)
    /// `$`: any bytes.
    case bulkString(ByteBuffer)
    /// `*`: values of any kind, in order.
    case array([RESPValue])
    /// `$-1` and `*-1` of RESP2, `_` of RESP3.
    case null
    /// `#`: RESP3.
    case boolean(Bool)
    /// `,`: RESP3; also infinite or not a number.
    case double(Double)
    /// `(`: RESP3; an optional minus and decimal digits, of any length the line limit allows.
    case bigNumber(ByteBuffer)
    /// `!`: RESP3; an error that may hold any bytes.
    case bulkError(ByteBuffer)
    /// `=`: RESP3; three bytes that name a format, a colon, and the text.
    case verbatimString(ByteBuffer)
    /// `%`: RESP3; entries in the order in which they came. Equal keys are kept, as the protocol leaves it to the client.
    case map([RESPMapEntry])
    /// `~`: RESP3; values in the order in which they came, not made unique.
    case set([RESPValue])
    /// `>`: RESP3; out of band data, never the reply to a command.
    case push([RESPValue])
}

/// A key of a RESP3 map with its value.
public struct RESPMapEntry: Hashable, Sendable {
    /// The key: a value of any kind.
    public var key: RESPValue
    /// The value.
    public var value: RESPValue

    /// An entry of these two.
    public init(key: RESPValue, value: RESPValue) {
        self.key = key
        self.value = value
    }
}

extension RESPValue {
    /// A bulk string of the string's UTF-8. Allocates one buffer.
    public static func bulk(_ string: String) -> RESPValue { .bulkString(ByteBuffer(string: string)) }

    /// A simple string of the string's UTF-8. Allocates one buffer.
    public static func simple(_ string: String) -> RESPValue { .simpleString(ByteBuffer(string: string)) }

    /// An error of the string's UTF-8. Allocates one buffer.
    public static func error(_ string: String) -> RESPValue { .simpleError(ByteBuffer(string: string)) }

    /// The bytes of a string of any kind, nil for everything else, errors included.
    public var bytes: ByteBuffer? {
        switch self {
        case .simpleString(let bytes), .bulkString(let bytes), .bigNumber(let bytes):
            return bytes
        case .verbatimString(let bytes):
            return bytes.getSlice(at: bytes.readerIndex + 4, length: bytes.readableBytes - 4)
        case .simpleError, .bulkError, .integer, .array, .null, .boolean, .double, .map, .set, .push:
            return nil
        }
    }

    /// The bytes of an error reply, nil for everything else.
    public var errorBytes: ByteBuffer? {
        switch self {
        case .simpleError(let bytes), .bulkError(let bytes):
            return bytes
        case .simpleString, .bulkString, .bigNumber, .verbatimString, .integer, .array, .null, .boolean, .double, .map, .set,
            .push:
            return nil
        }
    }
}

extension RESPValue {
    /// Takes a frame apart. Attributes, hints about a value, are left out.
    ///
    /// - Complexity: linear in the bytes for each level of nesting. Recursive, as deep as the value is.
    public init(_ frame: RESPFrame) {
        func string() -> ByteBuffer { frame.string ?? ByteBuffer() }
        func elements() -> [RESPValue] { frame.elements?.map(RESPValue.init) ?? [] }
        switch frame.kind {
        case .simpleString: self = .simpleString(string())
        case .simpleError: self = .simpleError(string())
        case .integer: self = .integer(frame.integer ?? 0)
        case .bulkString: self = .bulkString(string())
        case .array: self = .array(elements())
        case .null: self = .null
        case .boolean: self = .boolean(frame.boolean ?? false)
        case .double: self = .double(frame.double ?? .nan)
        case .bigNumber: self = .bigNumber(string())
        case .bulkError: self = .bulkError(string())
        case .verbatimString: self = .verbatimString(frame.verbatimString ?? ByteBuffer())
        case .map: self = .map(frame.entries?.map { RESPMapEntry(key: RESPValue($0.key), value: RESPValue($0.value)) } ?? [])
        case .set: self = .set(elements())
        case .push: self = .push(elements())
        }
    }
}
