import NIOCore

/// The versions of the protocol. A connection speaks RESP2 until `HELLO 3`.
public enum RESPVersion: Int, Hashable, Sendable {
    case resp2 = 2
    case resp3 = 3
}

/// Writes ``RESPValue``s in a pipeline, for a server or a proxy that answers value by value.
///
/// What writes many values, as a client of pipelined commands does, had better append them to one buffer by the methods
/// that this module adds to `ByteBuffer`.
public struct RESPEncoder: MessageToByteEncoder {
    public typealias OutboundIn = RESPValue

    /// The version of the protocol that the peer understands.
    public var version: RESPVersion

    /// An encoder for a peer of this version.
    public init(version: RESPVersion = .resp2) {
        self.version = version
    }

    /// Appends the value. Never throws.
    public func encode(data: RESPValue, out: inout ByteBuffer) throws {
        out.writeRESP(data, version: self.version)
    }
}

extension ByteBuffer {
    /// Appends a value.
    ///
    /// For RESP2 what that version lacks is written as Redis does: maps and sets as arrays, doubles, big numbers and
    /// verbatim strings as bulk strings, booleans as 1 and 0, bulk errors as errors on one line. CR and LF inside a simple
    /// string or error would end it early and are written as spaces.
    ///
    /// - Complexity: linear in the encoded length. Recursive over nested aggregates, as deep as the value is.
    public mutating func writeRESP(_ value: RESPValue, version: RESPVersion) {
        switch value {
        case .simpleString(let bytes): self.writeRESPLine("+", bytes)
        case .simpleError(let bytes): self.writeRESPLine("-", bytes)
        case .integer(let integer): self.writeRESPInteger(integer)
        case .bulkString(let bytes): self.writeRESPBulkString(bytes)
        case .array(let elements): self.writeRESP(elements, type: "*", version: version)
        case .null: self.writeRESPNull(version: version)
        case .boolean(let boolean):
            if version == .resp3 {
                self.writeStaticString(boolean ? "#t\r\n" : "#f\r\n")
            } else {
                self.writeRESPInteger(boolean ? 1 : 0)
            }
        case .double(let double):
            let text = RESPNumber.text(double)
            if version == .resp3 { self.writeRESPLine(",", ByteBuffer(string: text)) } else { self.writeRESPBulkString(text) }
        case .bigNumber(let digits):
            if version == .resp3 { self.writeRESPLine("(", digits) } else { self.writeRESPBulkString(digits) }
        case .bulkError(let bytes):
            if version == .resp3 { self.writeRESPString("!", bytes) } else { self.writeRESPLine("-", bytes) }
        case .verbatimString(let bytes):
            if version == .resp3 {
                self.writeRESPString("=", bytes)
            } else {
                self.writeRESPBulkString(value.bytes ?? bytes)
            }
        case .map(let entries):
            self.writeRESPMapHeader(count: entries.count, version: version)
            for entry in entries {
                self.writeRESP(entry.key, version: version)
                self.writeRESP(entry.value, version: version)
            }
        case .set(let elements): self.writeRESP(elements, type: version == .resp3 ? "~" : "*", version: version)
        case .push(let elements): self.writeRESP(elements, type: version == .resp3 ? ">" : "*", version: version)
        }
    }

    /// Appends a command: an array of bulk strings, each with its length, so that no argument can be taken for another
    /// command whatever bytes it holds. The inline form is never written.
    ///
    /// - Parameters:
    ///   - name: the command's name.
    ///   - arguments: what follows it, in order.
    public mutating func writeRESPCommand(_ name: StaticString, _ arguments: ByteBuffer...) {
        self.writeRESPArrayHeader(count: arguments.count + 1)
        self.writeRESPBulkString(name)
        for argument in arguments { self.writeRESPBulkString(argument) }
    }

    /// Appends a command of these parts, its name first. See ``writeRESPCommand(_:_:)``.
    /// - Precondition: there is at least one part.
    public mutating func writeRESPCommand(parts: [ByteBuffer]) {
        precondition(!parts.isEmpty, "a command has a name")
        self.writeRESPArrayHeader(count: parts.count)
        for part in parts { self.writeRESPBulkString(part) }
    }

    /// Appends the line that opens an array of `count` elements; the caller writes them.
    public mutating func writeRESPArrayHeader(count: Int) {
        self.writeRESPHeader("*", count)
    }

    /// Appends the line that opens a map of `count` entries (RESP2: an array of twice as many elements).
    public mutating func writeRESPMapHeader(count: Int, version: RESPVersion) {
        if version == .resp3 { self.writeRESPHeader("%", count) } else { self.writeRESPHeader("*", count * 2) }
    }

    /// Appends an integer.
    public mutating func writeRESPInteger(_ integer: Int64) {
        self.writeStaticString(":")
        self.writeDecimal(integer)
        self.writeStaticString("\r\n")
    }

    /// Appends a null: `$-1` in RESP2, `_` in RESP3.
    public mutating func writeRESPNull(version: RESPVersion) {
        self.writeStaticString(version == .resp3 ? "_\r\n" : "$-1\r\n")
    }

    /// Appends a bulk string. Copies the bytes.
    public mutating func writeRESPBulkString(_ bytes: ByteBuffer) { self.writeRESPString("$", bytes) }

    /// Appends a bulk string of the string's UTF-8.
    public mutating func writeRESPBulkString(_ string: String) {
        var string = string
        string.makeContiguousUTF8()
        self.writeRESPHeader("$", string.utf8.count)
        self.writeString(string)
        self.writeStaticString("\r\n")
    }

    /// Appends a bulk string of the string's UTF-8.
    public mutating func writeRESPBulkString(_ string: StaticString) {
        self.writeRESPHeader("$", string.utf8CodeUnitCount)
        self.writeStaticString(string)
        self.writeStaticString("\r\n")
    }

    /// Appends a simple string or error of the text; CR and LF in it become spaces.
    public mutating func writeRESPSimple(_ text: String, isError: Bool = false) {
        self.writeRESPLine(isError ? "-" : "+", ByteBuffer(string: text))
    }

    // MARK: Pieces

    private mutating func writeRESP(_ elements: [RESPValue], type: StaticString, version: RESPVersion) {
        self.writeRESPHeader(type, elements.count)
        for element in elements { self.writeRESP(element, version: version) }
    }

    private mutating func writeRESPHeader(_ type: StaticString, _ number: Int) {
        self.writeStaticString(type)
        self.writeDecimal(Int64(number))
        self.writeStaticString("\r\n")
    }

    private mutating func writeRESPString(_ type: StaticString, _ bytes: ByteBuffer) {
        self.writeRESPHeader(type, bytes.readableBytes)
        self.writeImmutableBuffer(bytes)
        self.writeStaticString("\r\n")
    }

    private mutating func writeRESPLine(_ type: StaticString, _ text: ByteBuffer) {
        self.writeStaticString(type)
        let view = text.readableBytesView
        if view.contains(where: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) {
            self.writeBytes(view.map { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 })
        } else {
            self.writeImmutableBuffer(text)
        }
        self.writeStaticString("\r\n")
    }

    /// Decimal digits without a string in between. At most 20 bytes.
    private mutating func writeDecimal(_ number: Int64) {
        if (0...9).contains(number) {
            self.writeInteger(UInt8(ascii: "0") + UInt8(number))
            return
        }
        if number < 0 { self.writeInteger(UInt8(ascii: "-")) }
        var rest = number.magnitude
        var digits = 1
        var power: UInt64 = 1
        while rest / power >= 10 {
            power *= 10
            digits += 1
        }
        self.reserveCapacity(minimumWritableBytes: digits)
        while power > 0 {
            self.writeInteger(UInt8(ascii: "0") + UInt8(rest / power))
            rest %= power
            power /= 10
        }
    }
}

extension RESPNumber {
    /// A double as the protocol spells it.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "inf" }
        return value.description
    }
}
