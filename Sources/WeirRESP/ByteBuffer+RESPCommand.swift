public import NIOCore

/// Commands as they go over the wire: an array of strings, each with its length, so that no argument can be taken for another command
/// whatever bytes it holds. The inline form is never written.
extension ByteBuffer {
    /// Appends a command without arguments.
    public mutating func writeRESPCommand(_ name: StaticString) {
        self.writeRESP(space: RESPBytes.space(for: name)) { out in
            out.header(UInt8(ascii: "*"), 1)
            out.string(name)
        }
    }

    /// Appends a command of one argument. Copies it.
    public mutating func writeRESPCommand(_ name: StaticString, _ argument: ByteBuffer) {
        argument.withUnsafeReadableBytes { argument in
            self.writeRESP(space: RESPBytes.space(for: name) + RESPBytes.space(for: argument)) { out in
                out.header(UInt8(ascii: "*"), 2)
                out.string(name)
                out.string(argument)
            }
        }
    }

    /// Appends a command of two arguments. Copies them.
    public mutating func writeRESPCommand(_ name: StaticString, _ first: ByteBuffer, _ second: ByteBuffer) {
        first.withUnsafeReadableBytes { first in
            second.withUnsafeReadableBytes { second in
                let space = RESPBytes.space(for: name) + RESPBytes.space(for: first) + RESPBytes.space(for: second)
                self.writeRESP(space: space) { out in
                    out.header(UInt8(ascii: "*"), 3)
                    out.string(name)
                    out.string(first)
                    out.string(second)
                }
            }
        }
    }

    /// Appends a command of these arguments. Copies them.
    public mutating func writeRESPCommand(_ name: StaticString, _ arguments: [ByteBuffer]) {
        self.writeRESPArrayHeader(count: arguments.count + 1)
        self.writeRESPBulkString(name)
        for argument in arguments { self.writeRESPBulkString(argument) }
    }

    /// Appends a command of these parts, its name first. Copies them.
    ///
    /// - Precondition: there is at least one part.
    public mutating func writeRESPCommand(parts: [ByteBuffer]) {
        precondition(!parts.isEmpty, "a command has a name")
        self.writeRESPArrayHeader(count: parts.count)
        for part in parts { self.writeRESPBulkString(part) }
    }

    /// Appends a bulk string. Copies the bytes.
    public mutating func writeRESPBulkString(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { bytes in
            self.writeRESP(space: RESPBytes.space(for: bytes)) { $0.string(bytes) }
        }
    }

    /// Appends a bulk string of the string's UTF-8.
    public mutating func writeRESPBulkString(_ string: String) {
        var string = string
        string.withUTF8 { bytes in
            self.writeRESP(space: RESPBytes.space(for: UnsafeRawBufferPointer(bytes))) { $0.string(UnsafeRawBufferPointer(bytes)) }
        }
    }

    /// Appends a bulk string of the string's UTF-8.
    public mutating func writeRESPBulkString(_ string: StaticString) {
        self.writeRESP(space: RESPBytes.space(for: string)) { $0.string(string) }
    }

    /// Appends an integer as a bulk string, as the arguments of commands have it.
    public mutating func writeRESPBulkString(_ integer: Int64) {
        self.writeRESP(space: 64) { $0.string(integer) }
    }

    /// Appends the line that opens an array of `count` elements; the caller writes them.
    public mutating func writeRESPArrayHeader(count: Int) {
        self.writeRESPHeader(UInt8(ascii: "*"), count)
    }

    mutating func writeRESPHeader(_ type: UInt8, _ number: Int) {
        self.writeRESP(space: RESPBytes.headerSpace) { $0.header(type, number) }
    }

    /// Appends what the body writes, which is at most `space` bytes.
    @inline(__always)
    mutating func writeRESP(space: Int, _ body: (inout RESPBytes) -> Void) {
        // As `writeWithUnsafeMutableBytes`, without the slices that it makes on the way: this is most of what a short command costs.
        if self.writableBytes < space { self.reserveCapacity(minimumWritableBytes: space) }
        let end = self.writerIndex
        let written = self.withVeryUnsafeMutableBytes { memory in
            // Never nil: there is space.
            let start = memory.baseAddress! + end
            var out = RESPBytes(start)
            body(&out)
            return out.next - start
        }
        self.moveWriterIndex(forwardBy: written)
    }
}

/// Writes pieces of the protocol one behind the other, where there is space for them.
struct RESPBytes {
    private(set) var next: UnsafeMutableRawPointer

    /// A type, a sign and nineteen digits, and CRLF.
    static var headerSpace: Int { 23 }

    static func space(for bytes: UnsafeRawBufferPointer) -> Int { self.headerSpace + bytes.count + 2 }
    static func space(for string: StaticString) -> Int { 2 * self.headerSpace + string.utf8CodeUnitCount + 2 }

    @inline(__always)
    init(_ start: UnsafeMutableRawPointer) { self.next = start }

    @inline(__always)
    private mutating func byte(_ byte: UInt8) {
        self.next.storeBytes(of: byte, as: UInt8.self)
        self.next += 1
    }

    @inline(__always)
    private mutating func lineEnd() {
        self.next.storeBytes(of: UInt16(bigEndian: 0x0D0A), as: UInt16.self)
        self.next += 2
    }

    @inline(__always)
    private mutating func bytes(_ bytes: UnsafeRawPointer, _ count: Int) {
        // Names of commands and most keys: less than it takes to call for a copy.
        if count < 4 {
            for index in 0..<count { self.copy(UInt8.self, bytes, at: index) }
        } else if count < 8 {
            self.copy(UInt32.self, bytes, at: 0)
            self.copy(UInt32.self, bytes, at: count - 4)
        } else if count <= 16 {
            self.copy(UInt64.self, bytes, at: 0)
            self.copy(UInt64.self, bytes, at: count - 8)
        } else if count <= 32 {
            self.copy(SIMD16<UInt8>.self, bytes, at: 0)
            self.copy(SIMD16<UInt8>.self, bytes, at: count - 16)
        } else {
            self.next.copyMemory(from: bytes, byteCount: count)
        }
        self.next += count
    }

    /// Copies what is as long as a word of this type.
    @inline(__always)
    private func copy<Word: BitwiseCopyable>(_: Word.Type, _ bytes: UnsafeRawPointer, at offset: Int) {
        (self.next + offset).storeBytes(of: (bytes + offset).loadUnaligned(as: Word.self), as: Word.self)
    }

    @inline(__always)
    mutating func header(_ type: UInt8, _ number: Int) {
        if (0..<10).contains(number) {
            // Most are: the line in one store.
            let digit = UInt32(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
            self.next.storeBytes(of: UInt32(bigEndian: UInt32(type) << 24 | digit << 16 | 0x0D0A), as: UInt32.self)
            self.next += 4
            return
        }
        self.byte(type)
        self.decimal(Int64(number))
        self.lineEnd()
    }

    @inline(__always)
    mutating func string(_ bytes: UnsafeRawBufferPointer) {
        self.header(UInt8(ascii: "$"), bytes.count)
        if let start = bytes.baseAddress { self.bytes(start, bytes.count) }
        self.lineEnd()
    }

    @inline(__always)
    mutating func string(_ string: StaticString) {
        self.header(UInt8(ascii: "$"), string.utf8CodeUnitCount)
        self.bytes(string.utf8Start, string.utf8CodeUnitCount)
        self.lineEnd()
    }

    mutating func string(_ integer: Int64) {
        self.header(UInt8(ascii: "$"), Self.digits(integer.magnitude) + (integer < 0 ? 1 : 0))
        self.decimal(integer)
        self.lineEnd()
    }

    @inline(__always)
    mutating func decimal(_ number: Int64) {
        if (0..<10).contains(number) {
            self.byte(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
        } else if (10..<100).contains(number) {
            let (tens, ones) = UInt8(truncatingIfNeeded: number).quotientAndRemainder(dividingBy: 10)
            self.byte(UInt8(ascii: "0") + tens)
            self.byte(UInt8(ascii: "0") + ones)
        } else {
            self.longDecimal(number)
        }
    }

    private static func digits(_ magnitude: UInt64) -> Int {
        var digits = 1
        var rest = magnitude
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        return digits
    }

    @inline(never)
    private mutating func longDecimal(_ number: Int64) {
        if number < 0 { self.byte(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let digits = Self.digits(rest)
        for index in stride(from: digits - 1, through: 0, by: -1) {
            (self.next + index).storeBytes(of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), as: UInt8.self)
            rest /= 10
        }
        self.next += digits
    }
}
