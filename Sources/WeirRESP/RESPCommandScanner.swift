/// Finds the commands in what a client sends, without taking them out: where each ends and where its name stands.
///
/// For servers and proxies that pass commands on as they are. It is shown all bytes of a command from its first one on, as often as there
/// are more, and goes on where it stopped, so that the work is linear in the bytes. The limits that count are those on elements, bulk
/// length and frame length. ``RESPRequestDecoder`` is made of it.
///
/// - Throws: ``RESPError`` on what is no command and on limits passed, the same however the bytes were cut.
public struct RESPCommandScanner: Sendable {
    /// What begins at a place.
    public enum Found: Sendable {
        /// A command that is whole.
        case command(Command)
        /// One without arguments, which Redis passes over: where it ends.
        case empty(end: Int)
        /// A line that begins with something else than `*`: a command in the inline form, if it is one.
        case inline
        /// Not whole.
        case cutOff
    }

    /// Where a command is, in offsets of the bytes that were shown.
    public struct Command: Sendable {
        /// After its last byte.
        public let end: Int
        /// Where its name begins, and how long it is.
        public let nameStart: Int
        public let nameLength: Int
        /// Arguments, the name counted; at least 1.
        public let count: Int
    }

    private let limits: RESPLimits
    /// Bytes of the command that have been checked, if it is one that was cut off.
    private var position = 0
    private var count = 0
    /// Arguments to come.
    private var missing = 0
    /// The end of an argument whose length has been read, its CRLF included; 0 without one.
    private var payloadEnd = 0
    private var nameStart = 0
    private var nameLength = 0

    /// A scanner with these limits.
    public init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
    }

    /// A command that was cut off needs so many bytes at least, from its first one on.
    public var neededBytes: Int { max(self.position + 1, self.payloadEnd) }

    /// Looks at what begins at `start`.
    ///
    /// - Parameter bytes: with all bytes from the first of the command on.
    /// - Complexity: amortized, linear in the bytes that are new.
    public mutating func next(_ bytes: UnsafeRawBufferPointer, at start: Int) throws(RESPError) -> Found {
        guard start < bytes.count else { return .cutOff }
        if self.position == 0 {
            guard bytes[start] == UInt8(ascii: "*") else { return .inline }
            if let command = self.whole(bytes, at: start) { return .command(command) }
        }
        return try self.step(UnsafeRawBufferPointer(rebasing: bytes[start...]), offset: start)
    }

    /// What most are: up to 99 arguments of up to 99,999 bytes, all there, nothing wrong. All else is left to ``step(_:offset:)``.
    @inline(__always)
    private func whole(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Command? {
        // The shortest is `*1\r\n$1\r\nA\r\n`.
        guard bytes.count - start >= 11 else { return nil }
        let lineEnd = UInt16(bigEndian: 0x0D0A)
        var count = Int(bytes[start + 1] &- UInt8(ascii: "0"))
        guard count >= 1, count <= 9 else { return nil }
        var at = start + 2
        let digit = bytes[at] &- UInt8(ascii: "0")
        if digit <= 9 {
            count = count &* 10 &+ Int(digit)
            at += 1
        }
        guard bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self) == lineEnd, count <= self.limits.maximumElements else { return nil }
        at += 2
        var nameStart = 0
        var nameLength = 0
        var missing = count
        let longest = self.limits.maximumBulkLength
        while missing > 0 {
            // The shortest argument is `$0\r\n\r\n`.
            guard at &+ 6 <= bytes.count, bytes[at] == UInt8(ascii: "$") else { return nil }
            var length = Int(bytes[at &+ 1] &- UInt8(ascii: "0"))
            guard length <= 9 else { return nil }
            at = at &+ 2
            if length > 0 {
                let digitsEnd = min(at &+ 4, bytes.count &- 4)
                while at < digitsEnd {
                    let digit = bytes[at] &- UInt8(ascii: "0")
                    guard digit <= 9 else { break }
                    length = length &* 10 &+ Int(digit)
                    at = at &+ 1
                }
            }
            let end = at &+ 2 &+ length
            guard bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self) == lineEnd, end &+ 2 <= bytes.count, length <= longest,
                bytes.loadUnaligned(fromByteOffset: end, as: UInt16.self) == lineEnd
            else { return nil }
            if missing == count { (nameStart, nameLength) = (at &+ 2, length) }
            at = end &+ 2
            missing &-= 1
        }
        guard at &- start <= self.limits.maximumFrameLength else { return nil }
        return Command(end: at, nameStart: nameStart, nameLength: nameLength, count: count)
    }

    private mutating func step(_ bytes: UnsafeRawBufferPointer, offset: Int) throws(RESPError) -> Found {
        if self.missing == 0 {
            let line = try RESPLengthLine(bytes, at: 1)
            guard line.end > 0 else { return .cutOff }
            guard !line.isStreamed else { throw RESPError(.malformedNumber, "a command's count that is none") }
            if line.length <= 0 { return .empty(end: offset + line.end) }
            guard line.length <= self.limits.maximumElements else {
                throw RESPError(.tooManyElements, "a command has more arguments than the limit")
            }
            self.missing = line.length
            self.count = line.length
            self.position = line.end
        }
        while self.missing > 0 {
            if self.payloadEnd == 0, try !self.beginArgument(bytes) { return .cutOff }
            guard bytes.count >= self.payloadEnd else { return .cutOff }
            guard bytes[self.payloadEnd - 2] == UInt8(ascii: "\r"), bytes[self.payloadEnd - 1] == UInt8(ascii: "\n") else {
                throw RESPError(.malformedLine, "a string does not end where its length says")
            }
            self.position = self.payloadEnd
            self.payloadEnd = 0
            self.missing -= 1
        }
        defer { self.position = 0 }
        return .command(
            Command(
                end: offset + self.position, nameStart: offset + self.nameStart, nameLength: self.nameLength, count: self.count))
    }

    /// - Returns: false where the line is cut off.
    private mutating func beginArgument(_ bytes: UnsafeRawBufferPointer) throws(RESPError) -> Bool {
        guard self.position < bytes.count else { return false }
        guard bytes[self.position] == UInt8(ascii: "$") else {
            throw RESPError(.malformedValue, "a command's argument is a string with its length")
        }
        let line = try RESPLengthLine(bytes, at: self.position + 1)
        guard line.end > 0 else { return false }
        guard line.length >= 0 else { throw RESPError(.malformedNumber, "a command's argument has a length") }
        guard line.length <= self.limits.maximumBulkLength else { throw RESPError(.bulkTooLong, "a string is longer than the limit") }
        guard line.end + 2 <= self.limits.maximumFrameLength - line.length else {
            throw RESPError(.frameTooLong, "a command is longer than the limit")
        }
        if self.missing == self.count { (self.nameStart, self.nameLength) = (line.end, line.length) }
        self.payloadEnd = line.end + line.length + 2
        return true
    }
}
